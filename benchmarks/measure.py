"""What whole processes cost: CPU seconds (children included), wall seconds, peak memory.

Only the standard library is imported: a process begins with the peak memory of its parent.
"""

import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple


class Spent(NamedTuple):
    """What a process and its children have taken."""

    cpu: float
    """User and system seconds."""
    wall: float
    megabytes: float
    """Peak resident memory of the largest of its processes."""
    output: str


def spend(command: Sequence[str | Path]) -> Spent:
    """Run a command to its end; raises RuntimeError, with what it said, if it fails."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        begun = time.perf_counter()
        process = subprocess.Popen([str(word) for word in command], stdout=out, stderr=err)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        if process.returncode:
            said = err.read().decode(errors="replace")[-2000:]
            raise RuntimeError(f"{' '.join(map(str, command))[:300]}\n{said}")
        output = out.read().decode()
    return Spent(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 1024, output)


def paired(
    first: Sequence[str | Path], second: Sequence[str | Path], pairs: int
) -> list[tuple[Spent, Spent]]:
    """Both commands so many times, one after the other, the order turned round each time.

    The two of a pair meet the same weather of the machine.
    """
    found: list[tuple[Spent, Spent]] = []
    for number in range(pairs):
        if number % 2:
            later = spend(second)
            found.append((spend(first), later))
        else:
            found.append((spend(first), spend(second)))
    return found


def cpu_ratio(pairs: Sequence[tuple[Spent, Spent]]) -> float:
    """Median of CPU seconds of the first by those of the second."""
    return statistics.median(first.cpu / second.cpu for first, second in pairs)


def cpu_words(name: str, spent: Sequence[Spent]) -> str:
    """The median of the CPU seconds, in words."""
    return f"{name} {statistics.median(one.cpu for one in spent):.2f} s CPU"


def warm(files: Sequence[Path]) -> None:
    """Read files, so that the first of a pair does not wait for the disk."""
    for file in files:
        with file.open("rb") as stream:
            while stream.read(1 << 20):
                pass
