"""The Run screen: recipe, log, events, checkpoints, stop and resume, by what a person sees."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from handseg.runs import layout
from tui.app import Dashboard, screen_text
from tui.demo.folder import STORIES, frozen_demo, frozen_now, write_run
from tui.screens.run import RunScreen

LIVE, PINNED = "segformer-3", "segformer-2"


class Person:
    """Someone at the Run screen."""

    def __init__(self, app: Dashboard, pilot: Pilot[Any]) -> None:
        self.app, self.pilot = app, pilot

    @property
    def screen(self) -> str:
        return screen_text(self.app)

    async def sees(self, *texts: str) -> None:
        for _ in range(500):
            await self.pilot.pause(0.02)
            if all(text in self.screen for text in texts):
                return
        raise AssertionError(f"{texts} never came; the screen:\n{self.screen}")

    async def sees_no_more(self, text: str) -> None:
        for _ in range(500):
            await self.pilot.pause(0.02)
            if text not in self.screen:
                return
        raise AssertionError(f"{text} stayed; the screen:\n{self.screen}")

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()


@asynccontextmanager
async def person(
    runs: Path, run: str = LIVE, size: tuple[int, int] = (120, 40), **options: Any
) -> AsyncIterator[Person]:
    app = Dashboard(runs, None, "run", run=run, **{"clock": frozen_now, **options})
    async with app.run_test(size=size) as pilot:
        somebody = Person(app, pilot)
        while not (isinstance(app.screen, RunScreen) and app.settled):
            await pilot.pause(0.02)
        yield somebody


@pytest.fixture(scope="module")
def shared(tmp_path_factory) -> Any:
    """The demo's runs; nobody writes to them."""
    with frozen_demo(tmp_path_factory.mktemp("demo") / "runs") as runs:
        yield runs


@pytest.fixture
def one(tmp_path) -> Path:
    """The dead run of the demo, for a test of its own."""
    return write_run(tmp_path / "runs", STORIES[2], frozen_now())


async def test_recipe_log_events_and_checkpoints_of_a_run_are_seen_at_once(shared):
    async with person(shared) as somebody:
        await somebody.sees("segformer-3  ● running", "pid 4711 on hk-03", "61/100")
        await somebody.sees('architecture = "segformer"', "epoch  61/100  Dice 0.9653")
        await somebody.sees("▣ 14:03:21", "checkpoint, step 5 490 · 14.9 MB", "◆ 14:03:21")
        await somebody.sees("last          5 490     61 .9653  EMA  14.9 MB", "best  ")


async def test_what_differs_from_the_pinned_run_is_marked_with_both_values(shared):
    async with person(shared) as somebody:
        somebody.app.state.toggle_pinned(PINNED)
        somebody.app._follow()
        somebody.app._update()
        await somebody.sees("recipe against ★ segformer-2: 3 differ", "≠ size = 1024  ★ 512")
        await somebody.press("d")
        await somebody.sees("≠ data.size         1024   ★ 512", "≠ train.batch_size  4      ★ 8")
        assert "architecture" not in somebody.screen
        await somebody.press("d")
        await somebody.sees("architecture")


async def test_differences_that_do_not_fit_are_scrolled(shared):
    async with person(shared, size=(80, 8)) as somebody:
        somebody.app.state.toggle_pinned(PINNED)
        somebody.app._follow()
        somebody.app._update()
        await somebody.sees("recipe against ★ segformer-2")
        await somebody.press("d")
        await somebody.sees("≠ data.size")
        table = somebody.app.screen.query_one("#recipe-list")
        last = len(table._keys) - 1
        assert table.size.height <= last, "there is nothing to scroll"
        await somebody.press(*["down"] * last)
        await somebody.sees("≠ train.batch_size")
        await somebody.press("home")
        await somebody.sees("≠ data.size")


async def test_without_a_pinned_run_d_says_how_to_pin_one(shared):
    async with person(shared) as somebody:
        await somebody.press("d")
        await somebody.sees("pin another run first")


async def test_a_recipe_that_is_no_recipe_is_shown_and_said(one):
    (one / layout.RECIPE).write_text("[[[ \x1b[31m no [red]toml[/]\n")
    other = write_run(one.parent, STORIES[5], frozen_now())
    async with person(one.parent, one.name) as somebody:
        await somebody.sees("no [red]toml[/]")
        somebody.app.state.toggle_pinned(other.name)
        somebody.app._follow()
        somebody.app._update()
        await somebody.sees("against ★ segformer-1: cannot be compared", "the recipe ")


async def test_blank_lines_of_the_recipe_take_the_ground_of_another_theme(shared):
    def grounds(somebody):
        strips = somebody.app.screen._compositor.render_strips(somebody.app.size)
        return {seg.style.bgcolor.name for strip in strips for seg in strip if seg.style.bgcolor}

    async with person(shared) as somebody:
        await somebody.sees("architecture =")
        assert "#121212" in grounds(somebody)
        await somebody.press("t")
        await somebody.sees("theme light")
        assert "#121212" not in grounds(somebody)


