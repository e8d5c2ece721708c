"""What may be done to a training from outside: ask it to stop, and go on with it later."""

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from handseg.errors import InputError, UsageError
from handseg.runs import layout, process
from handseg.runs.commands import RESUMABLE, resume_command
from handseg.runs.lock import holder, is_held
from handseg.runs.reader import summarise_run
from handseg.runs.summary import RunSummary, read_run_file


def stop_command(run: RunSummary) -> str:
    """The line that asks the process of a run to stop, to be typed where the run lives."""
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
        raise UsageError(f"{folder.name} cannot be stopped from here", details=why) from None
    return pid


def proven_process(folder: Path) -> int:
    """The id of the process that trains a run, as it counts here.

    Raises:
        UsageError: nothing proves that it is that process; says what is missing and what to type.
        InputError: `run.json` cannot be read.
    """
    run = _facts(folder)
    pid = run.get("pid")
    why, where = _lacking_proof(folder, run, pid)
    if why:
        hint = f"kill -TERM {pid}   # {where}" if where else ""
        raise UsageError(
            f"{folder.name} cannot be stopped from here", details=why, hints=[hint] if hint else []
        )
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
    run = _facts(folder)
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
    summary, run = summarise_run(folder), _facts(folder)
    command = resume_command(summary)
    where, host = run.get("cwd"), run.get("host") or "another host"
    if summary.state == "finished":
        longer = ["handseg", "train", "--resume", summary.name, "--set", "train.epochs=N"]
        raise _refusal(summary, "it is finished", f"{shlex.join(longer)}   # to train longer")
    if summary.state not in RESUMABLE:
        raise _refusal(summary, f"it is {summary.state}", "")
    if not (process.is_this_kernel(run) or process.was_restarted(run)):
        raise _refusal(summary, f"it ran on {host}", f"{command}   # on {host}")
    if isinstance(where, str) and not Path(where).is_dir():
        raise _refusal(summary, f"the folder where it was started is gone: {where}", str(command))


def _refusal(run: RunSummary, why: str, hint: str) -> UsageError:
    what = f"{run.name} cannot be resumed from here"
    return UsageError(what, details=why, hints=[hint] if hint else [])


def _facts(folder: Path) -> Mapping[str, Any]:
    try:
        return read_run_file(folder)
    except (ValueError, OSError) as error:
        raise InputError(f"the run {folder.name} cannot be read", details=str(error)) from error
