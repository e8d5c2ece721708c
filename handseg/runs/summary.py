"""What a run's line in a list says, read from the ends of its logs."""

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

from handseg import anatomy
from handseg.runs import jsonl, layout
from handseg.runs.events import (
    BestTracker,
    ValidationEvent,
    names,
    newest_events,
    steps_of,
    values_of,
)
from handseg.runs.jsonl import number, whole
from handseg.runs.layout import State
from handseg.score.dice import worst_first

CLOCKS_APART = 60.0
"""Seconds that a file may lie in the future before its times are not believed."""


@dataclass(frozen=True)
class RunSummary:
    """One run as a list shows it: Dice NaN where there is none, times in seconds since 1970."""

    folder: Path
    name: str
    state: State = "broken"
    message: str = ""
    """Why it is broken, dead, stopped or failed, in words."""
    recipe: str = ""
    fold: int | None = None
    classes: tuple[str, ...] = ()
    epoch: float = 0.0
    """Epochs done, with the part of the present one."""
    validated_epoch: float = math.nan
    """Epochs done at the last validation."""
    epochs: float | None = None
    step: int = 0
    steps_per_epoch: int | None = None
    best_dice: float = math.nan
    last_dice: float = math.nan
    worst_class: str | None = None
    """The class with the lowest Dice of the last validation."""
    dice: Mapping[str, float] = field(default_factory=dict[str, float])
    """Dice of each class in the last validation."""
    best_by_class: Mapping[str, float] = field(default_factory=dict[str, float])
    best_epoch: float = math.nan
    means: tuple[float, ...] = ()
    """The last 40 means, oldest first."""
    logged: Mapping[str, float] = field(default_factory=dict[str, float])
    """The newest value of everything that steps log, such as `loss` and `lr`."""
    started: float = 0.0
    updated: float = 0.0
    """When the run last wrote, its heartbeat included."""
    seconds_per_step: float = math.nan
    """Over the last validations, with the time that they take."""
    host: str = ""
    pid: int | None = None
    model: str = ""
    """Architecture and encoder."""
    not_bones: tuple[str, ...] = ()
    """Classes that the means leave out."""

    @property
    def counted_no_bones(self) -> tuple[str, ...]:
        """Classes that are no bones and that its means count, as those of an older handseg do."""
        if math.isnan(self.best_dice):
            return ()
        return tuple(name for name in _no_bones(self.classes) if name not in self.not_bones)

    def age(self, now: float) -> float:
        """Seconds since it last wrote; NaN where it never did, or by a clock that is ahead."""
        if not self.updated or self.updated - now > CLOCKS_APART:
            return math.nan
        return max(0.0, now - self.updated)

    @property
    def known_epoch(self) -> float:
        return math.nan if self.state == "broken" else self.epoch

    @property
    def is_live(self) -> bool:
        return self.state in ("running", "quiet")

    @property
    def eta(self) -> float:
        """Seconds until the last epoch is done; NaN where it is not known or nothing runs."""
        if not self.is_live or not self.epochs or not self.steps_per_epoch:
            return math.nan
        left = self.epochs * self.steps_per_epoch - self.step
        return max(0.0, left * self.seconds_per_step)


@dataclass(frozen=True)
class LogTail:
    """What the ends of a run's files say; good until one of the files changes.

    Of `run.json` and of the event only plain values: the folds of all people in a thousand runs are
    20 MB.
    """

    run: Mapping[str, Any]
    """The fields of `run.json`."""
    turn: Mapping[str, Any]
    """The newest start, resume or end event."""
    known: RunSummary
    """The line of the run without what changes by itself: its state, and when it last wrote."""

    def summary(self, state: State, message: str, updated: float) -> RunSummary:
        """The line of the run; `updated` is when it last wrote, seconds since 1970."""
        known, pace = self.known, self.known.seconds_per_step
        if math.isnan(pace):
            # Before there are two validations, the pace since the start.
            pace = _pace(self.turn, {"step": known.step, "t": updated})
        return replace(known, state=state, message=message, updated=updated, seconds_per_step=pace)


