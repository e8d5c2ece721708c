"""One run read whole, and then on from where the last reading ended.

Values are plain columns: one array a name, with what was logged in the order in which it was.
"""

import math
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from handseg.errors import InputError
from handseg.runs import jsonl, layout
from handseg.runs.events import ValidationEvent, steps_of, validation_limit, values_of
from handseg.runs.index import RunIndex
from handseg.runs.jsonl import number, whole
from handseg.runs.summary import RunSummary
from handseg.score.dice import worst_first

ROOM = 1.25
"""How much larger an array becomes when it is full: memory counts more than copying."""
LEAST_ROOM = 1024
IN_COLUMNS = ("dice", "means", "best")
"""Fields of a validation that its event does not keep: `History` has them as arrays."""
RECENT = 8
"""Stretches between validations from which the pace is taken."""
LEAST = 3

Number = TypeVar("Number", bound=np.generic)


class GrowableArray(Generic[Number]):
    """Numbers that grow at the end and are handed out without a copy.

    What was handed out is never changed by what comes later.
    """

    def __init__(self, kind: type[Number], values: Sequence[float] | NDArray[Any] = ()) -> None:
        self._kind = kind
        self._room: NDArray[Number] = np.array(values, kind)
        self._count = len(self._room)

    def __len__(self) -> int:
        return self._count

    @property
    def values(self) -> NDArray[Number]:
        """All of them: a view, which must not be written to."""
        return self._room[: self._count]

    def extend(self, values: Sequence[float] | range) -> None:
        end = self._count + len(values)
        if end > len(self._room):
            room = np.empty(max(LEAST_ROOM, int(end * ROOM)), self._kind)
            room[: self._count] = self.values
            self._room = room
        self._room[self._count : end] = values
        self._count = end

    def cut(self, count: int) -> None:
        """Leave the first ones only, in a room of their own: others may still read the rest."""
        self._room = self._room[: min(count, self._count)].copy()
        self._count = len(self._room)


@dataclass(frozen=True)
class Series:
    """A logged value: `steps` int64[n], rising; `values` float64[n], NaN where there is none."""

    steps: NDArray[np.int64]
    values: NDArray[np.float64]


class StepsTable:
    """The values of all steps, grown line by line; a resume cuts what comes after it.

    What a line says in one number for all of its steps stands at its first and its last step.
    Values at the same steps share the array of these: eight runs of 125,000 steps and their loss
    are 16 MB.
    """

    def __init__(self) -> None:
        self._columns: dict[str, GrowableArray[np.float64]] = {}
        self._axes: dict[str, _Axis] = {}
        """The steps of each column; columns that always come together have the same object."""

    def add(self, line: Mapping[str, Any]) -> None:
        """Take in one line of `steps.jsonl`."""
        if "resume" in line:
            step = whole(line["resume"])
            if step is not None:
                self._cut(step)
            return
        steps = steps_of(line)
        ends = steps[:: max(1, len(steps) - 1)]
        # The columns of each axis, by the steps at which this line has values of them.
        parts: dict[_Axis, dict[range, list[str]]] = {}
        fresh = _Axis()
        for name, value in values_of(line).items():
            places = steps if isinstance(value, list) else ends
            numbers = _numbers(cast("object", value), len(places))
            if numbers is None:
                continue
            if name not in self._columns:
                self._columns[name] = GrowableArray(np.float64)
                self._axes[name] = fresh
                fresh.users += 1
            self._columns[name].extend(numbers)
            parts.setdefault(self._axes[name], {}).setdefault(places, []).append(name)
        for axis, by_places in parts.items():
            self._extend(axis, by_places)

    def _extend(self, axis: "_Axis", by_places: Mapping[range, Sequence[str]]) -> None:
        """Append the steps of a line to an axis; columns that part ways get their own."""
        for places, names in by_places.items():
            own = axis
            if len(names) < axis.users:
                own = _Axis(axis.steps.values, len(names))
                axis.users -= len(names)
                self._axes.update(dict.fromkeys(names, own))
            own.steps.extend(places)

    def _cut(self, step: int) -> None:
        counts = {
            axis: int(np.searchsorted(axis.steps.values, step, side="right"))
            for axis in set(self._axes.values())
        }
        for name, column in self._columns.items():
            column.cut(counts[self._axes[name]])
        for axis, count in counts.items():
            axis.steps.cut(count)

    def series(self) -> dict[str, Series]:
        """Every logged value by its name; what was handed out stays as it is."""
        return {
            name: Series(self._axes[name].steps.values, column.values)
            for name, column in self._columns.items()
        }


