"""The Runs screen: filter, order, pin, selection and bones, by what a person sees and presses."""

import json
import re
import time

import pytest

from handseg.runs import layout
from tui.widgets.runs_table import columns_for
from tui.widgets.table import DataTable


def names(somebody) -> list[str]:
    """The runs of the table, from the top."""
    found = [re.match(r"[▸ ][★+ ][●◐✖■✗✔!] (\S+)", line) for line in somebody.lines]
    return [match[1] for match in found if match]


def bone_names(somebody) -> list[str]:
    """The classes of the table of bones in its order."""
    return list(somebody.app.screen.query_one("#bones", DataTable).keys)


@pytest.fixture
def runs(make_run, tmp_path):
    """Three runs of different length, so of different Dice; the newest is best."""
    make_run("short", epochs=2).end("finished")
    make_run("middle", epochs=5).end("stopped", "Ctrl-C")
    make_run("long", epochs=12).end("finished")
    return tmp_path / "runs"


async def test_a_filter_is_typed_after_a_slash_and_kept_by_enter(person, runs):
    async with person(runs) as somebody:
        await somebody.press("slash")
        await somebody.types("state:finished best>0.8")
        await somebody.until(lambda: names(somebody) == ["long-1"])
        await somebody.sees("1 of 3 shown", "state:finished best>0.8")
        await somebody.press("enter", "q")
        assert somebody.app.return_code == 0, "the keys belong to the screen again"


async def test_a_mean_that_counts_what_is_no_bone_is_marked(person, make_run, tmp_path):
    make_run("all", epochs=2, classes=("Radius", "SoftTissue")).end("finished")
    async with person(tmp_path / "runs", screen="runs") as somebody:
        await somebody.sees("* all classes", "▸")
        assert any("*" in line for line in somebody.screen.splitlines() if "all-1" in line)


async def test_escape_leaves_and_clears_the_filter(person, runs):
    async with person(runs) as somebody:
        await somebody.press("slash")
        await somebody.types("middle")
        await somebody.until(lambda: names(somebody) == ["middle-1"])
        await somebody.press("escape")
        await somebody.until(lambda: len(names(somebody)) == 3)
        await somebody.press("slash")
        await somebody.types("middle")
        await somebody.press("enter")
        await somebody.until(lambda: names(somebody) == ["middle-1"])
        await somebody.press("escape")
        await somebody.until(lambda: len(names(somebody)) == 3)


async def test_a_wrong_filter_says_what_is_wrong_and_shows_all(person, runs):
    async with person(runs) as somebody:
        await somebody.press("slash")
        await somebody.types("state:runing")
        await somebody.sees("there is no state 'runing' (did you mean running?); all are shown")
        assert len(names(somebody)) == 3


async def test_keys_typed_into_the_filter_do_nothing_else(person, runs):
    async with person(runs) as somebody:
        await somebody.press("slash")
        await somebody.types("qst?13p")
        await somebody.sees("/ qst?13p")
        assert somebody.app.is_running
        assert somebody.app.state.pinned is None


async def test_a_filter_that_hides_the_highlighted_run_moves_the_cursor(person, runs):
    async with person(runs) as somebody:
        await somebody.sees("bones of long-1")
        await somebody.press("slash")
        await somebody.types("short")
        await somebody.sees("bones of short-1")
        await somebody.press("backspace", *["backspace"] * 4)
        await somebody.sees("3 of 3 shown", "bones of short-1")


async def test_a_filter_that_holds_for_none_shows_none_and_says_so(person, runs):
    async with person(runs) as somebody:
        await somebody.press("slash")
        await somebody.types("nonsense")
        await somebody.sees("0 of 3 shown")
        assert names(somebody) == []
        await somebody.sees("no run is shown: esc clears the filter")
        await somebody.press("enter", "space", "p", "enter", "down", "tab", "down", "v")
        await somebody.press("escape", "escape")
        await somebody.until(lambda: len(names(somebody)) == 3)


