"""Running, quiet, dead, stopped, failed or finished: derived, never stored."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from handseg.runs import fields, process
from handseg.runs.lock import is_held
from handseg.runs.summary import State

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
    if turn.get("kind") == fields.END:
        return _KNOWN.get(str(turn.get("state")), "failed"), str(turn.get("reason") or "")
    alive = is_alive(folder, run)
    silent = silent_for > fields.SILENCE
    if alive is None:
        # Another host or a refused lock: all that can be seen is whether it still writes.
        return ("dead", "silent, and out of reach from here") if silent else ("running", "")
    if alive:
        return ("quiet", "no heartbeat") if silent else ("running", "")
    return "dead", _last_words(folder / fields.LOG) or "killed or crashed"


def is_alive(folder: Path, run: Mapping[str, Any]) -> bool | None:
    """Whether the process of a run lives; None where nothing here can tell."""
    held = is_held(folder / fields.LOCK) if run.get("locked", True) else None
    if held:
        return True
    if held is False and process.is_this_kernel(run):
        # The kernel's word, whatever the pid namespace.
        return False
    return process.lives(run)


def _last_words(log: Path) -> str:
    """Out of memory, where the end of the log says so."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 2048))
            lines = file.read().decode("utf-8", "replace").strip().splitlines()
    except OSError:
        return ""
    return "out of memory" if lines and "out of memory" in lines[-1].lower() else ""
