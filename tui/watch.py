"""Watches the run folders in a thread and tells what it finds; touches no widget."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

from textual.message import Message

from handseg.errors import InputError
from handseg.runs.reader import RunFollower, RunIndex
from handseg.runs.summary import RunSummary
from tui.messages import RunFault, RunRead, RunsListed

PERIOD = 0.5
"""Seconds between two looks; more where looking itself takes long."""
SHARE = 0.1
"""Share of the time that listing the runs may take."""
SLOWEST = 3.0
"""Seconds between two looks at most."""


class Watcher:
    """Lists all runs and reads the followed one, again and again, until it is stopped."""

    def __init__(self, runs: Path, post: Callable[[Message], object]) -> None:
        self._index = RunIndex(runs)
        self._post = post
        self._wake = threading.Event()
        self._stopped = False
        self._wanted: str | None = None
        self._follower: RunFollower | None = None
        self._read_at = -1.0

    def follow(self, name: str | None) -> None:
        """Read this run whole from now on, at once."""
        if name != self._wanted:
            self._wanted = name
            self._wake.set()

    def stop(self) -> None:
        """End the watch."""
        self._stopped = True
        self._wake.set()

    def watch(self) -> None:
        """Look until stopped; the body of the thread."""
        while not self._stopped:
            took = self.look()
            self._wake.wait(min(max(PERIOD, took / SHARE), SLOWEST))
            self._wake.clear()

    def look(self) -> float:
        """Look once; the seconds that listing the runs took."""
        began = time.monotonic()
        runs = self._index.refresh()
        took = time.monotonic() - began
        self._post(RunsListed(runs))
        name = self._wanted
        run = next((run for run in runs if run.name == name), None)
        if run is not None:
            self._read(run)
        return took

    def _read(self, run: RunSummary) -> None:
        if self._follower is None or self._follower.folder != run.folder:
            self._follower = RunFollower(run.folder)
        elif run.updated == self._read_at:
            return
        self._read_at = run.updated
        try:
            self._post(RunRead(run.name, self._follower.refresh()))
        except InputError as error:
            self._post(RunFault(run.name, error.why or error.what))
