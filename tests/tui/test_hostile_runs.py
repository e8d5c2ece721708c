"""Damaged, empty, strange and very many runs on the Runs screen."""

import json
import math
import shutil

import pytest

from handseg.runs import layout
from tui.widgets.table import DataTable


async def test_a_run_without_any_validation_is_shown_as_far_as_it_goes(person, make_run):
    writer = make_run("fresh", epochs=0)
    async with person(writer.folder.parent) as somebody:
        await somebody.sees("● fresh-1", "0/20", "bones of fresh-1", "worst   –", "finger-1 ")
        await somebody.press("p", "space", "tab", "s", "s", "s", "s", "down", "v", "l", "z")
        await somebody.sees("★● fresh-1")


async def test_a_run_that_names_no_classes_says_so(person, make_run):
    writer = make_run("bare", classes=(), epochs=1)
    async with person(writer.folder.parent) as somebody:
        await somebody.sees("● bare-1", "bones of bare-1")
        await somebody.press("tab", "down", "s", "enter", "escape")
        await somebody.sees("● bare-1")


async def test_dice_that_are_no_numbers_are_dashes_and_come_last(person, make_run):
    writer = make_run("nan", classes=("a", "b", "c"), epochs=2)
    dice = {"a": math.nan, "b": 0.5, "c": math.inf}
    writer.step(21, loss=math.nan, lr=math.inf)
    writer.validation(step=30, epoch=3, dice=dice)
    async with person(writer.folder.parent) as somebody:
        await somebody.sees("● nan-1", "3/20", "worst   b .500")
        await somebody.press("tab", "s", "s")
        await somebody.until(
            lambda: somebody.app.screen.query_one("#bones", DataTable).keys[0] == "b"
        )


async def test_half_a_line_at_the_end_of_a_log_is_waited_for(person, make_run):
    writer = make_run("live", epochs=2)
    log = writer.folder / layout.EVENTS
    line = json.loads(log.read_text().splitlines()[-1]) | {"step": 30, "epoch": 3.0}
    text = json.dumps(line)
    async with person(writer.folder.parent) as somebody:
        await somebody.sees("● live-1", "epoch 2")
        with log.open("a") as file:
            file.write(text[:40])
        await somebody.pilot.pause(0.6)
        assert "bones of live-1, epoch 2" in somebody.screen
        with log.open("a") as file:
            file.write(text[40:] + "\n")
        await somebody.sees("● live-1", "bones of live-1, epoch 3")


async def test_a_selected_and_pinned_run_that_vanishes_takes_nothing_along(person, runs):
    async with person(runs) as somebody:
        await somebody.press("down", "space", "p", "up")
        await somebody.sees("★✖ killed-1", "Δ to ★ killed-1")
        shutil.rmtree(runs / "killed-1")
        await somebody.sees_no("★✖ killed-1")
        await somebody.sees("● unet-1", "now   best", "killed-1 is gone")
        assert somebody.app.state.selected == ()


async def test_a_pinned_run_that_breaks_is_marked_and_the_others_go_on(person, runs):
    async with person(runs) as somebody:
        await somebody.press("down", "p", "up")
        await somebody.sees("★✖ killed-1")
        (runs / "killed-1" / layout.EVENTS).write_bytes(b"nonsense\n")
        await somebody.sees("★! killed-1", "● unet-1", "bones of unet-1, epoch 12")


async def test_more_bones_than_lines_scroll_with_the_cursor(person, make_run):
    writer = make_run("many", classes=tuple(f"class {n}" for n in range(145)), epochs=1)
    async with person(writer.folder.parent) as somebody:
        await somebody.sees("class 0 ")
        assert "class 72 " not in somebody.screen
        await somebody.press("tab", *["down"] * 3, "end")
        await somebody.sees("class 144 ")
        assert somebody.app.state.chosen_class == "class 144"
        await somebody.press("up")
        assert somebody.app.state.chosen_class == "class 143"


async def test_long_names_of_classes_keep_what_tells_them_apart(person, make_run):
    writer = make_run("many", classes=tuple(f"metacarpal-{n}" for n in range(10, 40)), epochs=2)
    async with person(writer.folder.parent) as somebody:
        for screen in ("1", "2"):
            await somebody.press(screen)
            await somebody.sees(*(f"al-{n} " for n in range(10, 40)))


async def test_classes_that_look_like_markup_are_chosen_like_others(person, make_run):
    writer = make_run("[b]", classes=("[red]x[/]", "[/]", "\x1b[31m"), epochs=2)
    async with person(writer.folder.parent) as somebody:
        await somebody.press("tab", "down", "p", "space")
        await somebody.sees("[red]x[/]", "·[31m", "★● [b]-1")
        assert somebody.app.state.chosen_class == "[red]x[/]"
        await somebody.press("colon")
        await somebody.types("run [")
        await somebody.sees("run [b]-1")
        await somebody.press("enter", "y", "exclamation_mark", "escape")


@pytest.fixture
def very_many(tmp_path):
    """5,000 finished runs, as small as runs can be, of the same files."""
    dice = dict.fromkeys(("Radius", "Ulna"), 0.5)
    best = {"mean": 0.5, "epoch": 1.0, "step": 10, "dice": dice}
    events = (
        {"kind": "start", "t": 1.0, "classes": list(dice), "epochs": 1, "steps_per_epoch": 10},
        {"kind": "validation", "t": 2.0, "step": 10, "epoch": 1.0, "dice": dice, "mean": 0.5}
        | {"best": best, "means": [0.5]},
        {"kind": "end", "t": 3.0, "state": "finished"},
    )
    texts = {
        layout.EVENTS: "".join(json.dumps(event) + "\n" for event in events),
        layout.RUN: json.dumps({"v": 1, "started": 1.0, "recipe": "r", "classes": list(dice)}),
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    for number in range(5000):
        folder = tmp_path / "runs" / f"r-{number:04}"
        folder.mkdir(parents=True)
        for name in texts:
            (folder / name).hardlink_to(tmp_path / name)
    return tmp_path / "runs"


async def test_5000_runs_are_sorted_filtered_and_walked_through(person, very_many):
    async with person(very_many) as somebody:
        await somebody.sees("▸ ✔ r-0000", "5000 of 5000 shown")
        await somebody.press("end")
        await somebody.sees("▸ ✔ r-4999")
        await somebody.press("home", "pagedown")
        await somebody.sees("▸ ✔ r-00")
        await somebody.press("slash")
        await somebody.types("r-499")
        await somebody.sees("10 of 5000 shown")
        await somebody.press("enter", "s", "S")
        await somebody.sees("▸ ✔ r-4990", "sorted by name ▼")
