"""What the dashboard knows and what was chosen, without a screen."""

import math
from dataclasses import replace
from pathlib import Path

import pytest

from handseg.runs.history import RunDetails
from handseg.runs.query import SORTS, Filter, sort_runs
from handseg.runs.summary import RunSummary
from tui.notifications import notifications_between
from tui.order import RUN_KEYS, Order, sort_words
from tui.screens.command_palette import Command, matching
from tui.screens.runs import filter_words
from tui.state import State
from tui.theme import DARK, THEMES
from tui.widgets.bones_table import BONE_KEYS, bones_of, marked


def run(name: str, **fields) -> RunSummary:
    return RunSummary(Path("runs") / name, name, **{"state": "running", **fields})


def state_of(*runs: RunSummary) -> State:
    state = State(Path("runs"), None, clock=lambda: 1000.0)
    state.take_runs(list(runs))
    return state


def details(summary: RunSummary) -> RunDetails:
    fields = dict.fromkeys(RunDetails.__dataclass_fields__, ())
    return RunDetails(**{**fields, "summary": summary})


def names(state: State) -> list[str]:
    return [run.name for run in state.shown]


def test_selections_are_kept_by_name_and_vanish_with_their_run():
    a, b, c = run("a"), run("b"), run("c")
    state = state_of(a, b, c)
    state.toggle_selected("b")
    state.toggle_selected("a")
    state.toggle_pinned("c")
    state.take_runs([c, a, b])
    assert (state.selected, state.pinned, state.highlighted) == (("b", "a"), "c", "a")
    state.take_runs([a])
    assert (state.selected, state.pinned, state.highlighted) == (("a",), None, "a")
    state.take_runs([])
    assert (state.selected, state.pinned, state.highlighted) == ((), None, None)


def test_only_runs_that_are_wanted_are_kept_in_memory():
    a, b, c = run("a"), run("b"), run("c")
    state = state_of(a, b, c)
    state.toggle_pinned("c")
    for one in (a, b, c):
        state.take_details(one.name, details(one))
    assert set(state.details) == {"a", "c"}, "nobody asked for b"
    state.highlight("b")
    assert set(state.details) == {"c"}
    assert not state.is_read
    state.take_fault("b", "gone")
    assert state.is_read
    assert state.fault == "gone"


def test_a_run_keeps_its_colour_and_no_other_takes_it_meanwhile():
    state = state_of(*(run(f"r{n}") for n in range(9)))
    first = state.series_of("r0")
    state.toggle_selected("r0")
    state.highlight("r5")
    assert state.series_of("r0") == first
    assert state.series_of("r5") != first
    for n in range(1, 8):
        state.toggle_selected(f"r{n}")
    colours = {state.series_of(f"r{n}") for n in range(8)}
    assert colours == set(range(len(DARK.series)))
    assert state.series_of("r8") in range(len(DARK.series)), "there are more runs than colours"
    third = state.series_of("r3")
    state.toggle_selected("r3")
    state.toggle_selected("r3")
    assert state.series_of("r3") == third


@pytest.mark.parametrize("name", RUN_KEYS)
def test_runs_without_a_value_come_last_whichever_way_they_are_sorted(name):
    full = {"epoch": 3.0, "epochs": 9.0, "steps_per_epoch": 10, "seconds_per_step": 1.0}
    scores = {"best_dice": 0.5, "last_dice": 0.4, "means": (0.1, 0.4), "updated": 900.0}
    known = run("known", started=5.0, **full, **scores)
    nothing = RunSummary(Path("runs/x"), "nothing", "broken", "no run.json")
    for order in (Order(RUN_KEYS, name), Order(RUN_KEYS, name, turned=True)):
        found = [run.name for run in order.sorted([nothing, known])]
        if name in ("name", "state", "started"):
            assert sorted(found) == ["known", "nothing"], "these every run has"
        else:
            assert found == ["known", "nothing"]


