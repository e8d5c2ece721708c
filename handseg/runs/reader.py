"""Reads run folders: many from the ends of their logs, one whole and then on from there."""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handseg.errors import InputError
from handseg.runs import fields, jsonl, liveness
from handseg.runs.steps import Series, StepsTable
from handseg.runs.summary import Ends, RunSummary, read_ends, summarise
from handseg.runs.validations import mapping, number, surviving

Signature = tuple[tuple[int, int, int], ...]


def list_runs(runs: Path) -> list[RunSummary]:
    """All runs of a folder, the newest start first; none where there is no folder.

    A run that cannot be read is in the list with the state "broken" and a message.
    """
    return RunIndex(runs).refresh()


def summarise_run(folder: Path) -> RunSummary:
    """The line of one run; state "broken" with a message where it cannot be read."""
    return RunIndex(folder.parent).summary(folder)


class RunIndex:
    """The runs of a folder, asked again and again: only files that changed are read."""

    def __init__(self, runs: Path) -> None:
        self.runs = runs
        self._ends: dict[str, tuple[Signature, Ends | str]] = {}
        self._final: dict[str, tuple[Signature, RunSummary]] = {}

    def refresh(self) -> list[RunSummary]:
        """All runs as they are now, the newest start first."""
        folders = _run_folders(self.runs)
        names = {folder.name for folder in folders}
        for gone in self._ends.keys() - names:
            del self._ends[gone]
            self._final.pop(gone, None)
        found = [self.summary(folder) for folder in folders]
        return sorted(found, key=lambda run: (-run.started, run.name))

    def summary(self, folder: Path) -> RunSummary:
        """One run as it is now."""
        signature = _signature(folder)
        final = self._final.get(folder.name)
        if final is not None and final[0] == signature:
            return final[1]
        summary = self._summary(folder, signature)
        if summary.state in (*fields.END_STATES, "broken"):
            # Nothing but a change of its files can change it.
            self._final[folder.name] = (signature, summary)
        return summary

    def _summary(self, folder: Path, signature: Signature) -> RunSummary:
        known = self._ends.get(folder.name)
        if known is None or known[0] != signature:
            known = (signature, _ends_or_fault(folder))
            self._ends[folder.name] = known
        ends, updated = known[1], max(mtime for _, _, mtime in signature) / 1e9
        if isinstance(ends, str):
            return RunSummary(folder, folder.name, "broken", ends, updated=updated)
        silent_for = time.time() - updated
        state, message = liveness.state_of(folder, ends.run, ends.turn, silent_for)
        return summarise(folder, ends, state, message, updated)


def _run_folders(runs: Path) -> list[Path]:
    """Folders that are runs, or should be: hidden ones are runs in the making."""
    try:
        with os.scandir(runs) as entries:
            return [
                Path(entry.path)
                for entry in entries
                if not entry.name.startswith(".") and entry.is_dir()
            ]
    except OSError:
        return []


def _signature(folder: Path) -> Signature:
    """Inode, size and time (ns) of the files that a summary depends on; zeros where missing."""
    found: list[tuple[int, int, int]] = []
    for name in (fields.RUN, fields.EVENTS, fields.STEPS):
        try:
            status = (folder / name).stat()
        except OSError:
            found.append((0, 0, 0))
        else:
            found.append((status.st_ino, status.st_size, status.st_mtime_ns))
    return tuple(found)


def _ends_or_fault(folder: Path) -> Ends | str:
    """The ends of a run's files, or in words why there are none."""
    try:
        return read_ends(folder)
    except OSError as error:
        return f"{error.strerror or error}: {Path(str(error.filename or folder)).name}"
    except (ValueError, TypeError, AttributeError) as error:
        return str(error)


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

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._index = RunIndex(folder.parent)
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
