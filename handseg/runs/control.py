"""What may be done to a run from outside: take it, stop it, resume it, remove it.

With the command lines that do so, to be typed where it cannot be done from here.
"""

import os
import shlex
import shutil
import signal
import subprocess
import sys
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from handseg import disk
from handseg.errors import InputError, UsageError
from handseg.runs import layout, process
from handseg.runs.checkpoints import spare_checkpoints
from handseg.runs.index import summarise_run
from handseg.runs.layout import RESUMABLE
from handseg.runs.lock import HeldError, RunLock, holder, is_held
from handseg.runs.summary import RunSummary, read_run_file

REMOVED = ".removed-"
"""What a folder is called between its removal and its end."""


def resume_command(run: RunSummary) -> str | None:
    """The line that goes on with a run; None where it lives, is finished or cannot be read.

    The data need not be named: a run remembers its own.
    """
    if run.state not in RESUMABLE:
        return None
    return run_command(["train", "--resume"], run.folder)


def run_command(words: Sequence[str], run: Path, split: str = "", data: Path | None = None) -> str:
    """`handseg` and the words before a run, with the run, as a person types it.

    `split` makes it the run's predictions of that split, `data` says which data set is meant.
    """
    named = f"{run.name}:{split}" if split else run.name
    options = [*runs_option(run.parent), *(data_option(data) if data else [])]
    return shlex.join(["handseg", *words, named, *options])


def runs_option(runs: Path) -> list[str]:
    return _option("--runs", runs, os.environ.get("HANDSEG_RUNS") or "runs")


def data_option(data: Path) -> list[str]:
    return _option("--data", data, os.environ.get("HANDSEG_DATA") or "data")


def _option(name: str, folder: Path, default: str) -> list[str]:
    same = folder == Path(default) or folder.resolve() == Path(default).resolve()
    return [] if same else [name, str(folder)]


def acquire_lock(folder: Path) -> RunLock:
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


def stop_command(run: RunSummary) -> str:
    return f"kill -TERM {run.pid}"


def ask_to_stop(folder: Path) -> int:
    """Send SIGTERM to the process that trains a run, and to no other; its id.

    The process must hold the run's lock and be the one of `run.json`: same kernel, pid namespace,
    id and time of start. It finishes its step, keeps a checkpoint and ends.

    Raises:
        UsageError: that is not proven, or it belongs to another user.
        InputError: `run.json` cannot be read.
    """
    pid = proven_process(folder)
    try:
        if not hasattr(os, "pidfd_open"):
            os.kill(pid, signal.SIGTERM)
            return pid
        handle = os.pidfd_open(pid)
        try:
            # The handle means one process for ever; the proof of before may mean one that is gone.
            if proven_process(folder) != pid:
                raise ProcessLookupError
            signal.pidfd_send_signal(handle, signal.SIGTERM)
        finally:
            os.close(handle)
    except ProcessLookupError:
        raise UsageError(f"the process {pid} of {folder.name} has just ended") from None
    except PermissionError:
        why = f"process {pid} belongs to another user"
        raise _refusal(folder, "stopped", why) from None
    return pid


def proven_process(folder: Path) -> int:
    """The id of the process that trains a run, as it counts here.

    Raises:
        UsageError: nothing proves that it is that process; says what is missing and what to type.
        InputError: `run.json` cannot be read.
    """
    run = _run_fields(folder)
    pid = run.get("pid")
    why, where = _lacking_proof(folder, run, pid)
    if why:
        raise _refusal(folder, "stopped", why, f"kill -TERM {pid}   # {where}" if where else "")
    assert isinstance(pid, int)
    return pid


def _lacking_proof(folder: Path, run: Mapping[str, Any], pid: object) -> tuple[str, str]:
    """What speaks against a signal, and where one could be sent; both empty where all is proven."""
    host = run.get("host") or "another host"
    if not process.is_this_kernel(run):
        return f"it runs on {host}", f"on {host}"
    if not is_held(folder / layout.LOCK):
        return "no process holds its lock: it does not run, or its file system has no locks", ""
    if run.get("pid_namespace") != process.pid_namespace():
        return f"its process lives in another pid namespace (container {host})", f"in {host}"
    if not isinstance(pid, int) or holder(folder / layout.LOCK) != pid:
        return f"its lock is held by another process than {pid}", ""
    if process.start_ticks(pid) != run.get("start_ticks"):
        return f"process {pid} was started at another time than the training", ""
    return "", ""


def start_resume(folder: Path) -> subprocess.Popen[bytes]:
    """Go on with a run in a process of its own that outlives this one; it writes to the run's log.

    Raises:
        UsageError: it lives, is finished, or belongs to another host; says what to type.
        InputError: `run.json` cannot be read.
        OSError: the process cannot be started.
    """
    check_resumable(folder)
    run = _run_fields(folder)
    # Quiet: the training itself writes to the log what it says; only errors come by this way.
    command = [sys.executable, "-m", "handseg", "train", "--resume", str(folder.resolve()), "-q"]
    with (folder / layout.LOG).open("ab") as log:
        return subprocess.Popen(
            command,
            cwd=run.get("cwd"),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def check_resumable(folder: Path) -> None:
    """Refuse what cannot go on from here.

    Raises:
        UsageError: with the reason and the line to type elsewhere.
        InputError: `run.json` cannot be read.
    """
    summary, run = summarise_run(folder), _run_fields(folder)
    command = resume_command(summary)
    where, host = run.get("cwd"), run.get("host") or "another host"
    why, hint = "", ""
    if summary.state == "finished":
        longer = ["handseg", "train", "--resume", summary.name, "--set", "train.epochs=N"]
        why, hint = "it is finished", f"{shlex.join(longer)}   # to train longer"
    elif summary.state not in RESUMABLE:
        why = f"it is {summary.state}"
    elif not (process.is_this_kernel(run) or process.was_restarted(run)):
        why, hint = f"it ran on {host}", f"{command}   # on {host}"
    elif isinstance(where, str) and not Path(where).is_dir():
        why, hint = f"the folder where it was started is gone: {where}", str(command)
    if why:
        raise _refusal(folder, "resumed", why, hint)


def _refusal(folder: Path, verb: str, why: str, hint: str = "") -> UsageError:
    message = f"{folder.name} cannot be {verb} from here"
    return UsageError(message, details=why, hints=[hint] if hint else [])


def _run_fields(folder: Path) -> Mapping[str, Any]:
    try:
        return read_run_file(folder)
    except (ValueError, OSError) as error:
        raise InputError(f"the run {folder.name} cannot be read", details=str(error)) from error


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
    # A removal that was killed has left them.
    for left in gone.parent.glob(f"{REMOVED}*"):
        shutil.rmtree(left, ignore_errors=True)


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
