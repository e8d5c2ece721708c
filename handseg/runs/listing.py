"""A list of runs in an order that a person asks for, and as rows for programs."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from handseg.runs.jsonl import plain
from handseg.runs.summary import STATES, RunSummary

Key = Callable[[RunSummary], float | str]

FALLING: Mapping[str, Key] = {
    "started": lambda run: run.started,
    "best": lambda run: run.best_dice,
    "last": lambda run: run.last_dice,
    "epoch": lambda run: run.known_epoch,
    "step": lambda run: float(run.step),
    "trend": lambda run: climb(run.means),
}
"""Orders that begin with the largest."""
RISING: Mapping[str, Key] = {
    "name": lambda run: run.name.lower(),
    "recipe": lambda run: run.recipe,
    "state": lambda run: float(STATES.index(run.state)),
    "fold": lambda run: math.nan if run.fold is None else float(run.fold),
    "worst": lambda run: worst_dice(run),
    "left": lambda run: run.eta,
    "age": lambda run: -run.updated if run.updated else math.nan,
}
"""Orders that begin with the smallest; `age` with what wrote last, `worst` with the worst bone."""
SORTS = (*FALLING, *RISING)
NEWEST = "started"
RECENT = 5
"""Validations over which the trend is taken."""

COLUMNS = (
    "name",
    "state",
    "reason",
    "recipe",
    "model",
    "fold",
    "epoch",
    "epochs",
    "step",
    "best",
    "best_epoch",
    "last",
    "worst",
    "worst_dice",
    "left",
    "age",
    "started",
    "updated",
    "host",
    "pid",
    "folder",
)


def sort_runs(runs: Iterable[RunSummary], by: str, *, reverse: bool = False) -> list[RunSummary]:
    """The runs in an order of `SORTS`; those that lack the value come last, the newest first."""
    key, falls = (FALLING[by], True) if by in FALLING else (RISING[by], False)
    newest = sorted(runs, key=lambda run: -run.started)
    if by == NEWEST and not reverse:
        return newest
    values = [(key(run), run) for run in newest]
    known = [pair for pair in values if not _lacks(pair[0])]
    # Turned round like this, equal ones stay in their order.
    known.sort(key=lambda pair: pair[0], reverse=falls != reverse)
    return [run for _, run in known] + [run for value, run in values if _lacks(value)]


def _lacks(value: float | str) -> bool:
    return value == "" or (isinstance(value, float) and not math.isfinite(value))


def climb(means: Sequence[float]) -> float:
    """How much the mean Dice has risen over the last validations; NaN before there are two."""
    recent = means[-RECENT - 1 :]
    return recent[-1] - recent[0] if len(recent) > 1 else math.nan


def worst_dice(run: RunSummary) -> float:
    return run.dice.get(run.worst_class, math.nan) if run.worst_class is not None else math.nan


def run_row(run: RunSummary, now: float) -> dict[str, Any]:
    """A run by the names of `COLUMNS`; null where there is none, `left` and `age` in seconds."""
    values = (
        run.name,
        run.state,
        run.message,
        run.recipe,
        run.model,
        run.fold,
        run.epoch,
        run.epochs,
        run.step,
        run.best_dice,
        run.best_epoch,
        run.last_dice,
        run.worst_class,
        worst_dice(run),
        run.eta,
        run.age(now),
        run.started,
        run.updated,
        run.host,
        run.pid,
        str(run.folder),
    )
    return {name: plain(value) for name, value in zip(COLUMNS, values, strict=True)}


def run_rows(runs: Sequence[RunSummary], now: float) -> list[dict[str, Any]]:
    return [{**run_row(run, now), "dice": plain(run.dice)} for run in runs]