def test_equal_runs_stay_in_the_order_of_their_start():
    runs = [run("c", best_dice=0.5), run("a", best_dice=0.5), run("b", best_dice=0.5)]
    for order in (Order(RUN_KEYS, "best"), Order(RUN_KEYS, "best", turned=True)):
        assert [run.name for run in order.sorted(runs)] == ["c", "a", "b"]


def test_a_wrong_filter_shows_all_and_a_right_one_again_some():
    state = state_of(run("a"), run("b", state="finished"))
    state.filter_by("state:finished")
    assert (names(state), state.highlighted) == (["b"], "b")
    state.filter_by("state:finishe")
    assert names(state) == ["a", "b"]
    assert "finishe" in state.filter_fault
    state.filter_by("")
    assert (state.filter_fault, names(state)) == ("", ["a", "b"])


def test_new_runs_pass_through_the_filter_and_the_order_too():
    state = state_of(run("a", best_dice=0.3))
    state.order = Order(RUN_KEYS, "best")
    state.filter_by("best>0.2")
    state.take_runs([run("c", best_dice=0.1), run("b", best_dice=0.9), run("a", best_dice=0.3)])
    assert names(state) == ["b", "a"]


def test_a_run_that_ends_dies_or_beats_the_best_is_told_once():
    old, live = run("old", state="finished", best_dice=0.8), run("live", best_dice=0.7)
    before = {"old": old, "live": live}
    better = replace(live, best_dice=0.81)
    dead = replace(better, state="dead", message="killed or crashed")

    def told(after):
        return [notice.text for notice in notifications_between(before, after, 1.0)]

    assert told([old, replace(live, best_dice=0.75)]) == []
    assert told([old, better]) == ["beats all runs: Dice .8100 (before .8000)"]
    before["live"] = better
    assert told([old, replace(better, step=7)]) == []
    assert told([old, dead]) == ["died: killed or crashed, best Dice .8100"]
    before["live"] = dead
    assert told([old, replace(dead, updated=3.0)]) == []
    assert told([replace(old, state="broken"), dead]) == ["can no longer be read"]
    assert told([old]) == ["is gone: its folder was moved or deleted"]


def test_a_run_that_beats_itself_again_and_again_has_one_notice_that_is_told_anew():
    def at(*bests):
        return [run(name, best_dice=best) for name, best in zip("ab", bests, strict=True)]

    state = State(Path(), None, clock=lambda: 1.0)
    state.take_runs(at(0.9, 0.5))
    for best in (0.91, 0.92, 0.93):
        state.take_runs(at(0.9, best))
    (notice,) = state.notifications
    assert (notice.run, notice.text) == ("b", "beats all runs: Dice .9300 (before .9000)")
    state.take_runs(at(0.94, 0.93))
    assert [notice.run for notice in state.notifications] == ["b", "a"]
    state.take_runs(at(0.94, 0.95))
    assert [(notice.run, notice.text) for notice in state.notifications] == [
        ("a", "beats all runs: Dice .9400 (before .9300)"),
        ("b", "beats all runs: Dice .9500 (before .9400)"),
    ]
    state.take_runs([run("a", best_dice=0.94), run("b", state="failed", best_dice=0.96)])
    assert len(state.notifications) == 3
    assert {notice.text[:6] for notice in state.notifications if notice.run == "b"} == {
        "failed",
        "beats ",
    }


def test_many_runs_that_vanish_at_once_are_one_notice():
    before = {name: run(name) for name in "abcdef"}
    told = notifications_between(before, [], 1.0)
    assert [(notice.run, notice.text) for notice in told] == [
        ("a", "and 5 others are gone: their folders were moved or deleted")
    ]
    assert len(notifications_between(before, [before[name] for name in "abcd"], 1.0)) == 2


def test_what_was_there_when_the_dashboard_was_opened_is_no_news():
    state = state_of(run("a", state="failed", best_dice=0.9))
    assert state.notifications == []
    state.take_runs([run("a", state="failed", best_dice=0.9), run("started", best_dice=0.1)])
    assert state.notifications == []


