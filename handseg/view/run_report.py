"""All that is worth saying of one run, in words and as JSON; the page and the command show it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np

from handseg.errors import InputError, UsageError
from handseg.recipe.load import RecipeDifference, recipe_differences
from handseg.runs import layout
from handseg.runs.checkpoints import CheckpointFacts, Checkpoints
from handseg.runs.control import resume_command, size_of
from handseg.runs.history import RunDetails, read_run
from handseg.runs.jsonl import number, plain, whole
from handseg.runs.query import run_row
from handseg.text import counted, dice_text, epochs_text, short_duration, size_text

TREND = 40
"""Validations of a trend."""
Order = Literal["worst", "class"]


@dataclass(frozen=True)
class RunClassRow:
    """A class: its last and its best Dice, how the best differs from another run's, its trend."""

    name: str
    last: float
    best: float
    difference: float
    trend: tuple[float, ...]


@dataclass(frozen=True)
class RunReport:
    """A run read whole, what lies in its folder, and another that it is held against.

    `recipe_fault` says why the recipes cannot be compared.
    """

    details: RunDetails
    checkpoints: Sequence[CheckpointFacts]
    predictions: Sequence[str]
    bytes: int
    now: float
    against: RunDetails | None = None
    differences: Sequence[RecipeDifference] = ()
    recipe_fault: str = ""

    @property
    def warnings(self) -> list[tuple[float, str]]:
        """(seconds since 1970, message) of each warning."""
        return [
            (number(event.get("t")), str(event.get("message", "")))
            for event in self.details.events
            if event.get("kind") == layout.WARNING
        ]

    def class_rows(self, order: Order = "worst") -> list[RunClassRow]:
        """A row for each class; those without a last Dice at the end."""
        run, other = self.details.summary, self.against
        theirs: Mapping[str, float] = {} if other is None else other.summary.best_by_class
        rows = [
            RunClassRow(
                name,
                run.dice.get(name, math.nan),
                run.best_by_class.get(name, math.nan),
                run.best_by_class.get(name, math.nan) - theirs.get(name, math.nan),
                tuple(self.details.dice[-TREND:, place].tolist()),
            )
            for place, name in enumerate(run.classes)
        ]
        if order == "class":
            return rows
        return sorted(rows, key=lambda row: row.last if math.isfinite(row.last) else math.inf)

    def facts(self) -> list[tuple[str, str]]:
        """What is known of the run, in words: (what, words), without what is not known."""
        run = self.details.summary
        found = [
            ("state", f"{run.state}: {run.message}" if run.message else run.state),
            ("process", _process(self)),
            ("recipe", run.recipe),
            ("model", run.model),
            *_of_training(self.details),
            ("times", _times(self)),
            ("epochs", f"{epochs_text(run.epoch, run.epochs)}, step {run.step}"),
            ("Dice", _dice(self.details)),
            ("checkpoints", "; ".join(map(checkpoint_words, self.checkpoints))),
            ("predictions", ", ".join(self.predictions)),
            ("folder", f"{run.folder}, {size_text(self.bytes)}"),
            ("versions", _versions(self.details.run)),
            ("resume", resume_command(run) or ""),
        ]
        return [(name, words) for name, words in found if words]

    def as_json(self) -> dict[str, Any]:
        run = self.details.summary
        return {
            **run_row(run, self.now),
            "run": plain(self.details.run),
            "resume": resume_command(run),
            "bytes": self.bytes,
            "classes": [plain(asdict(row)) for row in self.class_rows("class")],
            "checkpoints": [plain(asdict(one)) for one in self.checkpoints],
            "predictions": list(self.predictions),
            "warnings": [{"t": t, "message": message} for t, message in self.warnings],
            **self._against_json(),
        }

    def _against_json(self) -> dict[str, Any]:
        if self.against is None:
            return {}
        rows = [{"key": one.key, "a": one.a, "b": one.b} for one in self.differences]
        return {"against": self.against.summary.name, "recipe_differences": rows}