async def test_f_goes_through_the_kinds_of_events(shared):
    async with person(shared) as somebody:
        await somebody.press("f")
        await somebody.sees("61 (validations)")
        await somebody.press("f")
        await somebody.sees("7 (checkpoints)")
        await somebody.press("f")
        await somebody.sees("1 (warnings)", "memory: out of memory: micro-batches of 2")
        await somebody.press("f")
        await somebody.sees("13 (machine)", "cpu ", "GB of 64 GB")
        await somebody.press("f")
        await somebody.sees("2 (turns)", "went on from step 3 600", "started: 100 epochs")


async def test_a_search_begins_at_the_end_and_n_goes_back(shared):
    async with person(shared) as somebody:
        await somebody.press("slash", *"pisiform", "enter")
        await somebody.sees("/pisiform", "47/100")
        first = somebody.app.screen.focused.cursor
        await somebody.press("n")
        await somebody.sees("/pisiform")
        await somebody.pilot.pause(0.1)
        assert int(somebody.app.screen.focused.cursor) < int(first)
        await somebody.press("N")
        await somebody.pilot.pause(0.1)
        assert somebody.app.screen.focused.cursor == first
        await somebody.press("escape")
        await somebody.sees_no_more("/pisiform")
        await somebody.press("slash", *"no such words", "enter")
        await somebody.sees("no such words is not found")


async def test_a_log_that_grows_is_followed_until_the_person_goes_up(one):
    with (one / layout.LOG).open("a") as log:
        log.write("".join(f"row {n}\n" for n in range(100)))
    async with person(one.parent, one.name) as somebody:
        await somebody.press("v")
        await somebody.sees("row 99")
        with (one / layout.LOG).open("a") as log:
            log.write("\x1b[31mnext\x07 one\x1b[0m\n")
        await somebody.sees("next· one")
        await somebody.press("home")
        with (one / layout.LOG).open("a") as log:
            log.write("one more\n")
        await somebody.sees("640 training images")
        await somebody.pilot.pause(1.3)
        assert "one more" not in somebody.screen
        await somebody.press("end")
        await somebody.sees("one more")


async def test_long_lines_of_a_log_are_read_with_the_arrows_and_not_beyond_their_end(one):
    (one / layout.LOG).write_text("short\n" + "x" * 90 + " the end of it\n")
    async with person(one.parent, one.name) as somebody:
        await somebody.press("v")
        await somebody.sees("short")
        assert "the end of it" not in somebody.screen
        await somebody.press(*["right"] * 3)
        await somebody.sees("the end of it")
        await somebody.press(*["right"] * 30)
        await somebody.press(*["left"] * 6)
        await somebody.sees("short")


async def test_a_log_of_a_hundred_megabytes_is_shown_and_searched_at_once(one):
    block = b"".join(b"step %06d loss 0.1 and so on and on\n" % n for n in range(28_000))
    with (one / layout.LOG).open("wb") as log:
        log.write(b"the very first words\n")
        for _ in range(100):
            log.write(block)
        log.write(b"the very last words\n")
    async with person(one.parent, one.name) as somebody:
        await somebody.sees("the very last words")
        await somebody.press("v", "home")
        await somebody.sees("the very first words")
        await somebody.press("end")
        await somebody.sees("the very last words")
        await somebody.press("slash", *"first words", "enter")
        await somebody.sees("the very first words")


async def test_a_damaged_checkpoint_and_a_missing_one_are_named(one):
    root = one / layout.CHECKPOINTS
    newest = max(root.glob("step-*"))
    with (newest / "model.safetensors").open("r+b") as file:
        file.truncate(1000)
    (root / "best").write_text("step-00000099")
    async with person(one.parent, one.name) as somebody:
        await somebody.sees("! model.safetensors is damaged", "! missing")


async def test_brackets_go_to_the_next_run_of_the_list_and_back(shared):
    async with person(shared) as somebody:
        await somebody.press("right_square_bracket")
        await somebody.sees("upernet-1  ◐ quiet", 'architecture = "upernet"')
        await somebody.press("left_square_bracket")
        await somebody.sees("segformer-3  ● running", 'architecture = "segformer"')


async def test_a_broken_run_shows_what_there_is(shared):
    async with person(shared, "old-1") as somebody:
        await somebody.sees("old-1  ! broken", "no recipe", "no checkpoint yet", "log  empty")


async def test_a_folder_that_vanishes_while_it_is_shown_harms_nobody(one):
    other = write_run(one.parent, STORIES[5], frozen_now())
    async with person(one.parent, one.name) as somebody:
        await somebody.sees("segformer-2  ✖ dead")
        shutil.rmtree(one)
        await somebody.sees(f"{other.name}  ✔ finished")
        shutil.rmtree(other)
        await somebody.sees("no run is chosen")


async def test_in_a_narrow_window_v_brings_one_pane_after_the_other(shared):
    async with person(shared, size=(80, 24)) as somebody:
        await somebody.sees("[recipe]", "schema = 1")
        for name, text in (("log", "epoch  61"), ("checkpoints", "14.9 MB"), ("events", "◆ ")):
            await somebody.press("v")
            await somebody.sees(f"[{name}]", text)
        await somebody.pilot.click("Tabs", offset=(3, 0))
        await somebody.sees("[recipe]", "schema = 1")


