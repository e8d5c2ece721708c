"""Reads run folders: many from the ends of their logs, one whole and then on from there."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handseg.errors import InputError
from handseg.runs import fields, jsonl
from handseg.runs.index import RunIndex, list_runs, summarise_run
from handseg.runs.steps import Series, StepsTable
from handseg.runs.summary import RunSummary
from handseg.runs.validations import mapping, number, surviving

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
    a validation. `steps` holds every value logged a step. `events` are all that count, in order.
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
        self._event_log = jsonl.Follower(folder / fields.EVENTS)
        self._step_log = jsonl.Follower(folder / fields.STEPS)
        self._events: list[jsonl.Object] = []
        self._steps = StepsTable()

    def refresh(self) -> RunDetails:
        """The run as it is now.

        Raises:
            InputError: it is no run, or cannot be read.
        """
        summary = self._index.summary(self.folder)
        if summary.state == "broken":
            raise InputError(f"the run {summary.name} cannot be read", why=summary.message)
        try:
            self._read_on()
        except OSError as error:
            raise InputError(f"the run {summary.name} cannot be read", why=str(error)) from error
        return _details(summary, tuple(self._events), self._steps)

    def _read_on(self) -> None:
        anew, events = self._event_log.read()
        self._events = surviving(events if anew else [*self._events, *events])
        if not self._step_log.path.exists():
            return
        anew, lines = self._step_log.read()
        if anew:
            self._steps = StepsTable()
        for entry in lines:
            self._steps.add(entry)


def _details(
    summary: RunSummary, events: tuple[jsonl.Object, ...], steps: StepsTable
) -> RunDetails:
    found = [event for event in events if event.get("kind") == fields.VALIDATION]
    dice = [
        [number(mapping(event.get("dice")).get(name)) for name in summary.classes]
        for event in found
    ]
    return RunDetails(
        summary=summary,
        run=_run_fields(summary.folder),
        events=events,
        validation_steps=np.array([int(number(e.get("step"), 0)) for e in found], np.int64),
        epochs=np.array([number(event.get("epoch")) for event in found], np.float64),
        times=np.array([number(event.get("t")) for event in found], np.float64),
        means=np.array([number(event.get("mean")) for event in found], np.float64),
        dice=np.array(dice, np.float64).reshape(len(found), len(summary.classes)),
        steps=steps.series(),
    )


def _run_fields(folder: Path) -> Mapping[str, Any]:
    try:
        return jsonl.decode((folder / fields.RUN).read_bytes()) or {}
    except OSError:
        return {}
