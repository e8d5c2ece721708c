"""A run in words and as a page; text from data is never markup."""

import math
import re

import numpy as np
import pytest

from handseg.recipe.load import load_recipe
from handseg.runs.history import read_run
from handseg.runs.writer import RunWriter
from handseg.view.charts import COLUMNS, Line, plot, spark
from handseg.view.run_page import run_page
from handseg.view.run_report import report_run

NASTY = "<b onload=x>&[red]"


@pytest.fixture
def make(tmp_path):
    def run(name, *, gain=0.0, sets=(), validations=4, **facts):
        known = {"classes": ["Radius", NASTY], "fold": 0, "epochs": 10, "steps_per_epoch": 5}
        recipe = load_recipe("recipes/unet.toml", sets).to_toml()
        writer = RunWriter.create(
            tmp_path / "runs", "unet", recipe_toml=recipe, facts={**known, **facts}, name=name
        )
        for epoch in range(1, validations + 1):
            writer.step(epoch * 5, loss=1 / epoch, lr=1e-4)
            dice = {"Radius": 0.9 + gain, NASTY: 0.5 + epoch / 100}
            writer.validation(step=epoch * 5, epoch=epoch, dice=dice)
        writer.event("warning", message=f"memory {NASTY}")
        writer.end("stopped", NASTY)
        return writer.folder

    return run


def test_the_worst_class_is_first_or_they_keep_their_order(make):
    report = report_run(make("a"), 0.0)
    assert [row.name for row in report.class_rows()] == [NASTY, "Radius"]
    assert [row.name for row in report.class_rows("class")] == ["Radius", NASTY]
    assert report.class_rows()[0].trend == pytest.approx((0.51, 0.52, 0.53, 0.54))


def test_against_another_run_each_class_and_the_recipe_are_compared(make):
    a, b = make("a", gain=0.05), make("b", sets=["train.seed=5"])
    report = report_run(a, 0.0, b)
    assert report.class_rows("class")[0].difference == pytest.approx(0.05)
    assert [(one.key, one.a, one.b) for one in report.differences] == [("train.seed", "0", "5")]


def test_epochs_are_counted_on_the_page_when_they_are_done(make):
    folder = make("a", steps_per_epoch=4)
    assert "epochs" in dict(report_run(folder, 0.0).facts())
    html = run_page(report_run(folder, 0.0))
    assert "<b>4</b><span>of 10 epochs" in html


def test_a_recipe_that_is_gone_is_said_and_the_rest_is_shown(make):
    a, b = make("a"), make("b")
    (b / "recipe.toml").unlink()
    report = report_run(a, 0.0, b)
    assert "recipe" in report.recipe_fault
    assert "Cannot be compared" in run_page(report)


def test_the_facts_say_how_to_go_on(make):
    facts = dict(report_run(make("a", parameters=1234567), 0.0).facts())
    assert facts["state"] == f"stopped: {NASTY}"
    assert facts["resume"].startswith("handseg train --resume a")
    assert facts["parameters"] == "1,234,567"
    assert facts["Dice"] == "best .7200 at epoch 4, last .7200, 4 validations"


def test_the_facts_say_what_the_mean_is_of(tmp_path):
    writer = RunWriter.create(
        tmp_path / "runs", "unet", recipe_toml="", facts={}, not_bones=["SoftTissue"]
    )
    dice = {"Radius": 0.5, "SoftTissue": 0.9}
    writer.validation(step=5, epoch=1, dice=dice, both_empty=3)
    writer.end("finished")
    facts = dict(report_run(writer.folder, 0.0).facts())
    assert facts["Dice"] == (
        "best .5000 at epoch 1, last .5000 (means without SoftTissue: no bones), 1 validation; "
        "3 masks of the last empty in label and prediction, Dice 1"
    )


def test_the_page_needs_nothing_from_the_net_and_escapes_all_text(make):
    text = run_page(report_run(make("a"), 0.0, make("b")))
    assert NASTY not in text
    assert "&lt;b onload=x&gt;&amp;[red]" in text
    assert "<b onload" not in text
    assert not re.search(r"(src|href)=[\"'](?!data:)", text)
    assert text.count("<svg") >= 4


def test_a_run_without_any_validation_has_a_page(make):
    text = run_page(report_run(make("a", validations=0), 0.0))
    assert "Run a" in text
    assert "Validation Dice" not in text


def test_values_of_strange_kinds_in_run_json_do_no_harm(make):
    folder = make("a", versions=[1], git="x", parameters="many", train_images=None, data=3)
    assert run_page(report_run(folder, 0.0))


def points(svg):
    return [len(found.split()) for found in re.findall(r'points="([^"]*)"', svg)]


def test_what_is_not_finite_is_a_gap_and_a_lone_point_a_dot():
    x = np.arange(7.0)
    y = np.array([1, 2, math.nan, 3, math.inf, 4, 5])
    drawn = plot([Line("a", x, y)])
    assert points(drawn) == [2, 2]
    assert drawn.count("<circle") == 1


def test_a_million_points_become_no_more_than_a_page_can_show():
    x = np.arange(1_000_000.0)
    drawn = plot([Line("a", x, np.sin(x / 1e5))])
    assert points(drawn) == [COLUMNS]
    assert len(drawn) < 50_000


@pytest.mark.parametrize("values", [(), (math.nan,), (0.5,), (0.5, 0.5), (0.1, math.nan, 0.9)])
def test_a_trend_of_anything_is_a_picture(values):
    assert spark(values, (90, 16)).startswith("<svg")
    assert "nan" not in spark(values, (90, 16))


def test_reading_the_run_whole_gives_the_same_figures(make):
    folder = make("a")
    assert read_run(folder).means == pytest.approx([0.705, 0.71, 0.715, 0.72])
