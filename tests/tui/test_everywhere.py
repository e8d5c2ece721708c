"""What every screen has: palette, help, themes, notices, things to take away; by what is seen."""

import re

import numpy as np
import pytest

from handseg.anatomy import BONES
from tui.app import screen_svg
from tui.keys import KEYS
from tui.registry import SCREENS


@pytest.fixture
def runs(make_run, tmp_path):
    """Three runs of different length, so of different Dice; the newest is best."""
    make_run("short", epochs=2).end("finished")
    make_run("middle", epochs=5).end("stopped", "Ctrl-C")
    make_run("long", epochs=12).end("finished")
    return tmp_path / "runs"


def test_every_key_counts_on_a_screen_of_the_registry_or_in_one_of_its_widgets():
    assert {key.place for key in KEYS} <= {"everywhere", "chart", *SCREENS}
    for name, entry in SCREENS.items():
        place = entry.load().PLACE
        assert place == name
        assert [key.key for key in KEYS if key.action == f"app.show('{name}')"] == [entry.key]


async def test_y_shows_the_command_that_prints_this_view(person, runs, monkeypatch):
    monkeypatch.delenv("TMUX", raising=False)
    monkeypatch.setenv("HANDSEG_RUNS", str(runs))
    async with person(runs) as somebody:
        await somebody.press("y")
        await somebody.until(lambda: somebody.app.clipboard == "handseg runs")
        await somebody.press("slash")
        await somebody.types("best>0.5")
        await somebody.press("enter", "s", "s", "s", "s", "y")
        await somebody.sees("handseg runs 'best>0.5' --sort best")
        await somebody.press("p", "down", "tab", "y")
        await somebody.sees("handseg runs show middle-1 --against long-1")
        await somebody.press("3", "y")
        await somebody.sees("handseg tui --once --screen viewer --run middle-1")
        await somebody.press("2", "y")
        await somebody.sees("handseg tui --once --screen classes --run middle-1")


async def test_at_80_columns_the_screens_are_named_and_the_clock_gives_way(person, runs):
    async with person(runs, size=(80, 24)) as somebody:
        somebody.app.state.runs_folder = runs / "a folder whose name leaves no room for a clock"
        await somebody.press("2")
        await somebody.sees("1 Runs [2 Classes] 3 Viewer  5 Run")
        await somebody.clicks("5 Run")
        await somebody.sees("[5 Run]")


async def test_a_notice_tells_that_a_run_ended_or_beat_all_others(person, make_run):
    make_run("old", epochs=3).end("finished")
    writer = make_run("new", epochs=1)
    async with person(writer.folder.parent) as somebody:
        await somebody.sees("● new-1")
        writer.validation(step=20, epoch=2, dice={"finger-1": 0.99})
        await somebody.sees("new-1 beats all runs: Dice .9900", "notices 1")
        writer.validation(step=30, epoch=3, dice={"finger-1": 0.992})
        await somebody.sees("new-1 beats all runs: Dice .9920", "notices 1")
        writer.end("failed", "disk full")
        await somebody.sees("new-1 failed: disk full, best Dice .9920", "notices 2")
        await somebody.press("exclamation_mark")
        await somebody.sees("beats all runs", "esc closes this page")
        await somebody.press("escape")
        await somebody.sees_no("esc closes this page")


async def test_the_palette_finds_runs_orders_and_keys(person, runs):
    async with person(runs) as somebody:
        await somebody.press("colon")
        await somebody.types("run short")
        await somebody.press("enter")
        await somebody.sees("bones of short-1")
        await somebody.press("ctrl+p")
        await somebody.types("sort by name")
        await somebody.press("enter")
        await somebody.sees("sorted by name ▲")
        await somebody.press("colon")
        await somebody.types("hold against")
        await somebody.press("enter")
        await somebody.sees("★✔ short-1")
        await somebody.press("colon", "escape")
        await somebody.sees_no("a command, a screen, a run")


