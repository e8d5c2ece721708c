"""Reads run folders: many from the ends of their logs, one whole and then on from there."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handseg.errors import InputError
from handseg.runs import jsonl, layout
from handseg.runs.history import History
from handseg.runs.index import RunIndex, list_runs, summarise_run
from handseg.runs.steps import Series, StepsTable
from handseg.runs.summary import RunSummary

__all__ = [
    "RunDetails",
    "RunFollower",
    "RunIndex",
    "RunSummary",
    "list_runs",
    "read_run",
    "summarise_run",
]


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
            raise InputError(f"the run {summary.name} cannot be read", details=summary.message)
        try:
            self._read_events(summary.classes)
            self._read_steps()
        except OSError as error:
            raise InputError(
                f"the run {summary.name} cannot be read", details=str(error)
            ) from error
        return self._details(summary)

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
            for entry in lines:
                self._steps.add(entry)

    def _details(self, summary: RunSummary) -> RunDetails:
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
        )


def _run_fields(folder: Path) -> Mapping[str, Any]:
    try:
        return jsonl.decode((folder / layout.RUN).read_bytes()) or {}
    except OSError:
        return {}
