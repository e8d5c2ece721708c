"""Values of every step: gathered in memory, written once a second by a thread, read back whole."""

import math
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from handseg.runs import jsonl, layout
from handseg.runs.growing import Growing
from handseg.runs.validations import number, whole

DIGITS = 5
"""Significant digits kept: a million steps of loss and rate stay below 15 MB."""
FLAT = 1e-3
"""A value that changes by less than this share within a line is written once."""
BURST = 1024 * 1024
"""Bytes up to which there is a line a second."""
LONGEST = 1_000_000
"""Steps that a line may hold: what says more is damaged."""
LONG_LINE = 32
"""Steps of a line from then on: its other fields cost little then."""


class StepsThread:
    """Writes the steps logged since its last line, once a second; touches the file in any case.

    The touch is the heartbeat of the run, during validation too. When the disk is full the points
    are kept and tried again. A file that has grown beyond `BURST` gets longer lines less often: a
    million steps stay below 15 MB at any pace.
    """

    def __init__(
        self,
        path: Path,
        clock: Callable[[], float] = time.time,
        each_beat: Callable[[], None] = lambda: None,
    ) -> None:
        self._path = path
        self._log = jsonl.Appender(path)
        self._clock = clock
        self._each_beat = each_beat
        self._points: list[tuple[int, dict[str, float]]] = []
        self._gauges: dict[str, float] = {}
        self._cut: int | None = None
        """A step after which all is to be cancelled, as long as the disk has no room for that."""
        self._guard = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="handseg-steps", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def cancel(self, step: int) -> None:
        """Cancel what was logged for later steps; waits for room like the steps themselves."""
        with self._guard:
            self._points = [point for point in self._points if point[0] <= step]
            self._cut = step if self._cut is None else min(step, self._cut)
        self._write(last=False)

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """Log the values of one step; written within a second."""
        with self._guard:
            self._points.append((step, {name: float(value) for name, value in values.items()}))

    def gauge(self, values: Mapping[str, float]) -> None:
        """Values that are told once a line: how fast it goes, what is used."""
        with self._guard:
            self._gauges.update(values)

    def stop(self) -> None:
        """Write what is left and end the thread."""
        self._ended.set()
        self._thread.join()
        self._write(last=True)
        self._log.close()

    def _beat(self) -> None:
        while not self._ended.wait(layout.HEARTBEAT):
            self._write(last=False)
            with suppress(OSError):
                # What cannot be touched is silent: that is what a reader should see.
                os.utime(self._path)
                self._each_beat()

    def _write(self, *, last: bool) -> None:
        with self._guard, suppress(OSError):
            if self._cut is not None:
                self._log.append({"t": round(self._clock(), 1), "resume": self._cut})
                self._cut = None
            while self._points and (last or self._is_worth_a_line()):
                count = _even_stretch([step for step, _ in self._points])
                self._log.append(line(self._clock(), self._points[:count], self._gauges))
                del self._points[:count]

    def _is_worth_a_line(self) -> bool:
        return len(self._points) >= LONG_LINE or self._log.size < BURST


def _even_stretch(steps: Sequence[int]) -> int:
    """How many of the steps, from the first on, lie at equal distances."""
    if len(steps) < 3:
        return len(steps) if len(steps) < 2 or steps[1] > steps[0] else 1
    distance = steps[1] - steps[0]
    if distance < 1:
        return 1
    count = 2
    while count < len(steps) and steps[count] - steps[count - 1] == distance:
        count += 1
    return count


def line(
    now: float,
    points: Sequence[tuple[int, Mapping[str, float]]],
    gauges: Mapping[str, float] | None = None,
) -> dict[str, Any]:
    """The line of `steps.jsonl` for steps at equal distances."""
    found: dict[str, Any] = {"t": round(now, 1), "step": points[0][0]}
    if len(points) > 1:
        found["n"] = len(points)
        if (every := points[1][0] - points[0][0]) != 1:
            found["every"] = every
    names = dict.fromkeys(name for _, values in points for name in values)
    for name in names:
        found[name] = _series([values.get(name, math.nan) for _, values in points])
    found |= {name: _rough(value) for name, value in (gauges or {}).items()}
    return found


def _series(values: Sequence[float]) -> list[float | None] | float | None:
    """One number where all are nearly the same, else one a step."""
    if not all(map(math.isfinite, values)):
        return [_short(value) for value in values]
    if max(values) - min(values) <= FLAT * abs(values[-1]):
        return _short(values[-1])
    return [_short(value) for value in values]


def _rough(value: float) -> float | None:
    return float(f"{value:.3g}") if math.isfinite(value) else None


