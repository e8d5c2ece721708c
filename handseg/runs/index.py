"""The runs of a folder from the ends of their logs, asked again and again at little cost."""

import os
import time
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

from handseg.runs import layout
from handseg.runs.jsonl import number
from handseg.runs.process import is_alive, state_of
from handseg.runs.summary import CLOCKS_APART, LogTail, RunSummary, read_tail
from handseg.text import short_duration

Status = tuple[int, int, int]
Signature = tuple[Status, Status, Status]

SIGNED = (layout.RUN, layout.EVENTS, layout.STEPS)
ROUND = 30.0
"""Seconds in which `poll` looks at every run, live or not."""
SETTLED = 2.0
"""Seconds after which the time of a folder tells that nothing was added: file systems count time
in steps, and those of the net by another clock."""
FINAL = (*layout.END_STATES, "broken")
"""States that nothing but a change of the files can change."""
LATEST = 20
"""Runs that wrote last and are looked at as if they lived: one of them is resumed soonest."""


def list_runs(runs: Path) -> list[RunSummary]:
    """All runs of a folder, the newest start first; none where there is no folder.

    A run that cannot be read is in the list with the state "broken" and a message.
    """
    return RunIndex(runs).refresh()


def summarise_run(folder: Path) -> RunSummary:
    """The line of one run; state "broken" with a message where it cannot be read."""
    return RunIndex(folder.parent).summary(folder)