def report_run(folder: Path, now: float, against: Path | None = None) -> RunReport:
    """Read a run, and another to hold it against.

    Raises:
        InputError: one of them cannot be read.
    """
    details = read_run(folder)
    other = None if against is None else read_run(against)
    differences: Sequence[RecipeDifference] = ()
    fault = ""
    if against is not None:
        try:
            differences = recipe_differences(folder / layout.RECIPE, against / layout.RECIPE)
        except (InputError, UsageError) as error:
            fault = str(error)
    return RunReport(
        details,
        Checkpoints(folder).refresh(),
        sorted(path.name for path in (folder / layout.PREDICTIONS).glob("*.csv")),
        size_of(folder),
        now,
        other,
        differences,
        fault,
    )


def moment(seconds: float) -> str:
    """A time of the clock on this machine's wall."""
    if not math.isfinite(seconds) or seconds <= 0:
        return ""
    return datetime.fromtimestamp(seconds, UTC).astimezone().strftime("%Y-%m-%d %H:%M")


def _process(report: RunReport) -> str:
    run = report.details.summary
    if run.pid is None:
        return ""
    heard = f", heard {short_duration(run.age(report.now))} ago" if run.is_live else ""
    return f"{run.pid} on {run.host}{heard}" if run.is_live else f"was {run.pid} on {run.host}"


def _of_training(details: RunDetails) -> list[tuple[str, str]]:
    run = details.run
    images = [
        f"{run[key]} {what}"
        for key, what in (
            ("train_images", "to train on"),
            ("crops", "crops"),
            ("validation_images", "to validate on"),
        )
        if run.get(key)
    ]
    parameters, fold = run.get("parameters"), details.summary.fold
    return [
        ("fold", "" if fold is None else str(fold)),
        ("data", str(run.get("data") or "")),
        ("images", ", ".join(images)),
        ("device", str(run.get("device") or "")),
        ("parameters", f"{parameters:,}" if isinstance(parameters, int) else ""),
    ]


def _times(report: RunReport) -> str:
    run = report.details.summary
    begun = moment(run.started)
    if not begun:
        return ""
    if run.is_live:
        left = f", {short_duration(run.eta)} left" if math.isfinite(run.eta) else ""
        return f"since {begun}{left}"
    return f"{begun} to {moment(run.updated)}"


def _dice(details: RunDetails) -> str:
    run = details.summary
    if not math.isfinite(run.last_dice):
        return ""
    at = f" at epoch {run.best_epoch:g}" if math.isfinite(run.best_epoch) else ""
    gap = np.isfinite(details.means).sum()
    words = f"best {dice_text(run.best_dice)}{at}, last {dice_text(run.last_dice)}"
    if run.counted_no_bones:
        words += f" (means of all classes, {', '.join(run.counted_no_bones)} too)"
    elif run.not_bones:
        words += f" (means without {', '.join(run.not_bones)}: no bones)"
    words += f", {counted(int(gap), 'validation')}"
    last = [one for one in details.events if one.get("kind") == layout.VALIDATION][-1:]
    for both_empty in filter(None, (whole(one.get("both_empty")) for one in last)):
        masks = counted(both_empty, "mask")
        words += f"; {masks} of the last empty in label and prediction, Dice 1"
    return words


def checkpoint_words(one: CheckpointFacts) -> str:
    """A checkpoint in words: step, size, what it is, and what is wrong with it."""
    marks = [
        word
        for word, holds in (("best", one.is_best), ("last", one.is_last), ("EMA", one.uses_ema))
        if holds
    ]
    marks += [one.fault] if one.fault else []
    return f"step {one.step} ({', '.join([size_text(one.bytes), *marks])})"


def _versions(run: Mapping[str, Any]) -> str:
    versions, git = run.get("versions"), run.get("git")
    found: list[str] = []
    if isinstance(versions, dict):
        known: dict[str, Any] = dict(versions)  # pyright: ignore[reportUnknownArgumentType]
        found += [f"{name} {known[name]}" for name in ("handseg", "torch") if name in known]
    if isinstance(git, dict):
        commit: dict[str, Any] = dict(git)  # pyright: ignore[reportUnknownArgumentType]
        changed = ", changed" if commit.get("changed") else ""
        found.append(f"commit {str(commit.get('commit'))[:10]}{changed}")
    return ", ".join(found)