def _short(value: float) -> float | None:
    return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None


def values_of(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if name not in layout.STEP_FIELDS}


def steps_of(entry: Mapping[str, Any]) -> range:
    """The steps of a line; none for a heartbeat."""
    start = whole(entry.get("step"))
    every, count = (whole(entry.get(name, 1), 1, LONGEST) for name in ("every", "n"))
    if start is None or every is None or count is None:
        return range(0)
    return range(start, start + count * every, every)


@dataclass(frozen=True)
class Series:
    """A logged value: `steps` int64[n], rising; `values` float64[n], NaN where there is none."""

    steps: NDArray[np.int64]
    values: NDArray[np.float64]


class StepsTable:
    """The values of all steps, grown line by line; a resume cuts what comes after it.

    What a line says in one number for all of its steps is kept at its first and its last step.
    Values at the same steps share them: eight runs of 125,000 steps and their loss are 16 MB.
    """

    def __init__(self) -> None:
        self._every, self._ends = _Axis(), _Axis()
        """All steps, and the first and the last one of each line."""
        self._columns: dict[str, _Column] = {}

    def add(self, entry: Mapping[str, Any]) -> None:
        """Take in one line of `steps.jsonl`."""
        if "resume" in entry:
            step = whole(entry["resume"])
            if step is not None:
                self._cut(step)
            return
        steps, values = steps_of(entry), values_of(entry)
        ends = steps[:: max(1, len(steps) - 1)]
        axes = [self._ends]
        # A damaged line may speak of a million steps that nothing was logged at.
        if len(steps) == len(ends) or any(isinstance(value, list) for value in values.values()):
            axes.insert(0, self._every)
        for axis in axes:
            axis.extend(ends if axis is self._ends else steps)
        for name, value in values.items():
            places = steps if isinstance(value, list) else ends
            numbers = _numbers(cast("object", value), len(places))
            if numbers is not None:
                self._columns.setdefault(name, _Column()).extend(places, numbers, axes)

    def _cut(self, step: int) -> None:
        for column in self._columns.values():
            column.cut(step)
        for axis in (self._every, self._ends):
            axis.cut(step)

    def series(self) -> dict[str, Series]:
        """Every logged value by its name; what was handed out stays as it is."""
        return {name: column.series() for name, column in self._columns.items()}


class _Axis:
    """Steps at which several values may lie."""

    def __init__(self, steps: NDArray[np.int64] | None = None) -> None:
        self.steps = Growing(np.int64, steps)
        self.before = 0
        """How many there were before the last line."""
        self.newest = range(0)
        """The steps of the last line."""

    def extend(self, steps: range) -> None:
        self.before, self.newest = len(self.steps), steps
        self.steps.extend(steps)

    def cut(self, step: int) -> None:
        self.steps.cut(int(np.searchsorted(self.steps.values, step, side="right")))


class _Column:
    """One logged value; it shares its steps with others as long as they lie at the same ones."""

    def __init__(self) -> None:
        self._axis = _Axis()
        self._is_shared = True
        self._values = Growing(np.float64)

    def extend(self, steps: range, numbers: Sequence[float], axes: Sequence[_Axis]) -> None:
        """Append the values of a line, which the shared axes have already."""
        before = len(self._values)
        if self._is_shared and not self._goes_on(self._axis, steps):
            own = self._axis.steps.values[:before]
            fitting = [
                axis
                for axis in axes
                if self._goes_on(axis, steps) and np.array_equal(axis.steps.values[:before], own)
            ]
            self._is_shared = bool(fitting)
            self._axis = fitting[0] if fitting else _Axis(own)
        if not self._is_shared:
            self._axis.extend(steps)
        self._values.extend(numbers)

    def _goes_on(self, axis: _Axis, steps: range) -> bool:
        return axis.before == len(self._values) and axis.newest == steps

    def cut(self, step: int) -> None:
        """Forget what comes after a step; steps that are shared are cut by their owner."""
        own = self._axis.steps.values[: len(self._values)]
        self._values.cut(int(np.searchsorted(own, step, side="right")))
        if not self._is_shared:
            self._axis.cut(step)

    def series(self) -> Series:
        return Series(self._axis.steps.values[: len(self._values)], self._values.values)


def _numbers(value: object, count: int) -> list[float] | None:
    """The value as one number a step; None where it is no such thing."""
    if isinstance(value, list):
        found = cast("list[object]", value)
        return [_number(item) for item in found] if len(found) == count else None
    return [_number(value)] * count


def _number(value: object) -> float:
    return value if type(value) is float else number(value)