async def test_s_sorts_by_the_next_column_and_shift_s_turns_it_round(person, runs):
    async with person(runs) as somebody:
        assert names(somebody) == ["long-1", "middle-1", "short-1"]
        await somebody.sees("sorted by start ▼")
        await somebody.press("S")
        await somebody.until(lambda: names(somebody) == ["short-1", "middle-1", "long-1"])
        await somebody.press("s", "s", "s", "s")
        await somebody.sees("sorted by best Dice ▼", "best▼")
        await somebody.until(lambda: names(somebody) == ["long-1", "middle-1", "short-1"])
        await somebody.press("S")
        await somebody.sees("best▲")
        await somebody.until(lambda: names(somebody) == ["short-1", "middle-1", "long-1"])


async def test_a_click_on_a_head_sorts_by_it_and_again_the_other_way(person, runs):
    async with person(runs) as somebody:
        await somebody.clicks("run  ")
        await somebody.sees("run▲", "sorted by name ▲")
        await somebody.until(lambda: names(somebody) == ["long-1", "middle-1", "short-1"])
        await somebody.clicks("run▲")
        await somebody.until(lambda: names(somebody) == ["short-1", "middle-1", "long-1"])


async def test_a_pinned_run_is_held_against_the_highlighted_one(person, runs):
    async with person(runs) as somebody:
        await somebody.press("p")
        await somebody.sees("★✔ long-1", "best trend")
        await somebody.press("down")
        await somebody.sees("Δ to ★ long-1", "Δ ★ trend", "▼−.165", "worst   Pisiform .730  ▼−.154")
        await somebody.press("up", "p")
        await somebody.sees_no("★")
        await somebody.press("down")
        await somebody.sees("middle-1, epoch 5", "best trend")


async def test_space_selects_and_the_series_of_a_run_stays(person, runs):
    async with person(runs) as somebody:
        await somebody.press("space", "down", "space", "down")
        await somebody.sees("+✔ long-1", "+■ middle-1", "━ short-1", "━ middle-1", "━ long-1")
        state = somebody.app.state
        colours = [state.series_of(name) for name in ("long-1", "middle-1", "short-1")]
        assert len(set(colours)) == 3
        await somebody.press("up", "up", "space")
        await somebody.sees(" ✔ long-1", "+■ middle-1")
        assert state.selected == ("middle-1",)
        assert state.series_of("middle-1") == colours[1]


async def test_tab_goes_to_the_bones_where_s_sorts_them(person, runs):
    async with person(runs) as somebody:
        order = bone_names(somebody)
        await somebody.press("tab", "s")
        await somebody.sees("bone▲")
        assert bone_names(somebody) == sorted(order, key=str.lower)
        await somebody.press("s")
        await somebody.sees("now▲")
        assert bone_names(somebody)[0] == "Pisiform", "the worst first"
        await somebody.press("S")
        await somebody.sees("now▼")
        assert bone_names(somebody)[-1] == "Pisiform"
        assert names(somebody) == ["long-1", "middle-1", "short-1"], "the runs stay as they are"


async def test_a_click_on_a_head_of_the_bones_sorts_them(person, runs):
    async with person(runs) as somebody:
        await somebody.clicks("now ")
        await somebody.until(lambda: bone_names(somebody)[0] == "Pisiform")
        await somebody.clicks("now▲")
        await somebody.until(lambda: bone_names(somebody)[-1] == "Pisiform")


async def test_a_chosen_bone_is_chosen_everywhere_and_escape_lets_go_of_it(person, runs):
    async with person(runs) as somebody:
        await somebody.clicks("Capitate")
        assert somebody.app.state.chosen_class == "Capitate"
        await somebody.press("down")
        await somebody.until(lambda: somebody.app.state.chosen_class == "Hamate")
        await somebody.press("3")
        await somebody.sees("[3 Viewer]", "prediction  Hamate")
        await somebody.press("1", "escape", "escape")
        await somebody.until(lambda: somebody.app.state.chosen_class is None)


async def test_escape_puts_the_cursor_of_the_curves_away_first(person, runs):
    async with person(runs) as somebody:
        await somebody.press("slash")
        await somebody.types("middle")
        await somebody.press("enter")
        await somebody.sees("middle-1 .7804  last")
        await somebody.press("left", "plus")
        await somebody.sees("× 2")
        await somebody.sees_no("middle-1 .7804  last")
        await somebody.press("escape")
        await somebody.sees("1 of 3 shown", "middle-1 .7804  last")
        await somebody.sees_no("× 2")
        await somebody.press("escape")
        await somebody.sees("3 of 3 shown")


