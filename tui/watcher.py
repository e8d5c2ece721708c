"""Watches the run folders in a thread and tells what it finds; touches no widget."""

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from textual.message import Message

from handseg.errors import InputError
from handseg.runs.history import RunDetails, RunFollower
from handseg.runs.index import RunIndex
from handseg.runs.summary import RunSummary

PERIOD = 0.5
"""Seconds between two looks; more where looking itself takes long."""
CALM = 1.0
"""The same where no run lives: nothing but a new run can happen."""
SHARE = 0.1
"""Share of the time that listing the runs may take."""
SLOWEST = 3.0
"""Seconds between two looks at most."""


class Watcher:
    """Lists all runs and reads the followed ones, again and again, until it is stopped."""

    @dataclass
    class RunsListed(Message):
        """All runs as they are now, the newest start first."""

        runs: list[RunSummary]

    @dataclass
    class RunRead(Message):
        """One run read whole."""

        run: str
        details: RunDetails

    @dataclass
    class RunFault(Message):
        """One run that cannot be read, and why."""

        run: str
        fault: str

    def __init__(
        self,
        runs: Path,
        post: Callable[[Message], object],
        now: Callable[[], float] = time.time,
    ) -> None:
        self._now = now
        self._index = RunIndex(runs, now=now)
        self._post = post
        self._wake = threading.Event()
        self._stopped = False
        self._wanted: tuple[str, ...] = ()
        self._newly_wanted: set[str] = set()
        """Runs that the next look reads in any case, though let go of but for a moment."""
        self._in_sight: tuple[str, ...] = ()
        self._followers: dict[str, RunFollower] = {}
        self._seen: dict[str, RunSummary] = {}
        """The summaries with which the followed runs were read last."""
        self._listed: list[RunSummary] | None = None

    def follow(self, names: Iterable[str], in_sight: Iterable[str] = ()) -> None:
        """Read these runs whole from now on, at once; look at those in sight every time."""
        wanted, self._in_sight = tuple(names), tuple(in_sight)
        if wanted != self._wanted:
            self._newly_wanted.update(set(wanted) - set(self._wanted))
            self._wanted = wanted
            self._wake.set()

    def stop(self) -> None:
        self._stopped = True
        self._wake.set()

    def watch(self) -> None:
        """Look until stopped; the body of the thread."""
        while not self._stopped:
            took = self.look()
            period = PERIOD if any(run.is_live for run in self._listed or ()) else CALM
            self._wake.wait(min(max(period, took / SHARE), SLOWEST))
            self._wake.clear()

    def look(self) -> float:
        """Look once; the seconds that listing the runs took."""
        began, wanted = time.monotonic(), self._wanted
        runs = self._index.poll({*wanted, *self._in_sight})
        took = time.monotonic() - began
        if runs is not self._listed:
            # The same list is given again where nothing has changed.
            self._listed = runs
            self._post(self.RunsListed(list(runs)))
        self._read(wanted)
        return took

    def _read(self, wanted: tuple[str, ...]) -> None:
        for known in (self._followers, self._seen):
            for name in known.keys() - set(wanted):
                del known[name]
        while self._newly_wanted:
            self._seen.pop(self._newly_wanted.pop(), None)
        found = {run.name: run for run in self._listed or () if run.name in wanted}
        for name in wanted:
            run = found.get(name)
            if run is not None and run is not self._seen.get(name) and not self._stopped:
                self._seen[name] = run
                self._read_one(run)

    def _read_one(self, run: RunSummary) -> None:
        follower = self._followers.setdefault(run.name, RunFollower(run.folder, self._now))
        try:
            self._post(self.RunRead(run.name, follower.refresh()))
        except InputError as error:
            # It begins anew when the run is whole again.
            del self._followers[run.name]
            self._post(self.RunFault(run.name, error.details or error.message))
