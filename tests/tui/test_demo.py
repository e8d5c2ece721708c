"""The demo: a folder of runs in every state, and one that is played by a process of its own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from handseg.anatomy import BONES
from handseg.runs import layout
from handseg.runs.artifacts import list_previews
from handseg.runs.checkpoints import Checkpoints
from handseg.runs.control import ask_to_stop
from handseg.runs.history import RunFollower
from handseg.runs.index import RunIndex, list_runs, summarise_run
from handseg.runs.lock import holder
from tui.demo.folder import frozen_demo, frozen_now, live_demo

PLAYING = """
import sys
from tui.demo.folder import live_demo
with live_demo() as runs:
    print(runs, flush=True)
    sys.stdin.read()
"""


def until(holds: Callable[[], bool], seconds: float = 20.0) -> None:
    limit = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < limit, "never came true"
        time.sleep(0.05)


def contents(runs: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(runs)): path.read_bytes()[:100_000]
        for path in sorted(runs.rglob("*"))
        if path.is_file()
    }


def test_there_is_a_run_in_every_state_and_what_it_wrote_is_whole(tmp_path):
    with frozen_demo(tmp_path / "runs") as runs:
        found = {run.name: run for run in RunIndex(runs, now=frozen_now).refresh()}
        assert {run.state for run in found.values()} == {
            *("running", "quiet", "dead", "failed", "stopped", "finished", "broken"),
        }
        for name in found.keys() - {"old-1"}:
            details = RunFollower(runs / name, frozen_now).refresh()
            assert details.dice.shape == (int(details.summary.validated_epoch), len(BONES))
            assert {"loss", "lr", "grad", "speed", "wait", "memory"} <= details.steps.keys()
            assert {one.fault for one in Checkpoints(runs / name).refresh()} == {""}
            assert len(list_previews(runs / name)) == 2
        assert found["segformer-2"].worst_class == "Pisiform"


def test_it_is_the_same_each_time(tmp_path):
    for name in ("a", "b"):
        with frozen_demo(tmp_path / name):
            pass
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_a_process_of_its_own_goes_on_with_the_live_run_and_can_be_stopped():
    with live_demo() as runs:
        folder = runs / "segformer-3"
        until(lambda: summarise_run(folder).step > 13 * 90)
        assert summarise_run(folder).state == "running"
        assert ask_to_stop(folder) != os.getpid()
        until(lambda: summarise_run(folder).state == "stopped")
    assert not runs.exists()


def test_nothing_is_left_when_the_dashboard_is_killed():
    command = [sys.executable, "-c", PLAYING]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as dashboard:
        assert dashboard.stdout is not None
        runs = Path(dashboard.stdout.readline().strip())
        until(lambda: holder(runs / "segformer-3" / layout.LOCK) is not None)
        player = holder(runs / "segformer-3" / layout.LOCK)
        dashboard.send_signal(signal.SIGKILL)
    until(lambda: not runs.parent.exists())
    until(lambda: not Path(f"/proc/{player}").exists())
    assert list_runs(runs) == []
