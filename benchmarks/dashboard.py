"""What the dashboard costs, 160 × 50, against the aims of issue 6.

    python benchmarks/dashboard.py [--runs 1000] [--seconds 20] [--only start,event,...]

A real `handseg tui` in a pseudo-terminal: 1,000 runs with 500 validations and 10,000 steps each
(about a gigabyte in a temporary folder), a live run beside them where something has to move, and
eight runs of 125,000 steps for the curves and for memory. Costs are CPU seconds of that process as
the kernel counts them, divided by wall seconds; times of a person's waiting are wall seconds, the
median of several. "cold": the pages of all files of the runs are dropped (posix_fadvise) before
the start; the program itself and the folders' entries stay cached. Prints aim and measured.
"""

import argparse
import asyncio
import fcntl
import os
import pty
import random
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from many_runs import build

from handseg.anatomy import BONES
from handseg.runs.writer import RunWriter

COLUMNS, ROWS = 160, 50
PATIENCE = 60.0
ROW = b"upernet-"
"""What the first rows of the table hold and nothing else on the screen."""
HANDSEG = "from handseg.cli.main import main; main()"


class Terminal:
    """A dashboard in a pseudo-terminal, with all that it has written."""

    def __init__(self, runs: Path) -> None:
        self._main, other = pty.openpty()
        size = struct.pack("HHHH", ROWS, COLUMNS, 0, 0)
        fcntl.ioctl(other, termios.TIOCSWINSZ, size)
        words = [sys.executable, "-c", HANDSEG, "tui", "--runs", str(runs)]
        environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "", "LINES": ""}
        self.started = time.perf_counter()
        self.process = subprocess.Popen(
            words, stdin=other, stdout=other, stderr=other, env=environment, start_new_session=True
        )
        os.close(other)
        self._arrived: list[tuple[float, bytes]] = []
        threading.Thread(target=self._read, daemon=True).start()
        self.usage = psutil.Process(self.process.pid)

    def _read(self) -> None:
        while True:
            try:
                block = os.read(self._main, 65536)
            except OSError:
                return
            if not block:
                return
            self._arrived.append((time.perf_counter(), block))

    def wait_for(self, text: bytes, since: int = 0) -> float:
        """When `text` was written, of what came after so many blocks; perf_counter's clock.

        Raises:
            RuntimeError: it did not come.
        """
        end = time.perf_counter() + PATIENCE
        while time.perf_counter() < end:
            blocks = self._arrived[since:]
            if text in b"".join(block for _, block in blocks):
                seen = b""
                for at, block in blocks:
                    seen += block
                    if text in seen:
                        return at
            time.sleep(0.002)
        raise RuntimeError(f"{text!r} never came: {b''.join(b for _, b in self._arrived)[-500:]!r}")

    @property
    def blocks(self) -> int:
        """How many blocks have been written."""
        return len(self._arrived)

    def press(self, *keys: str, pause: float) -> None:
        """Type keys one by one."""
        for key in keys:
            os.write(self._main, key.encode())
            time.sleep(pause)

    def cpu_share(self, seconds: float) -> float:
        """Percent of a core over the next seconds."""
        before, begun = sum(self.usage.cpu_times()[:2]), time.perf_counter()
        time.sleep(seconds)
        spent = sum(self.usage.cpu_times()[:2]) - before
        return 100 * spent / (time.perf_counter() - begun)

    def close(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait(20)
        os.close(self._main)


@contextmanager
def dashboard(runs: Path) -> Iterator[Terminal]:
    """A dashboard that shows its first rows; ended afterwards."""
    terminal = Terminal(runs)
    try:
        yield terminal
    finally:
        terminal.close()


@contextmanager
def live_run(runs: Path) -> Iterator[RunWriter]:
    """A run that this process trains."""
    facts = {"classes": BONES, "fold": 0, "epochs": 500, "steps_per_epoch": 20}
    writer = RunWriter.create(runs, "live", recipe_toml="schema = 1\n", facts=facts)
    validate(writer, 1, 0.5)
    try:
        yield writer
    finally:
        writer.end("stopped")


def validate(writer: RunWriter, epoch: int, dice: float) -> None:
    """Log an epoch: twenty steps and a validation whose Dice differ a little."""
    for step in range(epoch * 20 - 19, epoch * 20 + 1):
        writer.step(step, loss=1 / step + random.random() / 9, lr=6e-5)
    values = {bone: dice * (1 - 0.001 * place % 7) for place, bone in enumerate(BONES)}
    values[BONES[-1]] = dice
    writer.validation(step=epoch * 20, epoch=epoch, dice=values)


def say(what: str, aim: str, measured: str) -> None:
    """A line of the table."""
    print(f"{what:<58}{aim:>10}  {measured}", flush=True)


def drop_pages(folder: Path) -> None:
    """Have the files' pages read from the disk next time."""
    for path in folder.rglob("*"):
        if path.is_file():
            descriptor = os.open(path, os.O_RDONLY)
            os.fsync(descriptor)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(descriptor)


def start(runs: Path, seconds: float) -> None:
    """From the start of the process to the first rows, cold and warm."""
    del seconds
    drop_pages(runs)
    with dashboard(runs) as terminal:
        cold = terminal.wait_for(ROW) - terminal.started
    warm: list[float] = []
    cpu: list[float] = []
    for _ in range(5):
        with dashboard(runs) as terminal:
            warm.append(terminal.wait_for(ROW) - terminal.started)
            cpu.append(sum(terminal.usage.cpu_times()[:2]))
    count = sum(1 for _ in runs.iterdir())
    middle, least = statistics.median(warm), min(warm)
    say(f"{count} runs, process start to first rows, cold", "2 s", f"{cold:.2f} s")
    say("… warm", "1 s", f"{middle:.2f} s (least {least:.2f}, CPU {min(cpu):.2f})")


def event(runs: Path, seconds: float) -> None:
    """From a validation's line in the log to its Dice on the screen."""
    del seconds
    waits: list[float] = []
    with live_run(runs) as writer, dashboard(runs) as terminal:
        terminal.wait_for(b"live-")
        time.sleep(2)
        for epoch in range(2, 12):
            time.sleep(random.uniform(0.2, 0.9))
            since, dice = terminal.blocks, 0.5 + epoch / 1000
            validate(writer, epoch, dice)
            begun = time.perf_counter()
            # The Ulna's, of which there is one on the screen: three digits.
            waits.append(terminal.wait_for(f"{dice:.3f}"[1:].encode(), since) - begun)
    words = f"{statistics.median(waits):.2f} s, at most {max(waits):.2f} s"
    say("a new event on the screen", "1.5 s", words)


def polling(runs: Path, seconds: float) -> None:
    """The watcher alone: what asking the folders costs."""
    from tui.watcher import PERIOD, Watcher

    watcher = Watcher(runs, lambda message: True)
    watcher.look()
    looks = max(5, int(seconds / PERIOD))
    begun = time.process_time()
    for _ in range(looks):
        watcher.look()
    share = 100 * (time.process_time() - begun) / (looks * PERIOD)
    say(f"polling {sum(1 for _ in runs.iterdir())} folders", "1 %", f"{share:.2f} % of a core")


def updating(runs: Path, seconds: float) -> None:
    """Bones and run rows that change each second, and nothing that changes."""
    with dashboard(runs) as terminal:
        terminal.wait_for(ROW)
        time.sleep(4)
        idle = terminal.cpu_share(seconds)
    with live_run(runs) as writer, dashboard(runs) as terminal:
        terminal.wait_for(b"live-")
        time.sleep(4)
        ended = threading.Event()

        def write() -> None:
            epoch = 2
            while not ended.wait(1.0):
                validate(writer, epoch, 0.4 + epoch % 50 / 100)
                epoch += 1

        thread = threading.Thread(target=write)
        thread.start()
        busy = terminal.cpu_share(seconds)
        ended.set()
        thread.join()
    say("bones and run rows updated each second", "2 %", f"{busy:.2f} % of a core")
    say("idle", "0.5 %", f"{idle:.2f} % of a core")


def curves(runs: Path, seconds: float) -> None:
    """Eight runs of 125,000 steps: reduced, smoothed and drawn, and brought to the screen."""
    del runs, seconds
    with tempfile.TemporaryDirectory() as folder:
        many = build(Path(folder) / "runs", 8, 100, 125_000)
        built, shown = asyncio.run(_curves(many))
    aim = "25 ms"
    say("curves of 8 runs, a million points, smoothed, band: built", aim, f"{built:.1f} ms")
    say("… shown", "50 ms", f"{shown:.1f} ms")


async def _curves(runs: Path) -> tuple[float, float]:
    """Milliseconds of CPU, the least of ten: the drawing, and with it the lines of the screen."""
    from handseg.view.curves import draw, line_of
    from tui.app import Dashboard
    from tui.widgets.chart import Chart, curve_of, drawn_runs

    app = Dashboard(runs)
    async with app.run_test(size=(COLUMNS, ROWS)) as pilot:
        while not app.settled:
            await pilot.pause(0.05)
        for run in app.state.runs:
            if run.name not in app.state.selected:
                app.state.toggle_selected(run.name)
        app._follow()
        while len(app.state.details) < 8:
            await pilot.pause(0.05)
        chart = app.screen.query_one(Chart)
        for what in ("next", "smooth"):
            chart.action_curve(what)
        await pilot.pause()
        frame = chart._frame
        assert frame is not None
        runs_drawn = drawn_runs(app.state)
        found = [curve_of(run, chart.value, None, "epoch") for run in runs_drawn]
        series = [curve for curve in found if curve is not None]
        assert len(series) == 8
        assert sum(len(curve.x) for curve in series) == 1_000_000

        def build_all() -> None:
            draw([line_of(curve, frame) for curve in series], frame, 7)

        def show_all() -> None:
            chart._reduced.clear()
            chart._made_of = ((), [])
            chart.update()
            app.screen._compositor.render_update(full=True)

        return least_ms(build_all), least_ms(show_all)


def least_ms(work: Callable[[], None], times: int = 10) -> float:
    """The least CPU milliseconds of several."""
    spent: list[float] = []
    for _ in range(times):
        begun = time.process_time()
        work()
        spent.append(1000 * (time.process_time() - begun))
    return min(spent)


def memory(runs: Path, seconds: float) -> None:
    """Resident megabytes with a thousand runs, eight of them selected, and every screen opened."""
    del seconds
    with tempfile.TemporaryDirectory() as folder:
        many = build(Path(folder) / "big", 8, 500, 125_000, ended=1000)
        for run in many.iterdir():
            run.rename(runs / f"long-{run.name}")
    with dashboard(runs) as terminal:
        terminal.wait_for(b"long-")
        for _ in range(8):
            terminal.press(" ", "\x1b[B", pause=0.4)
        time.sleep(4)
        terminal.press(*"vz2135", pause=1.0)
        used = terminal.usage.memory_info().rss / 1e6
    say("memory with all of it open", "150 MB", f"{used:.0f} MB")


PARTS: dict[str, Callable[[Path, float], None]] = {
    "start": start,
    "polling": polling,
    "updating": updating,
    "event": event,
    "curves": curves,
    "memory": memory,
}


def main() -> None:
    parser = argparse.ArgumentParser(description="Costs of the dashboard.")
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--only", default=",".join(PARTS))
    chosen = parser.parse_args()
    # This file is called as the package that it measures: its folder comes last.
    sys.path.append(sys.path.pop(0))
    with tempfile.TemporaryDirectory() as folder:
        runs = Path(folder) / "r"
        runs.mkdir()
        wanted = chosen.only.split(",")
        if set(wanted) != {"curves"}:
            build(runs, chosen.runs)
        for name in wanted:
            PARTS[name](runs, chosen.seconds)


if __name__ == "__main__":
    main()
