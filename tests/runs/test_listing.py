"""Runs in the order that a person asks for, what lacks the figure at the end."""

import json
import math
from pathlib import Path

import pytest

from handseg.cli.runs.lines import when_text
from handseg.runs.control import resume_command
from handseg.runs.query import COLUMNS, SORTS, run_row, run_rows, sort_runs
from handseg.runs.summary import RunSummary
from handseg.view.curves import sparkline


def run(name, **values):
    return RunSummary(Path("runs") / name, name, **{"state": "finished", **values})


A = run("a", started=1.0, best_dice=0.9, updated=50.0, recipe="unet", fold=2)
B = run("b", started=2.0, best_dice=0.95, updated=10.0, dice={"x": 0.3, "y": 0.9}, worst_class="x")
C = run("c", started=3.0, state="running", updated=30.0, recipe="manet", fold=0)
RUNS = [A, B, C]


@pytest.mark.parametrize(
    ("by", "names"),
    [
        ("started", "cba"),
        ("best", "bac"),
        ("name", "abc"),
        ("age", "acb"),
        ("recipe", "cab"),
        ("fold", "cab"),
        ("worst", "bca"),
        ("state", "cba"),
    ],
)
def test_an_order_begins_with_what_a_person_looks_for(by, names):
    assert "".join(one.name for one in sort_runs(RUNS, by)) == names


@pytest.mark.parametrize("by", SORTS)
def test_turned_round_the_unknown_still_come_last(by):
    forth, back = sort_runs(RUNS, by), sort_runs(RUNS, by, reverse=True)
    assert sorted(one.name for one in back) == ["a", "b", "c"]
    if by == "best":
        assert [one.name for one in back] == ["a", "b", "c"]
    if by == "fold":
        assert forth[-1] is back[-1] is B


def test_rows_for_programs_hold_every_column_and_no_nan():
    (row,) = run_rows([B], 60.0)
    assert tuple(run_row(B, 60.0)) == COLUMNS
    assert json.loads(json.dumps(row, allow_nan=False)) == row
    assert (row["worst"], row["worst_dice"], row["last"], row["age"]) == ("x", 0.3, None, 50.0)
    assert row["dice"] == {"x": 0.3, "y": 0.9}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (sparkline([0.0, math.nan, 1.0], 3), "▁ █"),
        (sparkline([0.5, 0.5], 8), "▅▅"),
        (sparkline([math.nan], 8), " "),
        (when_text(A, 170.0), "2m ago"),
    ],
)
def test_figures_are_said_in_few_characters(words, said):
    assert words == said


@pytest.mark.parametrize("state", ["dead", "stopped", "failed"])
def test_what_ended_early_can_be_resumed_by_a_line(state, monkeypatch):
    monkeypatch.delenv("HANDSEG_RUNS", raising=False)
    assert resume_command(run("a b", state=state)) == "handseg train --resume 'a b'"
    elsewhere = RunSummary(Path("/tmp/other/a"), "a", state=state)
    assert resume_command(elsewhere) == "handseg train --resume a --runs /tmp/other"
    monkeypatch.setenv("HANDSEG_RUNS", "/tmp/other")
    assert resume_command(elsewhere) == "handseg train --resume a"


@pytest.mark.parametrize("state", ["running", "quiet", "finished", "broken"])
def test_what_lives_or_is_done_is_not_resumed(state):
    assert resume_command(run("a", state=state)) is None