async def test_t_changes_the_theme(person, runs):
    def ground(somebody):
        return somebody.app.screen.styles.background.hex.lower()

    async with person(runs) as somebody:
        seen = [ground(somebody)]
        for name in ("light", "safe", "dark"):
            await somebody.press("t")
            await somebody.sees(f"theme {name}")
            assert name == somebody.app.theme
            seen.append(ground(somebody))
        assert seen == ["#121212", "#eeeeee", "#121212", "#121212"]


async def test_without_colours_signs_tell_everything(person, runs, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    async with person(runs) as somebody:
        await somebody.press("p", "down", "space")
        await somebody.sees("▸+■ middle-1", "★✔ long-1", "!Pisiform", "▼−.165")
        frame = screen_svg(somebody.app)
    # The three dots of the window that the picture is framed with.
    frame = re.sub(r'<circle [^>]*fill="#\w{6}"', "", frame)
    colours = set(re.findall(r"#([0-9a-f]{6})\b", frame)) - {"c5c8c6"}
    assert len(colours) > 3
    assert all(colour[:2] == colour[2:4] == colour[4:] for colour in colours), colours


async def test_shift_p_saves_a_picture_without_fonts_of_the_net(
    person, runs, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    async with person(runs, size=(200, 40)) as somebody:
        await somebody.press("P", "P")
        await somebody.sees("picture: ", "handseg-runs-2.svg")
    svg = (tmp_path / "handseg-runs-1.svg").read_text()
    assert "<svg" in svg
    assert "font-face" not in svg


async def test_help_is_made_of_the_keys_that_count_here_first(person, runs):
    async with person(runs) as somebody:
        await somebody.press("question_mark")
        await somebody.sees("1 Runs", "filter: words, state:running, dice>0.9")
        page = somebody.screen
        assert page.index("filter: words") < page.index("one step out")


async def test_a_click_on_the_name_of_a_screen_goes_there(person, runs):
    async with person(runs) as somebody:
        await somebody.clicks("3 Viewer")
        await somebody.sees("[3 Viewer]")
        await somebody.clicks("1 Runs")
        await somebody.sees("[1 Runs]")
        await somebody.clicks("? help")
        await somebody.sees("esc closes this page")


async def test_the_viewer_s_dice_is_that_of_the_full_size_or_said_to_be_about_it(person, make_run):
    writer = make_run("unet", epochs=3)
    dice = np.full((1, len(BONES)), 0.7064, np.float32)
    writer.scores(30, ["image1.png"], BONES, dice)
    async with person(writer.folder.parent) as somebody:
        await somebody.press("3")
        await somebody.sees(".706", " Dice")
        assert "~Dice" not in somebody.screen
        await somebody.press("left_square_bracket")
        await somebody.sees("~Dice")
        await somebody.sees_no(".706")


async def test_y_keeps_what_the_viewer_shows_and_its_options_bring_it_back(
    person, make_run, monkeypatch
):
    monkeypatch.delenv("TMUX", raising=False)
    folder = make_run("unet", epochs=4).folder.parent
    monkeypatch.setenv("HANDSEG_RUNS", str(folder))
    async with person(folder) as somebody:
        await somebody.press("3", "n", "v", "v", "down", "left_square_bracket", "y")
        line = "handseg tui --once --screen viewer --run unet-1 --bone finger-1 "
        line += "--image image2.png --view errors --epoch 3"
        await somebody.until(lambda: somebody.app.clipboard == line)
    begin = {"bone": "finger-1", "image": "image2.png", "view": "errors", "epoch": 3.0}
    async with person(folder, screen="viewer", **begin) as somebody:
        await somebody.sees("image2.png", "epoch 3", "prediction against label")
        await somebody.press("y")
        await somebody.until(lambda: somebody.app.clipboard == line)
    async with person(folder, screen="viewer", image="nothing.png") as somebody:
        await somebody.sees("there is no picture of nothing.png")


async def test_a_damaged_log_is_said(person, make_run):
    writer = make_run("unet", epochs=4)
    writer.end("finished")
    events = writer.folder / "events.jsonl"
    first, *rest = events.read_bytes().splitlines(keepends=True)
    events.write_bytes(b"".join([first, b"\0\0\0 torn\n", b"nothing\n", *rest[1:]]))
    async with person(writer.folder.parent) as somebody:
        await somebody.sees("✔ finished", "2 lines cannot be read")