async def test_enter_on_a_bone_opens_the_pictures_with_that_bone(person, runs):
    async with person(runs) as somebody:
        await somebody.press("tab", "end", "enter")
        await somebody.sees("[3 Viewer]", "prediction  Ulna")


async def test_the_panel_tells_of_the_process_and_the_machine(person, make_run):
    writer = make_run("live", epochs=4, of=9)
    folder = writer.folder
    writer._steps.gauge({"speed": 31.2, "wait": 0.01})
    writer.step(41, loss=0.0312, lr=6.1e-5, grad=0.42)
    gigabytes = {"ram": 12e9, "ram_total": 64e9, "memory": 29.1e9, "memory_total": 32e9}
    writer.event(layout.SYSTEM, cpu=340, device="cuda", **gigabytes)
    pid = json.loads((folder / layout.RUN).read_text())["pid"]
    async with person(folder.parent) as somebody:
        await somebody.sees(f"● running  pid {pid} on ", "s ago", "4/9 · step 41 · 31.2 img/s")
        await somebody.sees(".0312  lr 6.1e-05  grad .42", "29.1 of 32 GB · loader wait 1 %")
        await somebody.sees("ram 12 of 64 GB · cpu 340 %")


async def test_without_a_gpu_the_wait_for_the_loader_is_not_called_memory(person, make_run):
    writer = make_run("live", epochs=4, of=9)
    writer._steps.gauge({"wait": 0.07})
    writer.step(41, loss=0.0312)
    async with person(writer.folder.parent) as somebody:
        await somebody.sees(" loader  wait 7 %")
        assert "memory" not in somebody.screen


async def test_what_a_finished_run_has_below_left_is_no_time_to_come(person, runs):
    async with person(runs) as somebody:
        line = next(line for line in somebody.lines if "✔ long-1" in line)
        assert "s ago" in line[:54]


async def test_a_long_reason_and_the_command_to_go_on_are_told_whole(person, make_run):
    why = "the disk is full: 12 GB are wanted and 3 GB are free in /very/long/path/to/the/runs"
    writer = make_run("unet", epochs=2)
    writer.end("failed", why)
    async with person(writer.folder.parent) as somebody:
        await somebody.sees("✗ failed  ")
        left = [line[:54].strip() for line in somebody.lines]
        text = " ".join(left[next(i for i, line in enumerate(left) if "why" in line) :])
        assert " ".join(why.split()) in " ".join(text.split())
        assert "--runs" in text


async def test_a_stopped_run_says_why_and_how_to_go_on(person, runs):
    async with person(runs) as somebody:
        await somebody.press("down")
        await somebody.sees("■ stopped  Ctrl-C", "resume  handseg train --resume middle-1")


async def test_moves_against_the_pinned_run_are_explained_where_there_is_room(person, runs):
    async with person(runs, size=(200, 60)) as somebody:
        await somebody.press("down", "p", "up")
        await somebody.sees("* best  ! worst  ▲▼ moved > .002", "▲+.165")


async def test_a_run_that_is_killed_while_it_is_shown_is_dead_within_three_seconds(
    person, make_run
):
    writer = make_run("live", epochs=2)
    async with person(writer.folder.parent) as somebody:
        await somebody.sees("● live-1")
        writer._steps.stop()
        writer._events.close()
        writer._lock.release()
        began = time.monotonic()
        await somebody.sees("✖ live-1", "✖ dead  killed or crashed", "live-1 died")
        assert time.monotonic() - began < 3


@pytest.mark.parametrize(
    ("width", "longest", "room", "trend"),
    [
        (50, 12, 12, False),
        (60, 26, 20, True),
        (76, 20, 20, True),
        (76, 33, 33, True),
        (110, 33, 33, True),
    ],
)
def test_a_long_name_gets_room_before_what_can_be_left_out(width, longest, room, trend):
    columns = columns_for(width, longest)
    by_name = {column.sort: column.width for column in columns}
    assert sum(column.width for column in columns) == width
    assert by_name["name"] >= min(room, longest)
    assert ("trend" in by_name) == trend
