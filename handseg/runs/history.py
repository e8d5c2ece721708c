"""The events of one run that count, with the Dice of its validations as arrays: memory counts."""

import math
import sys
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handseg.runs import jsonl, layout
from handseg.runs.growing import Growing
from handseg.runs.validations import LARGEST, kept_until, mapping, number
from handseg.score.dice import worst_first

IN_ARRAYS = ("dice", "means", "best")


class History:
    """Events taken in one by one; what was handed out is never changed by what comes later.

    Of a validation the event keeps what a line says: `best_mean`, and as `worst` the class with the
    lowest Dice and that Dice, instead of the Dice of all classes.
    """

    def __init__(self, classes: tuple[str, ...]) -> None:
        self.classes = classes
        self._events: list[jsonl.Object] = []
        self._handed_out: tuple[jsonl.Object, ...] = ()
        self._steps = Growing(np.int64)
        self._epochs, self._times, self._means, self._dice = (Growing(np.float64) for _ in range(4))

    @property
    def events(self) -> tuple[jsonl.Object, ...]:
        """All that count, in order; the same object as before where none came."""
        if len(self._handed_out) != len(self._events):
            self._handed_out = tuple(self._events)
        return self._handed_out

    @property
    def steps(self) -> NDArray[np.int64]:
        """int64[validations]."""
        return self._steps.values

    @property
    def epochs(self) -> NDArray[np.float64]:
        """float64[validations], NaN where it is not known."""
        return self._epochs.values

    @property
    def times(self) -> NDArray[np.float64]:
        """float64[validations], seconds since 1970."""
        return self._times.values

    @property
    def means(self) -> NDArray[np.float64]:
        """float64[validations], NaN where there is none."""
        return self._means.values

    @property
    def dice(self) -> NDArray[np.float64]:
        """float64[validations, classes], NaN where there is none."""
        return self._dice.values.reshape(len(self._steps), len(self.classes))

    def take(self, events: Iterable[Mapping[str, Any]]) -> None:
        """Take in the events that follow."""
        for event in events:
            kind = event.get("kind")
            if kind == layout.RESUME:
                self._cancel(number(event.get("step"), math.inf), kept_until(event))
            if kind == layout.VALIDATION:
                self._events.append(self._validation(event))
            else:
                self._events.append(_shared(event))

    def _validation(self, event: Mapping[str, Any]) -> jsonl.Object:
        dice = mapping(event.get("dice"))
        values = [number(dice.get(name)) for name in self.classes]
        self._steps.extend([_step(event)])
        self._epochs.extend([number(event.get("epoch"))])
        self._times.extend([number(event.get("t"))])
        self._means.extend([number(event.get("mean"))])
        self._dice.extend(values)
        kept = {name: value for name, value in event.items() if name not in IN_ARRAYS}
        kept["best_mean"] = number(mapping(event.get("best")).get("mean"))
        if worst := worst_first(dict(zip(self.classes, values, strict=True)))[:1]:
            kept["worst"] = worst[0]
        return _shared(kept)

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
        kept = self.steps <= validation_step
        self._dice = Growing(np.float64, self.dice[kept].reshape(-1))
        self._steps = Growing(np.int64, self.steps[kept])
        self._epochs, self._times, self._means = (
            Growing(np.float64, series.values[kept])
            for series in (self._epochs, self._times, self._means)
        )


def _step(event: Mapping[str, Any]) -> int:
    return int(min(max(number(event.get("step"), 0), 0), LARGEST))


def _shared(event: Mapping[str, Any]) -> jsonl.Object:
    """The same with names that all events share: JSON has those of each line anew."""
    found = {sys.intern(name): value for name, value in event.items()}
    if isinstance(kind := found.get("kind"), str):
        found["kind"] = sys.intern(kind)
    return found