def read_tail(folder: Path) -> LogTail:
    """Read the ends of the files of a run.

    Raises:
        ValueError: what is there is no run, in words.
        OSError: a file cannot be read.
    """
    run = read_run_file(folder)
    events = folder / layout.EVENTS
    if not events.exists():
        raise ValueError(f"no {layout.EVENTS}")
    start, (event, turn, pace) = jsonl.first(events), _last_events(events)
    # In a very long log the last turn lies further back than its tail reaches.
    turn, start = turn or start or {}, start or {}
    if not turn:
        raise ValueError(f"bad log: no whole event in {layout.EVENTS}")
    validation, best = ValidationEvent.decode(event or {}), BestTracker.from_event(event)
    step, logged = _last_step(folder / layout.STEPS)
    step = max(step, validation.step)
    per_epoch = whole(start.get("steps_per_epoch"))
    epoch = 0.0 if math.isnan(validation.epoch) else validation.epoch
    known = RunSummary(
        folder=folder,
        name=folder.name,
        recipe=str(run.get("recipe", "")),
        fold=whole(run.get("fold", start.get("fold"))),
        # A run that does not say its classes has those of its last validation.
        classes=_shared(names(run.get("classes", start.get("classes")))) or tuple(validation.dice),
        # Since the last validation epochs are known by steps.
        epoch=epoch + (step - validation.step) / per_epoch if per_epoch else epoch,
        validated_epoch=validation.epoch,
        # A resumed run may have been given another number than it started with.
        epochs=_epochs(run.get("epochs", start.get("epochs"))),
        step=step,
        steps_per_epoch=per_epoch,
        best_dice=best.mean,
        last_dice=validation.mean,
        worst_class=next(
            (name for name, _ in worst_first(validation.dice, validation.not_bones)), None
        ),
        dice=validation.dice,
        best_by_class=best.dice,
        best_epoch=best.epoch if best.step is not None else math.nan,
        means=tuple(best.means),
        logged=logged,
        started=number(run.get("started"), 0.0),
        seconds_per_step=pace,
        host=str(run.get("host", "")),
        pid=whole(run.get("pid")),
        model=str(run.get("model", "")),
        not_bones=validation.not_bones,
    )
    return LogTail(_plain_values(run), _plain_values(turn), known)


def read_run_file(folder: Path) -> jsonl.Object:
    """The fields of `run.json`.

    Raises:
        ValueError: missing or damaged.
        OSError: cannot be read.
    """
    try:
        content = (folder / layout.RUN).read_bytes()
    except FileNotFoundError:
        raise ValueError(f"no {layout.RUN}") from None
    run = jsonl.decode(content)
    if run is None:
        raise ValueError(f"bad {layout.RUN}")
    return run


def _plain_values(found: Mapping[str, Any]) -> jsonl.Object:
    return {
        sys.intern(name): value
        for name, value in found.items()
        if not isinstance(value, (dict, list))
    }


def _last_events(path: Path) -> tuple[jsonl.Object | None, jsonl.Object, float]:
    """The newest validation that counts, the newest turn, and the pace in seconds a step."""
    validation: jsonl.Object | None = None
    turn: jsonl.Object = {}
    for event in newest_events(path):
        kind = event.get("kind")
        if kind in (layout.START, layout.RESUME, layout.END) and not turn:
            turn = event
        if validation is not None:
            # One point further back gives the pace; a resume or the start is such a point too.
            if kind in (layout.VALIDATION, layout.RESUME, layout.START) and turn:
                return validation, turn, _pace(event, validation)
        elif kind == layout.VALIDATION:
            validation = event
    return validation, turn, math.nan


def _pace(earlier: Mapping[str, Any], later: Mapping[str, Any]) -> float:
    count = number(later.get("step"), 0) - number(earlier.get("step"), 0)
    span = number(later.get("t")) - number(earlier.get("t"))
    return span / count if count > 0 and span > 0 else math.nan


def _last_step(path: Path) -> tuple[int, dict[str, float]]:
    """The newest step and its values; step 0 where nothing was logged."""
    try:
        for entry in jsonl.backwards(path):
            if "resume" in entry:
                return int(number(entry["resume"], 0)), {}
            if found := steps_of(entry):
                values = values_of(entry).items()
                return found[-1], {sys.intern(name): _newest(value) for name, value in values}
    except FileNotFoundError:
        pass
    return 0, {}


def _newest(value: Any) -> float:
    values = cast("list[Any]", value) if isinstance(value, list) else [value]
    return number(values[-1] if values else None)


def _epochs(value: object) -> float | None:
    # A whole number where it is one, as a person wrote it.
    found = number(value)
    return None if math.isnan(found) else int(found) if found.is_integer() else found


@lru_cache(maxsize=64)
def _shared(names: tuple[str, ...]) -> tuple[str, ...]:
    """The same names as before, not only equal ones: the runs of a folder have mostly the same."""
    return names


@lru_cache(maxsize=64)
def _no_bones(classes: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(anatomy.not_bones(classes)))