class _Axis:
    """The steps of the columns that have always come together, and how many these are."""

    def __init__(self, steps: Sequence[float] | NDArray[np.int64] = (), users: int = 0) -> None:
        self.steps = GrowableArray(np.int64, steps)
        self.users = users


def _numbers(value: object, count: int) -> list[float] | None:
    """The value as one number a step; None where it is no such thing."""
    if isinstance(value, list):
        found = cast("list[object]", value)
        return [_number(item) for item in found] if len(found) == count else None
    return [_number(value)] * count


def _number(value: object) -> float:
    return value if type(value) is float else number(value)


class History:
    """The events of a run that count, taken in one by one, and its validations as columns.

    What was handed out is never changed by what comes later. Of a validation the event keeps what a
    line says: `best_mean`, and as `worst` the class with the lowest Dice and that Dice, instead of
    the Dice of all classes.
    """

    def __init__(self, classes: tuple[str, ...]) -> None:
        self.classes = classes
        self._events: list[jsonl.Object] = []
        self._handed_out: tuple[jsonl.Object, ...] = ()
        self._steps = GrowableArray(np.int64)
        self._epochs, self._times, self._means, self._dice = (
            GrowableArray(np.float64) for _ in range(4)
        )

    @property
    def events(self) -> tuple[jsonl.Object, ...]:
        """All that count, in order; the same object as before where none came."""
        if len(self._handed_out) != len(self._events):
            self._handed_out = tuple(self._events)
        return self._handed_out

    @property
    def steps(self) -> NDArray[np.int64]:
        return self._steps.values

    @property
    def epochs(self) -> NDArray[np.float64]:
        return self._epochs.values

    @property
    def times(self) -> NDArray[np.float64]:
        return self._times.values

    @property
    def means(self) -> NDArray[np.float64]:
        return self._means.values

    @property
    def dice(self) -> NDArray[np.float64]:
        return self._dice.values.reshape(len(self._steps), len(self.classes))

    def take(self, events: Iterable[Mapping[str, Any]]) -> None:
        """Take in the events that follow."""
        for event in events:
            kind = event.get("kind")
            if kind == layout.RESUME:
                self._cancel(number(event.get("step"), math.inf), validation_limit(event))
            self._events.append(
                _with_shared_names(self._validation(event) if kind == layout.VALIDATION else event)
            )

    def _validation(self, event: Mapping[str, Any]) -> jsonl.Object:
        found = ValidationEvent.decode(event)
        self._steps.extend([found.step])
        self._epochs.extend([found.epoch])
        self._times.extend([found.time])
        self._means.extend([found.mean])
        dice = {name: found.dice.get(name, math.nan) for name in self.classes}
        self._dice.extend(list(dice.values()))
        shown = {name: value for name, value in event.items() if name not in IN_COLUMNS}
        shown["best_mean"] = found.best_mean
        if worst := worst_first(dice, found.not_bones)[:1]:
            shown["worst"] = worst[0]
        return shown

    def _cancel(self, step: float, validation_step: float) -> None:
        """Forget the checkpoints of later steps, and the validations after theirs."""
        last = {layout.CHECKPOINT: step, layout.VALIDATION: validation_step}
        before = len(self._events)
        self._events = [
            event
            for event in self._events
            if number(event.get("step"), 0) <= last.get(str(event.get("kind")), math.inf)
        ]
        if len(self._events) == before:
            return
        self._handed_out = ()
        counts = self.steps <= validation_step
        self._dice = GrowableArray(np.float64, self.dice[counts].reshape(-1))
        self._steps = GrowableArray(np.int64, self.steps[counts])
        self._epochs, self._times, self._means = (
            GrowableArray(np.float64, column.values[counts])
            for column in (self._epochs, self._times, self._means)
        )


def _with_shared_names(event: Mapping[str, Any]) -> jsonl.Object:
    """The same with names that all events share: JSON has those of each line anew."""
    found = {sys.intern(name): value for name, value in event.items()}
    if isinstance(kind := found.get("kind"), str):
        found["kind"] = sys.intern(kind)
    return found


