"""A filter shows the runs that hold all of its words, and says which word nothing could hold."""

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handseg.errors import UsageError
from handseg.runs.query import Filter
from handseg.runs.summary import RunSummary

NOW = 1_000_000.0
DAY = 86400.0


def run(name="unet-1", **values):
    known = {"recipe": "unet", "state": "finished", "fold": 0, "started": 1.0, "updated": NOW}
    return RunSummary(Path("runs") / name, name, **{**known, **values})


RUNS = [
    run("unet-1", best_dice=0.9, last_dice=0.88, epoch=100, updated=NOW - 3 * DAY),
    run("unet-2", fold=1, state="running", best_dice=0.95, last_dice=0.95, epoch=7.5),
    run("wide", recipe="segformer", state="dead", model="segformer mit-b0", host="hk-03"),
    run("odd one", recipe="manet", worst_class="Pisiform", state="broken", fold=None),
]


def shown(text):
    return [one.name for one in RUNS if Filter.parse(text).matches(one, NOW)]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", ["unet-1", "unet-2", "wide", "odd one"]),
        ("unet", ["unet-1", "unet-2"]),
        ("UNET 2", ["unet-2"]),
        ("segf", ["wide"]),
        ("state:running,dead", ["unet-2", "wide"]),
        ("state=broken", ["odd one"]),
        ("!state:finished", ["unet-2", "wide", "odd one"]),
        ("-unet -segf", ["odd one"]),
        ("fold:0,1 unet", ["unet-1", "unet-2"]),
        ("recipe:segf", ["wide"]),
        ("model:mit-b0", ["wide"]),
        ("host:hk", ["wide"]),
        ("worst:pisiform", ["odd one"]),
        ("worst:Pisi*", ["odd one"]),
        ("worst:Pisi", []),
        ("dice>0.9", ["unet-2"]),
        ("best<=.9", ["unet-1"]),
        ("dice=.88", ["unet-1"]),
        ("epoch>=7.5", ["unet-1", "unet-2"]),
        ("age<2d", ["unet-2", "wide", "odd one"]),
        ("age>=72h", ["unet-1"]),
        ('"odd one"', ["odd one"]),
        ("name:'odd one'", ["odd one"]),
        ('"state:dead"', []),
        ("dice>0.9 dice<0.9", []),
    ],
)
def test_all_words_must_hold(text, names):
    assert shown(text) == names


def test_what_is_not_known_is_neither_above_nor_below_but_its_contrary_holds():
    assert math.isnan(RUNS[2].best_dice)
    assert "wide" not in shown("best>0") + shown("best<=1")
    assert "wide" in shown("!best>0")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("stat:running", "did you mean state"),
        ("state:runing", "did you mean running"),
        ("best>high", "'high' is not a number"),
        ("age<2", "is not a time"),
        ("age<2y", "30m, 12h, 2d"),
        ("state>running", "cannot be compared"),
        ("dice:.9", "'dice>0.9'"),
        ("fold:all", "folds are numbers"),
        ("state:", "what should state be"),
        ("!stat:running", "did you mean state"),
    ],
)
def test_a_word_that_no_run_could_hold_is_said(text, said):
    with pytest.raises(UsageError) as error:
        Filter.parse(text)
    assert said in str(error.value)


def test_time_left_is_of_live_runs_alone():
    live = run(
        "live", state="running", epochs=10, steps_per_epoch=10, step=40, seconds_per_step=60.0
    )
    assert Filter.parse("left<2h").matches(live, NOW)
    assert not Filter.parse("left<30m").matches(live, NOW)
    assert shown("left<99w") == []


@given(st.text(max_size=30))
def test_whatever_is_typed_is_a_filter_or_a_message(text):
    try:
        found = Filter.parse(text)
    except UsageError:
        return
    assert all(isinstance(found.matches(one, NOW), bool) for one in RUNS)