async def test_what_has_no_room_in_the_head_is_left_out_whole(shared):
    async with person(shared, size=(80, 24)) as somebody:
        await somebody.sees("best .9664 at epoch 55")
        assert "…" not in somebody.screen.splitlines()[2]


async def test_any_size_is_borne(shared):
    async with person(shared) as somebody:
        for size in ((2, 1), (1, 1), (10, 3), (60, 18), (40, 12), (300, 5), (120, 40)):
            await somebody.pilot.resize_terminal(*size)
            await somebody.press("v", "slash", "escape", "f", "down", "end")
        await somebody.sees("segformer-3  ● running")


def lengthen(run: Path, size: int) -> None:
    """Write the validations of a run again and again until its log is so long."""
    events = run / layout.EVENTS
    lines = events.read_bytes().splitlines(keepends=True)
    block = b"".join(line for line in lines if b'"validation"' in line)
    with events.open("ab") as log:
        for _ in range(size // len(block) + 1):
            log.write(block)


async def test_an_event_log_of_200_megabytes_is_in_the_list_and_one_of_20_is_shown(one):
    huge = write_run(one.parent, STORIES[5], frozen_now())
    lengthen(huge, 200_000_000)
    lengthen(one, 20_000_000)
    async with person(one.parent, one.name) as somebody:
        await somebody.sees("segformer-2  ✖ dead", "epoch 46", "✖2  2 runs")
        await somebody.press("f")
        await somebody.sees("(validations)")


TRAINING = """
import signal, sys, threading
from pathlib import Path
from handseg.runs.writer import RunWriter
asked = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: asked.set())
facts = {"classes": ["a"], "epochs": 3, "steps_per_epoch": 5}
writer = RunWriter.create(Path(sys.argv[1]), "live", recipe_toml="schema =", facts=facts)
print(flush=True)
asked.wait(60)
writer.end("stopped", "SIGTERM")
"""


@pytest.fixture
def training(tmp_path, monkeypatch):
    monkeypatch.setenv("HANDSEG_RUNS", str(tmp_path / "runs"))
    command = [sys.executable, "-c", TRAINING, str(tmp_path / "runs")]
    child = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    yield child
    child.kill()
    child.wait()


async def test_x_asks_and_stops_the_training_and_r_goes_on_with_it(training, tmp_path):
    import time

    async with person(tmp_path / "runs", "live-1", clock=time.time) as somebody:
        await somebody.sees("● running")
        await somebody.press("X")
        await somebody.sees("Stop live-1?", f"kill -TERM {training.pid}", "keeps a checkpoint")
        await somebody.press("n")
        await somebody.sees_no_more("Stop live-1?")
        assert training.poll() is None
        await somebody.press("X")
        await somebody.sees("Stop live-1?")
        await somebody.press("y")
        await somebody.sees("■ stopped", "SIGTERM")
        assert training.wait(10) == 0
        await somebody.press("R")
        await somebody.sees("Resume live-1?", "handseg train --resume live-1")
        await somebody.press("y")
        # Its recipe is at fault: the process says so in the log, and the dashboard that it ended.
        await somebody.sees("live-1 could not go on (exit 2)", "error: the recipe")


async def test_what_is_not_proven_is_not_stopped(training, tmp_path):
    run = tmp_path / "runs" / "live-1" / layout.RUN
    run.write_text(json.dumps({**json.loads(run.read_text()), "pid": os.getpid()}))
    async with person(tmp_path / "runs", "live-1") as somebody:
        await somebody.press("X")
        await somebody.sees("cannot be stopped from here", "held by another process")
        await somebody.press("y")
        await somebody.sees_no_more("cannot be stopped")
    assert training.poll() is None


async def test_a_run_of_another_host_shows_only_what_to_type(training, tmp_path):
    run = tmp_path / "runs" / "live-1" / layout.RUN
    there = {"boot_id": "another", "host": "hk-03"}
    run.write_text(json.dumps({**json.loads(run.read_text()), **there}))
    async with person(tmp_path / "runs", "live-1") as somebody:
        await somebody.press("X")
        await somebody.sees("it runs on hk-03", f"kill -TERM {training.pid}   # on hk-03")
        await somebody.press("escape")
        os.kill(training.pid, signal.SIGTERM)
        await somebody.sees("■ stopped")
        await somebody.press("R")
        await somebody.sees("it ran on hk-03", "--resume live-1", "# on hk-03")


async def test_read_only_takes_stop_and_resume_away_from_keys_help_and_palette(training, tmp_path):
    async with person(tmp_path / "runs", "live-1", (120, 99), read_only=True) as somebody:
        assert "X stop" not in somebody.screen
        await somebody.press("X", "R")
        await somebody.pilot.pause(0.2)
        assert "Stop live-1?" not in somebody.screen
        await somebody.press("question_mark")
        await somebody.sees("search the log")
        assert "stop the run" not in somebody.screen
        await somebody.press("escape", "colon", *"stop")
        await somebody.pilot.pause(0.2)
        assert "stop the run" not in somebody.screen
    assert training.poll() is None