@dataclass(frozen=True)
class RunDetails:
    """A run read whole.

    `dice` is float64[validations, classes] in the order of `summary.classes`, NaN where there is
    none; `validation_steps` int64, `epochs`, `times` (seconds since 1970) and `means` float64, one
    a validation. `steps` holds every value that steps log. `events` are all that count, in order,
    those of validations as `History` keeps them.
    """

    summary: RunSummary
    run: Mapping[str, Any]
    events: tuple[Mapping[str, Any], ...]
    validation_steps: NDArray[np.int64]
    epochs: NDArray[np.float64]
    times: NDArray[np.float64]
    means: NDArray[np.float64]
    dice: NDArray[np.float64]
    steps: Mapping[str, Series]
    unread: int = 0
    """Lines of both logs that are damaged: what they said is missing."""


def read_run(folder: Path) -> RunDetails:
    """Read a run whole.

    Raises:
        InputError: it is no run, or cannot be read.
    """
    return RunFollower(folder).refresh()


class RunFollower:
    """One run, read whole at first and then on from where the last reading ended."""

    def __init__(self, folder: Path, now: Callable[[], float] = time.time) -> None:
        self.folder = folder
        self._index = RunIndex(folder.parent, now=now)
        self._event_log = jsonl.Follower(folder / layout.EVENTS)
        self._step_log = jsonl.Follower(folder / layout.STEPS)
        self._history = History(())
        self._steps = StepsTable()

    def refresh(self) -> RunDetails:
        """The run as it is now.

        Raises:
            InputError: it is no run, or cannot be read.
        """
        summary = self._index.summary(self.folder)
        if summary.state == "broken":
            raise _unreadable(summary, summary.message)
        try:
            self._read_events(summary.classes)
            self._read_steps()
        except OSError as error:
            raise _unreadable(summary, str(error)) from error
        history = self._history
        return RunDetails(
            summary=summary,
            run=_run_fields(summary.folder),
            events=history.events,
            validation_steps=history.steps,
            epochs=history.epochs,
            times=history.times,
            means=history.means,
            dice=history.dice,
            steps=self._steps.series(),
            unread=self._event_log.unread + self._step_log.unread,
        )

    def _read_events(self, classes: tuple[str, ...]) -> None:
        if classes != self._history.classes:
            # A run that did not say its classes has those of its last validation.
            self._event_log = jsonl.Follower(self._event_log.path)
        for anew, events in self._event_log.read():
            if anew:
                self._history = History(classes)
            self._history.take(events)

    def _read_steps(self) -> None:
        if not self._step_log.path.exists():
            return
        for anew, lines in self._step_log.read():
            if anew:
                self._steps = StepsTable()
            for line in lines:
                self._steps.add(line)


def _unreadable(run: RunSummary, why: str) -> InputError:
    return InputError(f"the run {run.name} cannot be read", details=why)


def _run_fields(folder: Path) -> Mapping[str, Any]:
    try:
        return jsonl.decode((folder / layout.RUN).read_bytes()) or {}
    except OSError:
        return {}


def eta_range(details: RunDetails) -> tuple[float, float]:
    """Seconds until the last epoch is done, at the quickest and the slowest pace of late.

    The paces are those between the last validations since the process took the run; the range runs
    from their 10th to their 90th percentile. NaN where there are fewer than three, or nothing runs.
    """
    run = details.summary
    if not run.is_live or not run.epochs or not run.steps_per_epoch:
        return math.nan, math.nan
    paces = sorted(_recent_paces(details.events))
    if len(paces) < LEAST:
        return math.nan, math.nan
    left = max(0.0, run.epochs * run.steps_per_epoch - run.step)
    return left * _quantile(paces, 0.1), left * _quantile(paces, 0.9)


def _quantile(rising: Sequence[float], share: float) -> float:
    """Between the two values next to it as numpy's percentile, which takes longer than all else."""
    place = share * (len(rising) - 1)
    low, high = rising[math.floor(place)], rising[math.ceil(place)]
    return low + (high - low) * (place - math.floor(place))


def _recent_paces(events: Sequence[Mapping[str, Any]]) -> list[float]:
    """Seconds a step between the last validations.

    A resume begins anew: the time before it was no training.
    """
    found: list[float] = []
    after: tuple[float, float] | None = None
    for event in reversed(events):
        kind = event.get("kind")
        if kind in (layout.START, layout.RESUME):
            after = None
        elif kind == layout.VALIDATION:
            step, time = event.get("step"), event.get("t")
            if not isinstance(step, (int, float)) or not isinstance(time, (int, float)):
                continue
            if after is not None and step < after[0] and time < after[1]:
                found.append((after[1] - time) / (after[0] - step))
            if len(found) == RECENT:
                break
            after = float(step), float(time)
    return found
