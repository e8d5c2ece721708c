"""The process that trains a run: what `run.json` says of it, whether it lives, why it is gone."""

import os
import platform
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from handseg.runs import layout
from handseg.runs.layout import State
from handseg.runs.lock import is_held

PROC = Path("/proc")
CGROUPS = Path("/sys/fs/cgroup")
LIBRARIES = (
    "handseg",
    "torch",
    "torchvision",
    "transformers",
    "segmentation-models-pytorch",
    "timm",
    "accelerate",
    "albumentations",
    "numpy",
    "opencv-python-headless",
    "pillow",
)

VARIABLES = (
    "CUDA_VISIBLE_DEVICES",
    "OMP_NUM_THREADS",
    "PYTORCH_CUDA_ALLOC_CONF",
    "SLURM_JOB_ID",
    "SLURM_RESTART_COUNT",
)
"""Of the environment, what shapes a training or tells where it belongs; nothing secret."""
OUT_OF_MEMORY = "out of memory"
LAST_BYTES = 2048
"""Bytes of the end of a log in which its last line is looked for."""


def new_run(name: str, recipe: str) -> dict[str, Any]:
    """The fields of a new run that do not depend on what it trains."""
    now = time.time()
    return {
        "v": layout.VERSION,
        "id": uuid.uuid4().hex,
        "name": name,
        "recipe": recipe,
        "started": now,
        **present_process(now),
    }


def present_process(now: float) -> dict[str, Any]:
    """The fields that name this process and its surroundings."""
    return {
        "process_started": now,
        "host": socket.gethostname(),
        "boot_id": boot_id(),
        "pid": os.getpid(),
        "pid_namespace": pid_namespace(),
        "start_ticks": start_ticks(os.getpid()),
        **_memory_events(),
        "argv": list(sys.argv),
        "cwd": str(Path.cwd()),
        "environment": {name: os.environ[name] for name in VARIABLES if name in os.environ},
        "versions": versions(),
        "git": _commit(Path(__file__).parent),
    }


def versions() -> dict[str, str]:
    """Versions of Python and the libraries that shape a result, without importing them."""
    # It takes longer to import than a list of runs may take, which needs this module too.
    from importlib.metadata import PackageNotFoundError, version

    found = {"python": platform.python_version()}
    for library in LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            continue
    return found


def _commit(folder: Path) -> dict[str, Any] | None:
    """The commit of the checkout and whether tracked files were changed; None outside one."""
    commit = _git(folder, "rev-parse", "HEAD")
    if not commit:
        return None
    changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
    return {"commit": commit, "changed": bool(changed)}


def _git(folder: Path, *arguments: str) -> str:
    try:
        answer = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            text=True,
            timeout=5,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return answer.stdout.strip() if answer.returncode == 0 else ""


def boot_id() -> str:
    """Names this boot of the kernel; empty where the kernel does not tell."""
    return _read(PROC / "sys/kernel/random/boot_id").strip()


def pid_namespace() -> str:
    """Names the namespace in which this process's id counts; empty where there is none."""
    return _namespace("pid")


def _namespace(kind: str) -> str:
    try:
        return str((PROC / "self/ns" / kind).readlink())
    except OSError:
        return ""


def _memory_events() -> dict[str, Any]:
    """Where the kernel counts the processes of this one's cgroup that it kills for memory.

    Of cgroup v2 only; a file below /sys is seen from another cgroup namespace under another name,
    so the namespace is kept with it.
    """
    own = [line[3:] for line in _read(PROC / "self/cgroup").splitlines() if line.startswith("0::")]
    file = CGROUPS / own[0].lstrip("/") / "memory.events" if own else CGROUPS / "memory.events"
    kills = oom_kills(file)
    if kills is None:
        return {}
    namespace = _namespace("cgroup")
    return {"memory_events": str(file), "oom_kills": kills, "cgroup_namespace": namespace}


def oom_kills(memory_events: Path) -> int | None:
    """Processes of a cgroup that the kernel has killed for lack of memory; None: it cannot tell."""
    for line in _read(memory_events).splitlines():
        name, _, count = line.partition(" ")
        if name == "oom_kill" and count.isdecimal():
            return int(count)
    return None


def ran_out_of_memory(run: Mapping[str, Any]) -> bool:
    """Whether the kernel has killed for memory in the cgroup of a `run.json` since it began."""
    file, before = run.get("memory_events"), run.get("oom_kills")
    if not isinstance(file, str) or not isinstance(before, int) or not is_this_kernel(run):
        return False
    if run.get("cgroup_namespace") != _namespace("cgroup"):
        return False
    return (oom_kills(Path(file)) or 0) > before


def is_this_kernel(run: Mapping[str, Any]) -> bool:
    """Whether the process of a `run.json` is, or was, one of the kernel that runs this one."""
    here, there = boot_id(), run.get("boot_id")
    return here == there if here and there else run.get("host") == socket.gethostname()


def was_restarted(run: Mapping[str, Any]) -> bool:
    """Whether the machine of a `run.json` is this one, and was started anew since."""
    here, there = boot_id(), run.get("boot_id")
    return bool(here and there and here != there and run.get("host") == socket.gethostname())


def start_ticks(pid: int) -> int | None:
    """When a process started, in clock ticks since boot; None for a zombie or where it is gone.

    Fields of /proc/PID/stat as in proc(5); the name in brackets may hold blanks and brackets.
    """
    stat = _read(PROC / str(pid) / "stat").rpartition(")")[2].split()
    if len(stat) < 20 or stat[0] in ("Z", "X"):
        return None
    return int(stat[19])


def lives(run: Mapping[str, Any]) -> bool | None:
    """Whether the process of a `run.json` lives; None where it cannot be known from here."""
    here = boot_id()
    if not here or not run.get("boot_id"):
        return None
    if run["boot_id"] != here:
        # No process of before is left. Another host: who knows.
        return False if was_restarted(run) else None
    if run.get("pid_namespace") != pid_namespace() or not isinstance(run.get("pid"), int):
        return None
    found = start_ticks(run["pid"])
    return found is not None and found == run.get("start_ticks")


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
        ended = turn.get("state")
        state: State = ended if ended in layout.END_STATES else "failed"
        return state, str(turn.get("reason") or "")
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
    if held is False and is_this_kernel(run):
        # The kernel's word, whatever the pid namespace.
        return False
    return lives(run)


def _cause(folder: Path, run: Mapping[str, Any]) -> str:
    """Why a process without an end is gone: only what something says."""
    if "out of memory" in _last_line(folder / layout.LOG).lower():
        return OUT_OF_MEMORY
    if ran_out_of_memory(run):
        return f"{OUT_OF_MEMORY}: the kernel killed in its cgroup"
    if was_restarted(run):
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


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
