"""The Classes screen: strips, the hand and the bone that is chosen everywhere."""

import math
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from textual.pilot import Pilot

from handseg.anatomy import BONES
from handseg.view import hand_map
from tui.app import Dashboard, screen_text
from tui.screens.classes import ClassesScreen, ClassesTable
from tui.theme import DARK
from tui.widgets.hand import Hand, is_hand


class Person:
    """Someone at the Classes screen."""

    def __init__(self, app: Dashboard, pilot: Pilot[Any]) -> None:
        self.app, self.pilot = app, pilot

    @property
    def screen(self) -> str:
        return screen_text(self.app)

    @property
    def table(self) -> ClassesTable:
        return self.app.screen.query_one(ClassesTable)

    @property
    def hand(self) -> Hand:
        return self.app.screen.query_one(Hand)

    def row(self, label: str) -> str:
        """The line of a class."""
        return next(line for line in self.screen.splitlines() if label in line[:16])

    def colour_of(self, bone: str) -> str:
        """The colour in which the hand shows the middle of a bone."""
        pixels = self.hand._pixels
        rows, columns = np.nonzero(pixels == BONES.index(bone))
        place = int(np.hypot(rows - rows.mean(), columns - columns.mean()).argmin())
        left = (self.hand.size.width - pixels.shape[1]) // 2
        strip = self.hand.render_line(1 + int(rows[place]) // 2)
        cell = next(iter(strip.crop(left + int(columns[place]), left + int(columns[place]) + 1)))
        return (cell.style.bgcolor if rows[place] % 2 else cell.style.color).name

    async def until(self, holds) -> None:
        for _ in range(400):
            await self.pilot.pause(0.02)
            if holds():
                return
        raise AssertionError(f"never came true; the screen:\n{self.screen}")

    async def sees(self, *texts: str) -> None:
        await self.until(lambda: all(text in self.screen for text in texts))

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()
        await self.pilot.pause()


@asynccontextmanager
async def person(runs: Path, size: tuple[int, int] = (120, 44)) -> AsyncIterator[Person]:
    app = Dashboard(runs, None, "classes")
    async with app.run_test(size=size) as pilot:
        somebody = Person(app, pilot)
        await somebody.until(lambda: app.settled)
        await pilot.pause()
        yield somebody


@pytest.fixture
def fallen(make_run) -> Path:
    """A run in which finger-16 collapses at the last of twelve validations."""
    writer = make_run("fallen", epochs=11)
    dice = dict.fromkeys(BONES, 0.97) | {"finger-16": 0.2, "Pisiform": 0.85, "Ulna": float("nan")}
    writer.validation(step=120, epoch=12, dice=dice)
    writer.end("finished")
    return writer.folder.parent


async def test_every_class_has_a_strip_with_the_newest_validation_at_the_right(fallen):
    async with person(fallen) as somebody:
        assert "fallen-1 · 12 validations · data order" in somebody.screen
        assert all(somebody.row(bone) for bone in BONES)
        line = somebody.row("finger-16")
        assert ".200" in line
        layout, each = somebody.table.strip_layout, somebody.table.each
        strip = line[layout.left : layout.left + layout.strip].lstrip()
        assert len(strip) <= 12 * each
        assert strip.startswith("▁" * each), "the first epoch"
        assert "▆" in strip[-4 * each :], "shortly before it fell"
        heads = next(line for line in somebody.screen.splitlines() if " bone " in line[:8])
        assert heads[:66].rstrip("│ ").endswith("12")


async def test_a_collapse_stands_out_by_its_colour_on_the_hand_and_by_its_fall(fallen):
    async with person(fallen) as somebody:
        assert "▼.7" in somebody.row("finger-16")
        assert somebody.colour_of("finger-16") == DARK.scale[0]
        assert somebody.colour_of("Pisiform") == DARK.dice_colour(0.85)
        assert somebody.colour_of("finger-1") == DARK.scale[-1]
        assert somebody.colour_of("Ulna") == DARK.line, "there is none"


async def test_the_hand_goes_back_in_time_with_the_cursor(fallen):
    async with person(fallen) as somebody:
        await somebody.press("left")
        assert "epoch 11 " in somebody.screen
        assert somebody.colour_of("finger-16") != DARK.scale[0]
        await somebody.press("right")
        assert "epoch 12 " in somebody.screen
        assert somebody.colour_of("finger-16") == DARK.scale[0]


async def test_s_sorts_by_the_worst_and_by_the_largest_fall(fallen):
    def first(somebody):
        lines = somebody.screen.splitlines()
        return lines[next(i for i, line in enumerate(lines) if " bone " in line[:8]) + 1][1:12]

    async with person(fallen) as somebody:
        assert first(somebody).startswith("finger-1 ")
        await somebody.press("s")
        assert "worst first" in somebody.screen
        assert first(somebody).startswith("finger-16")
        await somebody.press("s")
        assert "largest fall first" in somebody.screen
        assert first(somebody).startswith("finger-16")
        await somebody.press("s")
        assert "data order" in somebody.screen


async def test_choosing_a_bone_with_the_keys_chooses_it_everywhere(fallen):
    async with person(fallen) as somebody:
        await somebody.press("down", "down")
        await somebody.until(lambda: somebody.app.state.chosen_class is not None)
        chosen = somebody.app.state.chosen_class
        await somebody.sees(f"▸{chosen}", f"{chosen} .970")
        await somebody.press("a")
        await somebody.until(lambda: somebody.app.state.chosen_class is None)


async def test_a_click_on_the_hand_chooses_the_bone(fallen):
    async with person(fallen) as somebody:
        pixels = somebody.hand._pixels
        rows, columns = np.nonzero(pixels == BONES.index("Capitate"))
        left = (somebody.hand.size.width - pixels.shape[1]) // 2
        inside = somebody.hand.gutter.left
        x, y = left + round(columns.mean()) + inside, 1 + round(rows.mean()) // 2
        await somebody.pilot.click(Hand, offset=(x, y))
        await somebody.sees("▸Capitate")
        assert somebody.app.state.chosen_class == "Capitate"
        bright = {s.style.color.name for y in range(40) for s in somebody.hand.render_line(y)[1:]}
        assert DARK.text in bright, "it is outlined"


async def test_a_click_on_a_strip_chooses_class_and_validation(fallen):
    async with person(fallen) as somebody:
        table = somebody.table
        end = table.strip_layout.left + table.strip_layout.strip
        await somebody.pilot.click(ClassesTable, offset=(end - 1 - 3 * table.each, 4))
        await somebody.sees("▸finger-5", "epoch 9 ")


async def test_a_bone_chosen_elsewhere_is_chosen_here(fallen):
    async with person(fallen) as somebody:
        somebody.app.state.chosen_class = "Lunate"
        somebody.app.screen.update()
        await somebody.sees("▸Lunate", "Lunate .970")


async def test_escape_goes_to_the_newest_validation_and_then_back_to_the_runs(fallen):
    async with person(fallen) as somebody:
        await somebody.press("left", "left")
        assert "epoch 10 " in somebody.screen
        await somebody.press("escape")
        assert "epoch 12 " in somebody.screen
        await somebody.press("escape")
        await somebody.sees("[1 Runs]")


async def test_more_validations_than_cells_show_the_worst(make_run):
    writer = make_run("long", epochs=0)
    for epoch in range(1, 301):
        low = 0.1 if epoch == 140 else 0.97
        writer.validation(step=epoch, epoch=epoch, dice={**dict.fromkeys(BONES, 0.97), "Ulna": low})
    writer.validation(step=301, epoch=301, dice=dict.fromkeys(BONES, math.nan))
    writer.end("finished")
    async with person(writer.folder.parent) as somebody:
        several = re.search(r"a cell is the worst of (\d+) or (\d+) ", somebody.screen)
        assert several is not None
        assert int(several[1]) + 1 == int(several[2])
        assert somebody.row("Ulna").count("▁") == 1
        assert somebody.row("Radius").count("▁") == 0
        assert ", the worst" in somebody.screen
        assert "mean .9700" in somebody.screen, "of those that have one"


async def test_strips_fit_when_the_hand_appears_beside_them(fallen, make_run):
    writer = make_run("many", epochs=0)
    for epoch in range(1, 301):
        writer.validation(step=epoch, epoch=epoch, dice=dict.fromkeys(BONES, epoch / 300))
    writer.end("finished")
    async with person(writer.folder.parent) as somebody:
        await somebody.sees("many-1 · 300 validations")
        state, name = somebody.app.state, somebody.app.state.highlighted
        details = state.details.pop(name)
        somebody.app.screen.update()
        await somebody.until(lambda: not somebody.hand.display and somebody.table.size.width > 100)
        state.take_details(name, details)
        somebody.app.screen.update()
        await somebody.until(lambda: somebody.hand.display and somebody.app.settled)
        assert len(somebody.table.cells.starts) <= somebody.table.strip_layout.strip < 60
        assert "█" in somebody.row("finger-1")[-62:], "the newest is not cut off"


async def test_other_classes_have_no_hand_and_their_names_are_no_markup(make_run):
    names = ("[red]x[/]", *(f"class {n}" for n in range(44)))
    writer = make_run("many", classes=names, epochs=3)
    writer.end("finished")
    async with person(writer.folder.parent) as somebody:
        await somebody.sees("[red]x[/]", "class 10")
        assert not somebody.hand.display
        await somebody.press("end")
        await somebody.sees("class 43")
        await somebody.press("v")
        await somebody.sees("there is a hand of the 29 bones only", "class 43")


def test_a_hand_is_told_by_its_bones_or_their_other_names():
    assert is_hand(BONES)
    assert is_hand((*BONES, "ring"))
    assert not is_hand(("Radius", "Ulna"))
    assert not is_hand(tuple(f"class {n}" for n in range(45)))


async def test_without_colours_bars_tell_the_dice(fallen, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    async with person(fallen) as somebody:
        assert "▁<.5" in somebody.screen
        text = "\n".join(somebody.hand.render_line(y).text for y in range(40))
        pixels = somebody.hand._pixels
        assert pixels.size
        assert "▇" in text
        assert "▁" in text, "finger-16"
        await somebody.press("down")
        await somebody.until(lambda: somebody.app.state.chosen_class is not None)
        await somebody.until(
            lambda: "█" in "".join(somebody.hand.render_line(y).text for y in range(40))
        )


async def test_in_a_narrow_window_v_goes_from_the_strips_to_the_hand(fallen):
    async with person(fallen, size=(80, 24)) as somebody:
        assert somebody.table.display
        assert not somebody.hand.display
        await somebody.press("v")
        await somebody.until(lambda: somebody.hand.display and somebody.hand._pixels.size > 0)
        assert set(np.unique(somebody.hand._pixels)) == {hand_map.NO_BONE, *range(29)}
        await somebody.press("v")
        await somebody.until(lambda: somebody.table.display)


async def test_where_both_have_room_v_says_so(fallen):
    async with person(fallen) as somebody:
        await somebody.press("v")
        await somebody.sees("strips and hand have room side by side here")


async def test_a_run_without_validations_says_so(make_run):
    writer = make_run("new", epochs=0)
    async with person(writer.folder.parent) as somebody:
        await somebody.sees("no validation yet", "finger-1 ")
        await somebody.press("left", "right", "down", "s", "v")
        assert isinstance(somebody.app.screen, ClassesScreen)


@pytest.mark.parametrize("size", [(2, 1), (1, 1), (10, 3), (40, 12), (80, 24), (200, 60)])
async def test_no_size_stops_it(fallen, size):
    async with person(fallen, size=size) as somebody:
        await somebody.press("down", "left", "v", "s")
        assert all(len(line) <= size[0] for line in somebody.screen.splitlines())
