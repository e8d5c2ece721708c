"""What it costs to list and to watch many runs: time, memory, share of a core.

    python benchmarks/runs.py [runs] [repeats]

Writes runs of 500 validations and 10,000 steps each into a temporary folder and takes the least of
the repeats. "Cold" reads files that the kernel was told to forget. The aims, for 1,000 runs:
`handseg runs` in a second; somebody who polls each half second takes 1 % of a core.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from many_runs import build
from measure import Spent, spend

from handseg.runs.index import RunIndex
from handseg.runs.jsonl import backwards

LIST = [sys.executable, "-c", "from handseg.cli.main import main; main()", "runs", "--runs"]
PERIOD = 0.5
POLLED = 20.0
"""Seconds for which the folder is polled."""
BEAT = """
import sys, time
from pathlib import Path
from handseg.runs.writer import RunWriter
writer = RunWriter.create(Path(sys.argv[1]), "live", recipe_toml="", facts={"classes": ["Radius"]})
print(writer.name, flush=True)
step = 0
while True:
    time.sleep(0.2)
    step += 1
    writer.step(step, loss=1.0)
    if step % 10 == 0:
        writer.validation(step=step, epoch=step / 10, dice={"Radius": 0.5})
"""


def forget(folder: Path) -> None:
    """Have the kernel drop what it remembers of the files."""
    os.sync()
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def listed(folder: Path, repeats: int, *, cold: bool) -> Spent:
    """The cheapest of several processes that list the runs."""
    found: list[Spent] = []
    for _ in range(repeats):
        if cold:
            forget(folder)
        found.append(spend([*LIST, folder]))
    return min(found, key=lambda spent: spent.wall)


def polled(folder: Path) -> tuple[float, float, float]:
    """Share of a core, longest poll in milliseconds, and longest wait for an event in seconds."""
    live = subprocess.Popen([sys.executable, "-c", BEAT, folder], stdout=subprocess.PIPE)
    try:
        assert live.stdout is not None
        live.stdout.readline()
        index = RunIndex(folder)
        index.poll()
        return watch(index)
    finally:
        live.kill()
        live.wait()


def watch(index: RunIndex) -> tuple[float, float, float]:
    """Poll for a while; one run lives, three are shown."""
    shown = [run.name for run in index.poll()[:3]]
    begun, cpu, longest, late, seen = time.monotonic(), time.process_time(), 0.0, 0.0, 0.0
    while time.monotonic() - begun < POLLED:
        time.sleep(PERIOD)
        at = time.process_time()
        (live,) = [run for run in index.poll(shown) if run.name == "live-1"]
        longest = max(longest, time.process_time() - at)
        if live.last_dice == live.last_dice and live.validated_epoch != seen:
            seen = live.validated_epoch
            event = next(e for e in backwards(live.folder / "events.jsonl") if "dice" in e)
            late = max(late, time.time() - float(event["t"]))
    share = (time.process_time() - cpu) / (time.monotonic() - begun)
    return share, longest * 1000, late


def words(name: str, spent: Spent) -> str:
    return f"{name} {spent.wall:.2f} s, {spent.cpu:.2f} s CPU, {spent.megabytes:.0f} MB"


def main(arguments: Sequence[str]) -> None:
    runs = int(arguments[0]) if arguments else 1000
    repeats = int(arguments[1]) if len(arguments) > 1 else 5
    with tempfile.TemporaryDirectory() as place:
        folder = build(Path(place) / "runs", runs)
        print(f"{runs} runs of 500 validations and 10,000 steps; handseg runs:")
        print(words("  cold", listed(folder, repeats, cold=True)))
        print(words("  warm", listed(folder, repeats, cold=False)) + "   (aim 1 s)")
        share, longest, late = polled(folder)
        print(f"polled each {PERIOD} s: {share:.2%} of a core (aim 1 %), {longest:.1f} ms at most")
        print(f"a new validation is in the list after {late:.2f} s at most (aim 1.5 s)")


if __name__ == "__main__":
    main(sys.argv[1:])