class RunIndex:
    """The runs of a folder, asked again and again: only files that changed are read.

    `clock` paces the looks, `now` gives the seconds since 1970 against which a run is silent.
    """

    def __init__(
        self,
        runs: Path,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.runs = runs
        self._clock = clock
        self._now = now
        self._known: dict[str, _Known] = {}
        self._names = _Names(runs)
        self._found: dict[str, RunSummary] = {}
        self._ordered: list[RunSummary] = []
        self._hot: set[str] = set()
        self._queue: list[str] = []
        self._asked = self._scanned = clock() - ROUND

    def refresh(self) -> list[RunSummary]:
        """All runs as they are now, the newest start first."""
        self._forget_all_but(self._names.read())
        return self._look_at(self._names.known)

    def poll(self, shown: Collection[str] = ()) -> list[RunSummary]:
        """The runs, the newest start first, for a caller that asks every half second.

        New and vanished runs are noticed at once, live ones and those in `shown` (names) are looked
        at, the others in turn: each at least once in `ROUND` seconds. It is the same list as before
        where nothing changed.
        """
        now = self._clock()
        if now - self._scanned >= ROUND or self._names.have_changed():
            self._forget_all_but(self._names.read())
            self._scanned = now
        names = self._names.known
        share = min(1.0, (now - self._asked) / ROUND)
        self._asked = now
        wanted = {name for name in shown if name in names} | self._hot & names
        wanted |= names - self._found.keys()
        return self._look_at(wanted | self._next_in_turn(share))

    def summary(self, folder: Path) -> RunSummary:
        """One run as it is now; the same object as before where nothing changed."""
        known = self._known.get(folder.name)
        signature = _signature(folder)
        if known is None or known.signature != signature:
            known = _Known.of(folder, signature, known)
            self._known[folder.name] = known
        return known.summary(folder, self._now())

    def _forget_all_but(self, names: Collection[str]) -> None:
        for known in (self._known, self._found):
            for gone in known.keys() - set(names):
                del known[gone]
                self._ordered = []

    def _look_at(self, names: Iterable[str]) -> list[RunSummary]:
        """Look at these and give all; the list is a new one where any has changed."""
        changed = len(self._ordered) != len(self._found)
        for name in names:
            summary = self.summary(self.runs / name)
            if self._found.get(name) is not summary:
                self._found[name] = summary
                changed = True
        if changed:
            found = self._found.values()
            self._ordered = sorted(found, key=lambda run: (-run.started, run.name))
            rest = sorted((run for run in found if not run.is_live), key=lambda run: -run.updated)
            self._hot = {run.name for run in found if run.is_live}
            self._hot |= {run.name for run in rest[:LATEST]}
        return self._ordered

    def _next_in_turn(self, share: float) -> set[str]:
        """That share of all runs, those first whose last look is longest ago."""
        count = -int(-len(self._found) * share // 1)
        taken: set[str] = set()
        while len(taken) < count:
            if not self._queue:
                self._queue = list(self._found)
            name = self._queue.pop()
            if name in self._found:
                taken.add(name)
        return taken


class _Known:
    """What is known of a run as long as its files are as they were."""

    def __init__(self, signature: Signature, tail: LogTail | str) -> None:
        self.signature = signature
        self.tail = tail
        self._summary: RunSummary | None = None

    @classmethod
    def of(cls, folder: Path, signature: Signature, before: "_Known | None") -> "_Known":
        """Read what changed: a heartbeat alone touches the steps and changes nothing else."""
        if before is not None and _without_touch(before.signature) == _without_touch(signature):
            return cls(signature, before.tail)
        return cls(signature, _tail_or_fault(folder))

    def summary(self, folder: Path, now: float) -> RunSummary:
        """The line of the run; asks for its process where the files do not tell how it ended."""
        found = self._summary
        if found is not None and found.state in FINAL:
            return found
        updated = max(mtime for _, _, mtime in self.signature) / 1e9
        if isinstance(self.tail, str):
            self._summary = RunSummary(folder, folder.name, "broken", self.tail, updated=updated)
            return self._summary
        silent_for = now - updated
        # A file server's clock may be ahead: its times do not tell when a run last wrote.
        is_ahead = -silent_for > CLOCKS_APART
        state, message = state_of(folder, self.tail.run, self.tail.turn, silent_for)
        if is_ahead and state == "running":
            message = f"its files are {short_duration(-silent_for)} in the future"
            if is_alive(folder, self.tail.run) is None:
                state = "quiet"
        if state in FINAL:
            # A copy of its folder has the time of the copying.
            updated = number(self.tail.turn.get("t"), updated)
        if found is None or (found.state, found.message) != (state, message):
            self._summary = found = self.tail.summary(state, message, updated)
        return found


class _Names:
    """The names of the folders that are runs, or should be; read again where any came or went."""

    def __init__(self, runs: Path) -> None:
        self._runs = runs
        self._settled: int | None = None
        self.known: set[str] = set()

    def have_changed(self) -> bool:
        return self._settled is None or self._time() != self._settled

    def read(self) -> set[str]:
        """Read them; none where there is no folder."""
        at = self._time()
        self.known = set(run_names(self._runs))
        # Whatever comes within the same step of the clock would not be seen in the time.
        self._settled = at if time.time() - at / 1e9 > SETTLED else None
        return self.known

    def _time(self) -> int:
        try:
            return self._runs.stat().st_mtime_ns
        except OSError:
            return 0


def run_names(runs: Path) -> list[str]:
    """Names of the folders that are runs, or should be: hidden ones are runs in the making."""
    try:
        with os.scandir(runs) as entries:
            return [
                entry.name for entry in entries if not entry.name.startswith(".") and entry.is_dir()
            ]
    except OSError:
        return []


def _signature(folder: Path) -> Signature:
    """Inode, size and time (ns) of the files that a summary depends on; zeros where missing."""
    run, events, steps = (_status(f"{folder}/{name}") for name in SIGNED)
    return run, events, steps


def _status(path: str) -> Status:
    try:
        # A path of text: taking a `Path` apart would cost more than the look itself.
        status = os.stat(path)  # noqa: PTH116
    except OSError:
        return 0, 0, 0
    return status.st_ino, status.st_size, status.st_mtime_ns


def _without_touch(signature: Signature) -> tuple[tuple[int, ...], ...]:
    run, events, (inode, size, _) = signature
    return run, events, (inode, size)


def _tail_or_fault(folder: Path) -> LogTail | str:
    """The tail of a run's logs, or in words why there are none."""
    try:
        return read_tail(folder)
    except OSError as error:
        return f"{error.strerror or error}: {Path(str(error.filename or folder)).name}"
    except (ValueError, TypeError, AttributeError) as error:
        return str(error)
