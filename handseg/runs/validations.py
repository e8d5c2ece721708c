"""The validations that count, and the running best that each of them carries."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from handseg.runs import jsonl, layout
from handseg.score.dice import mean_of_classes

LARGEST = 2**53
"""Steps: more than any training takes, and exact as a float."""


class RunningBest:
    """The best mean so far and the best Dice of each class on its own, and the last means."""

    def __init__(self) -> None:
        self.mean = math.nan
        self.epoch = 0.0
        self.step: int | None = None
        self.dice: dict[str, float] = {}
        self.means: list[float | None] = []

    @classmethod
    def of(cls, validation: Mapping[str, Any] | None) -> "RunningBest":
        """The running best as the last validation that counts has it."""
        found = cls()
        if validation is None:
            return found
        best = mapping(validation.get("best"))
        found.mean = number(best.get("mean"))
        found.epoch = number(best.get("epoch"), 0.0)
        found.step = whole(best.get("step"))
        found.dice = {name: number(value) for name, value in mapping(best.get("dice")).items()}
        means = validation.get("means")
        if isinstance(means, list):
            known = (number(mean) for mean in cast("list[object]", means))
            found.means = [None if math.isnan(mean) else mean for mean in known]
        return found

    def take(self, step: int, epoch: float, dice: Mapping[str, float]) -> bool:
        """Take in a validation; whether its mean is a new best."""
        mean = mean_of_classes(dice)
        self.means = [*self.means, mean if math.isfinite(mean) else None][-layout.MEANS_KEPT :]
        for name, value in dice.items():
            if math.isfinite(value) and not self.dice.get(name, math.nan) >= value:
                self.dice[name] = float(value)
        if not math.isfinite(mean) or self.mean >= mean:
            return False
        self.mean, self.epoch, self.step = mean, epoch, step
        return True

    def as_fields(self) -> dict[str, Any]:
        best = {"mean": self.mean, "epoch": self.epoch, "step": self.step, "dice": self.dice}
        return {"best": best, "means": self.means}


def number(value: object, default: float = math.nan) -> float:
    """A number of a log; null, or anything else that is no finite number, stands for the default.

    JSON as Python reads it has NaN, infinities, and whole numbers that no float can hold.
    """
    if not isinstance(value, (int, float)):
        return default
    try:
        found = float(value)
    except OverflowError:
        return default
    return found if math.isfinite(found) else default


def whole(value: object, low: int = 0, high: int = LARGEST) -> int | None:
    """A whole number of a log within bounds; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if low <= value <= high else None


def mapping(value: object) -> dict[str, Any]:
    """An object of a log; an empty one where there is anything else."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def kept_until(resume: Mapping[str, Any]) -> float:
    """The last step of which a resume leaves the validation.

    A training that goes on at the end of an epoch, before its validation, does that anew.
    """
    return number(resume.get("step"), math.inf) - (resume.get("validated") is False)


def last_validation(events: Path, until: int | None = None) -> jsonl.Object | None:
    """The newest validation that no resume has cancelled, searched from the end.

    Raises:
        OSError: the log cannot be read.
    """
    limit = math.inf if until is None else until
    for event in jsonl.backwards(events):
        if event.get("kind") == layout.RESUME:
            limit = min(limit, kept_until(event))
        elif event.get("kind") == layout.VALIDATION and number(event.get("step"), 0) <= limit:
            return event
    return None
