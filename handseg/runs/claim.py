"""Taking a run for this process alone."""

from pathlib import Path

from handseg.errors import UsageError
from handseg.runs import layout
from handseg.runs.index import summarise_run
from handseg.runs.lock import HeldError, RunLock


def claim_run(folder: Path) -> RunLock:
    """Take the lock of a run; the caller gives it back.

    Where the file system has no locks, a run that still writes belongs to another process.

    Raises:
        UsageError: another training holds the run.
        OSError: the folder cannot be written.
    """
    try:
        lock = RunLock(folder / layout.LOCK)
    except HeldError:
        raise _is_trained(folder) from None
    if not lock.locked and summarise_run(folder).is_live:
        lock.release()
        raise _is_trained(folder)
    return lock


def _is_trained(folder: Path) -> UsageError:
    return UsageError(
        f"the run {folder.name} is being trained by another process",
        details="two trainings of one run would overwrite each other's checkpoints",
        hints=["handseg tui   # shows who"],
    )
