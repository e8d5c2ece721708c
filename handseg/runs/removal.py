"""Removing runs, and what they can do without; never what lives."""

import shutil
import uuid
from pathlib import Path

from handseg import disk
from handseg.errors import InputError, UsageError
from handseg.runs import layout
from handseg.runs.checkpoints import CheckpointFacts, Checkpoints
from handseg.runs.commands import RESUMABLE
from handseg.runs.index import summarise_run
from handseg.runs.lock import HeldError, RunLock
from handseg.runs.summary import RunSummary

REMOVED = ".removed-"
"""What a folder is called between its removal and its end."""


def removable(folder: Path) -> RunSummary:
    """The line of a run that may be removed.

    Raises:
        InputError: it is no run, or a link to one.
        UsageError: it lives.
    """
    if folder.is_symlink():
        raise InputError(
            f"{folder} is a link: nothing is removed", details=f"it leads to {folder.resolve()}"
        )
    if not any((folder / name).is_file() for name in (layout.RUN, layout.EVENTS)):
        raise InputError(
            f"{folder} is no run: nothing is removed",
            details=f"it has neither {layout.RUN} nor {layout.EVENTS}",
        )
    run = summarise_run(folder)
    if run.is_live:
        raise _lives(run)
    return run


def remove_run(run: RunSummary) -> None:
    """Remove a run for ever. It vanishes at once, whatever interrupts.

    Raises:
        UsageError: a training has begun on it.
        OSError: the file system refuses.
    """
    lock = _lock(run)
    try:
        gone = run.folder.rename(run.folder.with_name(f"{REMOVED}{uuid.uuid4().hex[:8]}"))
    finally:
        lock.release()
    shutil.rmtree(gone)
    sweep(gone.parent)


def spare_checkpoints(run: RunSummary) -> list[CheckpointFacts]:
    """The checkpoints that a run can do without, the newest first: it predicts with the best.

    A run that can go on needs the last too. Where no whole best is known, the last stands for it.
    """
    there = [one for one in Checkpoints(run.folder).refresh() if one.bytes]
    best = [one for one in there if one.is_best and not one.fault]
    last = [one for one in there if one.is_last] or there[:1]
    needed = [*best, *last] if run.state in RESUMABLE or not best else best
    return [one for one in there if one not in needed]


def remove_spare(run: RunSummary) -> None:
    """Remove the checkpoints that a run can do without; each is gone or whole at any time.

    Raises:
        UsageError: a training has begun on it.
        OSError: the file system refuses.
    """
    root = run.folder / layout.CHECKPOINTS
    lock = _lock(run)
    try:
        spare = spare_checkpoints(run)
        if any(one.is_last for one in spare):
            # First: `last` must never name what is not there.
            disk.replace(root / "last", (root / "best").read_bytes())
        for one in spare:
            shutil.rmtree((root / one.name).rename(root / f".{one.name}"))
    finally:
        lock.release()


def size_of(folder: Path) -> int:
    """Bytes of all files below a folder; what vanishes meanwhile counts as nothing."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += 0 if path.is_dir() else path.lstat().st_size
        except OSError:
            continue
    return total


def sweep(runs: Path) -> None:
    """Remove what a removal that was killed has left."""
    for left in runs.glob(f"{REMOVED}*"):
        shutil.rmtree(left, ignore_errors=True)


def _lock(run: RunSummary) -> RunLock:
    try:
        return RunLock(run.folder / layout.LOCK)
    except HeldError:
        raise _lives(run) from None


def _lives(run: RunSummary) -> UsageError:
    where = f"process {run.pid} on {run.host}" if run.pid else "a process"
    return UsageError(
        f"the run {run.name} is being trained: nothing is removed",
        details=f"by {where}",
        hints=[f"kill -TERM {run.pid}   # stops it, with a checkpoint"] if run.pid else [],
    )
