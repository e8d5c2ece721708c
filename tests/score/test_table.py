"""What a person and a program read of scores."""

import csv
import io

import numpy as np
import pytest
from rich.console import Console

from handseg.score.dice import Scores
from handseg.score.table import score_csv, score_json, score_rows, score_table

CLASSES = ("[red]x[/]", "y", "z")


def scores(*by_class):
    return Scores(("a",), CLASSES, np.array([by_class]))


@pytest.fixture
def titled():
    return [
        ("weak", scores(0.5, 0.6, np.nan)),
        ("strong", scores(0.9, 0.8, np.nan)),
        ("vote", scores(0.8, 0.95, np.nan)),
    ]


def printed(table):
    console = Console(width=120, file=io.StringIO())
    console.print(table)
    return console.file.getvalue()


def test_the_difference_is_to_the_other_with_the_best_mean(titled):
    rows = {name: difference for name, _, difference in score_rows(titled, CLASSES)}
    assert rows["y"] == pytest.approx(0.15)
    assert rows["mean"] == pytest.approx(0.875 - 0.85)
    assert "vote − strong" in printed(score_table(titled, CLASSES))


def test_one_submission_has_no_difference(titled):
    assert "−" not in printed(score_table(titled[:1], CLASSES))


def test_the_worst_class_of_each_column_is_marked_and_names_are_no_markup(titled):
    lines = {
        line.split()[1]: line
        for line in printed(score_table(titled, CLASSES)).splitlines()
        if len(line.split()) > 4
    }
    assert lines["[red]x[/]"].count("◂") == 2
    assert "0.8000 ◂" in lines["y"]
    assert "–" in lines["z"]


def test_csv_and_json_hold_full_figures_and_nothing_for_the_unlabelled(titled):
    [header, first, *_] = csv.reader(io.StringIO(score_csv(titled, CLASSES)))
    assert header == ["class", "weak", "strong", "vote", "vote − strong"]
    assert [float(value) for value in first[1:4]] == [0.5, 0.9, 0.8]
    document = score_json(titled)
    assert document["predictions"][0] == {
        "path": "weak",
        "mean": pytest.approx(0.55),
        "images": 1,
        "classes": {"[red]x[/]": 0.5, "y": 0.6, "z": None},
    }


def test_where_all_classes_are_alike_none_is_marked():
    assert "◂" not in printed(score_table([("all", scores(1.0, 1.0, 1.0))], CLASSES))
