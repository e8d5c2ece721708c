"""Keys that arrive in one read: pasted, over ssh, or typed fast."""

import random
from pathlib import Path

import pytest
from textual import events

from tui.screens.dashboard_screen import DashboardScreen

NAMES = {
    "/": "slash", ":": "colon", "?": "question_mark", "!": "exclamation_mark", " ": "space",
    "[": "left_square_bracket", "]": "right_square_bracket", "+": "plus", "-": "minus",
    "<": "less_than_sign", ">": "greater_than_sign",
}  # fmt: skip
ANY = [
    *"1235sSXRyPtpdnNvVcbfoalzx/:?![]+-<>0", "enter", "escape", "tab", "shift+tab", "up", "down",
    "left", "right", "pageup", "pagedown", "home", "end", "space", "ctrl+p", "backspace",
]  # fmt: skip


def read(app, *keys):
    """As the driver hands over the keys of one read: none waits for the one before."""
    for key in keys:
        sign = key if len(key) == 1 else " " if key == "space" else None
        app.post_message(events.Key(NAMES.get(key, key), sign))


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty working folder: what the dashboard writes would lie there."""
    place = tmp_path / "here"
    place.mkdir()
    monkeypatch.chdir(place)
    return place


async def test_what_follows_a_slash_is_typed_and_no_command(person, runs, here):
    async with person(runs) as somebody:
        read(somebody.app, *"/Ptq5")
        await somebody.until(lambda: somebody.app.state.filter_text == "Ptq5")
        assert somebody.app.screen.PLACE == "runs"
        assert list(here.iterdir()) == []


async def test_what_follows_a_colon_is_typed_into_the_palette(person, runs):
    async with person(runs) as somebody:
        read(somebody.app, *":run old-1", "enter")
        await somebody.until(lambda: somebody.app.state.highlighted == "old-1")
        assert somebody.app.screen.PLACE == "runs"


async def test_two_enters_in_the_palette_choose_once(person, runs):
    async with person(runs) as somebody:
        await somebody.press("2")
        read(somebody.app, ":", "enter", "enter")
        await somebody.until(lambda: not somebody.app._keys and somebody.is_at_rest())
        await somebody.sees("handseg")
        await somebody.press("escape", "escape", "1")
        await somebody.sees("[1 Runs]")


async def test_no_press_of_a_key_that_is_held_is_lost(person, runs):
    async with person(runs) as somebody:
        await somebody.press("2", "home")
        first = somebody.app.state.run_details.summary.classes[0]
        assert somebody.app.state.chosen_class in (None, first)
        read(somebody.app, *["down"] * 20)
        wanted = somebody.app.state.run_details.summary.classes[20]
        await somebody.until(lambda: somebody.app.state.chosen_class == wanted)


async def test_sorted_classes_survive_another_run_and_none(person, runs):
    async with person(runs) as somebody:
        for name in ("old-1", "broken-1", "failed-1", "unet-1"):
            await somebody.press("2", "s")
            read(somebody.app, *f":run {name}", "enter")
            await somebody.until(lambda name=name: somebody.app.state.highlighted == name)
        await somebody.press("1")
        read(somebody.app, *"/nosuchrun", "enter", "2")
        await somebody.sees("no run fits the filter")


@pytest.mark.parametrize("seed", range(3))
async def test_random_keys_neither_crash_nor_write_nor_stop_anything(
    person, make_run, runs, here, seed
):
    rng = random.Random(seed)
    size = [(80, 24), (150, 45), (44, 13)][seed]
    keys = [key for key in ANY if key != "P"]
    before = sorted(path.name for path in runs.iterdir())
    async with person(runs, size=size, read_only=seed == 1) as somebody:
        for turn in range(40):
            read(somebody.app, *rng.choices(keys, k=rng.randint(1, 5)))
            await somebody.pilot.pause()
            if turn == 12:
                make_run(f"late{seed}", epochs=2).end("finished")
            if turn == 25:
                (runs / "old-1/events.jsonl").write_bytes(b"\0broken")
        await somebody.until(lambda: not somebody.app._keys)
        assert somebody.app._exception is None
        await somebody.press("escape", "escape", "escape", "escape")
        assert isinstance(somebody.app.screen, DashboardScreen)
        await somebody.sees("handseg")
    assert list(here.iterdir()) == []
    after = {path.name for path in runs.iterdir()} - {f"late{seed}-1"}
    assert sorted(after) == before
    assert not any(Path(path).exists() for path in runs.glob("*/stop*"))
