"""Which process a run belongs to, and whether that process still lives."""

import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PROC = Path("/proc")
CGROUPS = Path("/sys/fs/cgroup")


def boot_id() -> str:
    """Names this boot of the kernel; empty where the kernel does not tell."""
    return _read(PROC / "sys/kernel/random/boot_id").strip()


def pid_namespace() -> str:
    """Names the namespace in which this process's id counts; empty where there is none."""
    try:
        return str((PROC / "self/ns/pid").readlink())
    except OSError:
        return ""


def identity() -> dict[str, Any]:
    """The fields of `run.json` that name this process."""
    pid = os.getpid()
    return {
        "host": socket.gethostname(),
        "boot_id": boot_id(),
        "pid": pid,
        "pid_namespace": pid_namespace(),
        "start_ticks": start_ticks(pid),
        **_memory_events(),
    }


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
    return {"memory_events": str(file), "oom_kills": kills, "cgroup_namespace": _cgroup_namespace()}


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
    if run.get("cgroup_namespace") != _cgroup_namespace():
        return False
    return (oom_kills(Path(file)) or 0) > before


def was_restarted(run: Mapping[str, Any]) -> bool:
    """Whether the machine of a `run.json` is this one, and was started anew since."""
    here, there = boot_id(), run.get("boot_id")
    return bool(here and there and here != there and run.get("host") == socket.gethostname())


def _cgroup_namespace() -> str:
    try:
        return str((PROC / "self/ns/cgroup").readlink())
    except OSError:
        return ""


def start_ticks(pid: int) -> int | None:
    """When a process started, in clock ticks since boot; None for a zombie or where it is gone.

    Fields of /proc/PID/stat as in proc(5); the name in brackets may hold blanks and brackets.
    """
    fields = _read(PROC / str(pid) / "stat").rpartition(")")[2].split()
    if len(fields) < 20 or fields[0] in ("Z", "X"):
        return None
    return int(fields[19])


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


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def is_this_kernel(run: Mapping[str, Any]) -> bool:
    """Whether the process of a `run.json` is, or was, one of the kernel that runs this one."""
    here, there = boot_id(), run.get("boot_id")
    return here == there if here and there else run.get("host") == socket.gethostname()
