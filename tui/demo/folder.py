"""The folder of the demo: made anew, held as by living trainings, removed at the end."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from handseg.runs import fields
from handseg.runs.lock import RunLock
from tui.demo.stories import STORIES, Story
from tui.demo.writing import write_run

BROKEN = "old-1"
PLAYED_FROM = 12
"""Epochs that the live run has behind it when it begins to be played."""
GRACE = 5.0
"""Seconds that the player has to end."""


def frozen_now() -> float:
    """The moment at which the demo stands still: 2026-03-02, 14:03:22 where it is shown."""
    # The time of the place where it is shown: the frame has the same clock everywhere.
    return datetime(2026, 3, 2, 14, 3, 22).timestamp()  # noqa: DTZ001


@contextmanager
def frozen_demo(runs: Path | None = None) -> Generator[Path]:
    """The folder at a moment that never passes, `frozen_now()`; in `runs` if it is given.

    While it is open this process holds the locks of the runs that live.
    """
    with ExitStack() as stack:
        if runs is None:
            runs = _temporary(stack) / "runs"
        for story in STORIES:
            folder = write_run(runs, story, frozen_now())
            stack.enter_context(_locked(folder, story))
        _write_broken(runs)
        yield runs


@contextmanager
def live_demo() -> Generator[Path]:
    """The folder as it is now, with a run that a process of its own goes on writing."""
    now = time.time()
    with ExitStack() as stack:
        runs = _temporary(stack) / "runs"
        live, *others = STORIES
        for story in others:
            folder = write_run(runs, story, now)
            stack.enter_context(_locked(folder, story))
        _write_broken(runs)
        write_run(runs, replace(live, done=PLAYED_FROM, started_epoch=0), now)
        stack.enter_context(_played(runs, live.name))
        yield runs


def _temporary(stack: ExitStack) -> Path:
    # Its player may be writing in it to the last.
    folder = tempfile.TemporaryDirectory(prefix="handseg-demo-", ignore_cleanup_errors=True)
    return Path(stack.enter_context(folder))


@contextmanager
def _locked(folder: Path, story: Story) -> Generator[None]:
    """Leave the lock of a run as its process has left it: held or free."""
    lock = RunLock(folder / fields.LOCK)
    if story.ending not in ("running", "quiet"):
        lock.release()
        yield
        return
    try:
        yield
    finally:
        lock.release()


def _write_broken(runs: Path) -> None:
    folder = runs / BROKEN
    folder.mkdir(parents=True)
    (folder / fields.RUN).write_text('{"v": 1, "name": "old-1", "started": 0}\n')
    (folder / fields.EVENTS).write_bytes(b"\x00\xff no log\n")


@contextmanager
def _played(runs: Path, name: str) -> Generator[None]:
    """Have a process go on with the run; it ends with this one, however that ends."""
    command = [sys.executable, "-m", "tui.demo.player", str(runs / name)]
    player = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield
    finally:
        assert player.stdin is not None
        player.stdin.close()
        try:
            player.wait(GRACE)
        except subprocess.TimeoutExpired:
            player.kill()
            player.wait()
