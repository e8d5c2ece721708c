"""Running, quiet, dead, stopped, failed or finished: derived, never stored."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from handseg.runs import layout, process
from handseg.runs.lock import is_held
from handseg.runs.summary import State

OUT_OF_MEMORY = "out of memory"
LAST_BYTES = 2048
_KNOWN: dict[str, State] = {"finished": "finished", "stopped": "stopped", "failed": "failed"}


def state_of(
    folder: Path,
    run: Mapping[str, Any],
    turn: Mapping[str, Any],
    silent_for: float,
) -> tuple[State, str]:
    """The state of a run and its reason in words.

    `run` is its `run.json`, `turn` its newest start, resume or end, `silent_for` the seconds since
    it last wrote anything.
    """
    if turn.get("kind") == layout.END:
        return _KNOWN.get(str(turn.get("state")), "failed"), str(turn.get("reason") or "")
    alive = is_alive(folder, run)
    silent = silent_for > layout.SILENCE
    if alive is None:
        # Another host or a refused lock: all that can be seen is whether it still writes.
        return ("dead", "silent, and out of reach from here") if silent else ("running", "")
    if alive:
        return ("quiet", "no heartbeat") if silent else ("running", "")
    return "dead", _cause(folder, run)


def is_alive(folder: Path, run: Mapping[str, Any]) -> bool | None:
    """Whether the process of a run lives; None where nothing here can tell."""
    held = is_held(folder / layout.LOCK) if run.get("locked", True) else None
    if held:
        return True
    if held is False and process.is_this_kernel(run):
        # The kernel's word, whatever the pid namespace.
        return False
    return process.lives(run)


def _cause(folder: Path, run: Mapping[str, Any]) -> str:
    """Why a process without an end is gone: only what something says."""
    if "out of memory" in _last_line(folder / layout.LOG).lower():
        return OUT_OF_MEMORY
    if process.ran_out_of_memory(run):
        return f"{OUT_OF_MEMORY}: the kernel killed in its cgroup"
    if process.was_restarted(run):
        return "its machine was started anew"
    return "killed or crashed"


def _last_line(log: Path) -> str:
    """The last line of a log that is not blank, as far as its last 2 KB reach."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - LAST_BYTES))
            lines = file.read().decode("utf-8", "replace").strip().splitlines()
    except OSError:
        return ""
    return lines[-1] if lines else ""