def test_the_first_dice_of_all_beats_nobody():
    assert notifications_between({"a": run("a")}, [run("a", best_dice=0.2)], 1.0) == []


def test_bones_without_a_value_come_last_and_nan_marks_nobody():
    classes = ("a", "b", "c")
    one = run("one", classes=classes, dice={"a": 0.9, "b": math.nan, "c": 0.2})
    state = state_of(one)
    for turned, expected in ((False, "cab"), (True, "acb")):
        bones = bones_of(state, Order(BONE_KEYS, "now", turned))
        assert "".join(bone.label for bone in bones) == expected
    assert marked(one.dice) == {"a": "*", "c": "!"}
    assert marked({"a": math.nan, "b": 0.4}) == {}


def test_bones_are_held_against_the_pinned_run_by_name():
    one = run("one", classes=("a", "b"), dice={"a": 0.5, "b": 0.5})
    other = run("other", classes=("b", "z"), dice={"b": 0.8, "z": 0.1})
    state = state_of(one, other)
    state.toggle_pinned("other")
    a, b = bones_of(state)
    assert math.isnan(a.against)
    assert b.against == pytest.approx(-0.3)
    state.highlight("other")
    assert all(bone.against is None for bone in bones_of(state)), "itself"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("  unet  best>0.5 ", ["unet  best>0.5"]),
        ("-fold:0", ["!fold:0"]),
        ("show", ['"show"']),
    ],
)
def test_a_filter_is_copied_so_that_the_command_reads_it_as_one(text, words):
    assert filter_words(text) == words
    for word in words:
        for one in (run("unet-1", fold=0, best_dice=0.9), run("show", fold=1, best_dice=0.1)):
            assert Filter.parse(word).matches(one, 0.0) == Filter.parse(text).matches(one, 0.0)


def test_an_order_is_copied_in_the_words_of_the_command():
    assert sort_words(Order(RUN_KEYS, "started")) == []
    assert sort_words(Order(RUN_KEYS, "started", turned=True)) == ["--reverse"]
    assert sort_words(Order(RUN_KEYS, "best")) == ["--sort", "best"]
    for name in RUN_KEYS:
        assert name == "trend" or name in SORTS


@pytest.mark.parametrize("name", [name for name in SORTS if name in RUN_KEYS])
def test_the_command_sorts_as_the_dashboard_does(name):
    scores = [(0.5, 3, 100.0), (math.nan, 1, 300.0), (0.9, 2, 200.0)]
    runs = [
        run(f"r{n}", best_dice=best, last_dice=best, epoch=float(epoch), updated=t, started=-n)
        for n, (best, epoch, t) in enumerate(scores)
    ]
    for turned in (False, True):
        ours = [run.name for run in Order(RUN_KEYS, name, turned=turned).sorted(runs)]
        assert ours == [run.name for run in sort_runs(runs, name, reverse=turned)]


def test_the_palette_finds_all_words_in_any_order():
    commands = [Command(title, "", int) for title in ("run sort-1", "sort by name", "theme dark")]
    assert [c.title for c in matching(commands, "NAME sort")] == ["sort by name"]
    assert [c.title for c in matching(commands, "sort")] == ["sort by name", "run sort-1"]
    assert matching(commands, "nothing") == []


def test_every_series_of_a_theme_is_one_of_the_256():
    steps = (0, 95, 135, 175, 215, 255)
    greys = {(level,) * 3 for level in range(8, 239, 10)}
    for colours in THEMES.values():
        plain = [value for value in vars(colours).values() if str(value).startswith("#")]
        for colour in (*plain, *colours.series, *colours.scale):
            rgb = tuple(int(colour[at : at + 2], 16) for at in (1, 3, 5))
            assert rgb in greys or all(level in steps for level in rgb), colour


def test_the_three_themes_have_eight_different_colours_of_runs_each():
    for colours in THEMES.values():
        assert len(set(colours.series)) == 8
