"""The lines of `events.jsonl` and `steps.jsonl`: what they hold, checked as they are written."""

import math
import sys
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from handseg.runs import jsonl, layout
from handseg.runs.jsonl import LARGEST, mapping, number, whole
from handseg.score.dice import mean_of_classes

DIGITS = 5
"""Significant digits kept: a million steps of loss and rate stay below 15 MB."""
FLAT = 1e-3
"""A value that changes by less than this share within a line is written once."""
LONGEST = 1_000_000
"""Steps that a line may hold: what says more is damaged."""


def event_line(kind: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """An event with its version, time and kind.

    Raises:
        ValueError: the kind is unknown, or a field that it needs is missing.
    """
    if kind not in layout.KINDS:
        raise ValueError(f"{kind!r} is none of {', '.join(layout.KINDS)}")
    missing = [name for name in layout.REQUIRED.get(kind, ()) if name not in values]
    if missing:
        raise ValueError(f"a {kind} event needs {', '.join(missing)}")
    return {"v": layout.VERSION, "t": round(time.time(), 3), "kind": kind, **values}


@dataclass(frozen=True)
class ValidationEvent:
    """A validation as its event tells it: NaN and nothing where that is missing or damaged."""

    step: int = 0
    epoch: float = math.nan
    time: float = math.nan
    """Seconds since 1970."""
    mean: float = math.nan
    dice: Mapping[str, float] = field(default_factory=dict[str, float])
    """Dice of each class."""
    best_mean: float = math.nan
    """The best mean up to here."""
    metrics: Mapping[str, Mapping[str, float]] = field(
        default_factory=dict[str, Mapping[str, float]]
    )
    """Further metrics by name, each with its value for each class."""
    not_bones: tuple[str, ...] = ()
    """Classes that the means leave out: none in the events of an older handseg."""

    @classmethod
    def decode(cls, event: Mapping[str, Any]) -> "ValidationEvent":
        metrics = mapping(event.get("metrics"))
        return cls(
            int(min(max(number(event.get("step"), 0.0), 0), LARGEST)),
            number(event.get("epoch")),
            number(event.get("t")),
            number(event.get("mean")),
            _by_class(event.get("dice")),
            number(mapping(event.get("best")).get("mean")),
            {name: _by_class(values) for name, values in metrics.items()},
            names(event.get("not_bones")),
        )


def _by_class(value: object) -> dict[str, float]:
    """Numbers by class; the names are shared by all runs, of which there may be thousands."""
    return {sys.intern(name): number(entry) for name, entry in mapping(value).items()}


def names(value: object) -> tuple[str, ...]:
    found = cast("list[object]", value) if isinstance(value, list) else []
    return tuple(sys.intern(str(name)) for name in found)


class BestTracker:
    """The best mean Dice so far, and the best Dice of each class on its own.

    The one place that tells whether a validation is the best. Each validation event carries it, so
    that the last event is enough to go on from. What the means leave out stays as the first
    validation had it: with others the best checkpoint would jump.
    """

    def __init__(self, not_bones: Collection[str] = ()) -> None:
        self.not_bones = tuple(sorted(not_bones))
        """Classes that the means leave out."""
        self.mean = math.nan
        self.epoch = 0.0
        self.step: int | None = None
        """The step of the best validation; None before there is one."""
        self.dice: dict[str, float] = {}
        self.means: list[float] = []
        """The last means, this one last, NaN where a validation had none."""

    @classmethod
    def from_event(
        cls, validation: Mapping[str, Any] | None, not_bones: Collection[str] = ()
    ) -> "BestTracker":
        """As the last validation event that counts has it; a fresh one without an event."""
        if validation is None:
            return cls(not_bones)
        found = cls(names(validation.get("not_bones")))
        best, means = mapping(validation.get("best")), validation.get("means")
        found.mean = number(best.get("mean"))
        found.epoch = number(best.get("epoch"), 0.0)
        found.step = whole(best.get("step"))
        found.dice = _by_class(best.get("dice"))
        if isinstance(means, list):
            found.means = [number(mean) for mean in cast("list[object]", means)]
        return found

    def is_beaten_by(self, mean: float) -> bool:
        """Whether a mean Dice would be a new best; NaN never is."""
        return math.isfinite(mean) and not self.mean >= mean

    def update(self, step: int, epoch: float, dice: Mapping[str, float]) -> bool:
        """Take in a validation (Dice by class, NaN: none labelled); whether it is the new best."""
        mean = mean_of_classes(dice, self.not_bones)
        self.means = [*self.means, mean][-layout.MEANS_KEPT :]
        for name, value in dice.items():
            if math.isfinite(value) and not self.dice.get(name, math.nan) >= value:
                self.dice[name] = float(value)
        is_best = self.is_beaten_by(mean)
        if is_best:
            self.mean, self.epoch, self.step = mean, epoch, step
        return is_best

    def as_fields(self) -> dict[str, Any]:
        best = {"mean": self.mean, "epoch": self.epoch, "step": self.step, "dice": {**self.dice}}
        return {"best": best, "means": self.means, "not_bones": list(self.not_bones)}


def validation_limit(resume: Mapping[str, Any]) -> float:
    """The last step of which a resume event leaves the validation.

    A training that goes on at the end of an epoch, before its validation, does that anew.
    """
    return number(resume.get("step"), math.inf) - (resume.get("validated") is False)


def newest_events(path: Path, until: int | None = None) -> Iterator[jsonl.Object]:
    """The events from the end of a log, without validations that a resume has cancelled.

    `until` is a step after which none counts.

    Raises:
        OSError: the log cannot be read.
    """
    limit = math.inf if until is None else until
    for event in jsonl.backwards(path):
        kind = event.get("kind")
        if kind == layout.RESUME:
            limit = min(limit, validation_limit(event))
        elif kind == layout.VALIDATION and number(event.get("step"), 0) > limit:
            continue
        yield event


def last_validation(path: Path, until: int | None = None) -> jsonl.Object | None:
    """The newest validation event that counts; raises OSError."""
    events = newest_events(path, until)
    return next((event for event in events if event.get("kind") == layout.VALIDATION), None)


def steps_line(
    now: float,
    points: Sequence[tuple[int, Mapping[str, float]]],
    gauges: Mapping[str, float] | None = None,
) -> dict[str, Any]:
    """The line of `steps.jsonl` for steps at equal distances; `gauges` are told once a line."""
    found: dict[str, Any] = {"t": round(now, 1), "step": points[0][0]}
    if len(points) > 1:
        found["n"] = len(points)
        if (every := points[1][0] - points[0][0]) != 1:
            found["every"] = every
    for name in dict.fromkeys(name for _, values in points for name in values):
        column = [values.get(name, math.nan) for _, values in points]
        is_flat = all(map(math.isfinite, column)) and max(column) - min(column) <= FLAT * abs(
            column[-1]
        )
        found[name] = _rounded(column[-1]) if is_flat else [_rounded(value) for value in column]
    return found | {name: _rounded(value, 3) for name, value in (gauges or {}).items()}


def _rounded(value: float, digits: int = DIGITS) -> float | None:
    return float(f"{value:.{digits}g}") if math.isfinite(value) else None


def steps_of(line: Mapping[str, Any]) -> range:
    """The steps of a line of `steps.jsonl`; none for a heartbeat."""
    start = whole(line.get("step"))
    every, count = (whole(line.get(name, 1), 1, LONGEST) for name in ("every", "n"))
    if start is None or every is None or count is None:
        return range(0)
    return range(start, start + count * every, every)


def values_of(line: Mapping[str, Any]) -> dict[str, Any]:
    """What a line of `steps.jsonl` logs: a list with a number a step, or one number for all."""
    return {name: value for name, value in line.items() if name not in layout.STEP_FIELDS}
