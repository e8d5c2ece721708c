"""A run as a page with curves."""

import math

import numpy as np

from handseg.text import NONE, dice_text, difference_text
from handseg.view import charts
from handseg.view.charts import Line
from handseg.view.page import Section, beside, page, table
from handseg.view.run_report import RunReport, checkpoint_words, moment

SPARK = (90, 16)
"""Pixels (width, height) of the trend of a class."""
STEEP = 0.1
"""Share of the validations whose Dice may lie below the plot."""
CURVES = ("loss", "lr", "speed", "memory")
"""Logged values that have a plot of their own, where there are any."""
TITLES = {
    "loss": "Training loss",
    "lr": "Learning rate",
    "speed": "Images a second",
    "memory": "GB of the device",
}


def run_page(report: RunReport) -> str:
    """The page; it shows no image of the data."""
    run = report.details.summary
    sections = [_of_facts(report), *_of_dice(report), *_of_classes(report), *_of_steps(report)]
    sections += _of_recipes(report)
    if report.warnings:
        rows = [[moment(t), message] for t, message in report.warnings]
        sections.append(Section("Warnings", "", table(["when", "what"], rows, words=2)))
    lead = f"{run.state}: {run.message}" if run.message else run.state
    return page(f"Run {run.name}", lead, _tiles(report), sections)


def _tiles(report: RunReport) -> list[tuple[str, str]]:
    run = report.details.summary
    worst = "" if run.worst_class is None else f"Dice of {run.worst_class}, the worst"
    done = str(math.floor(run.epoch + 1e-6))
    tiles = [
        (dice_text(run.best_dice), "best Dice"),
        (dice_text(run.last_dice), "last Dice"),
        (done, f"of {run.epochs:g} epochs" if run.epochs else "epochs"),
    ]
    if run.worst_class is not None:
        tiles.append((dice_text(run.dice[run.worst_class], 3), worst))
    return tiles


def _of_facts(report: RunReport) -> Section:
    facts = [list(pair) for pair in report.facts() if pair[0] != "checkpoints"]
    parts = [table(["", ""], facts, words=2)]
    if report.checkpoints:
        rows = [[one.name, checkpoint_words(one)] for one in report.checkpoints]
        parts.append(table(["checkpoint", ""], rows, words=2))
    return Section("Facts", "What was trained, where and how it went.", beside(*parts))


def _of_dice(report: RunReport) -> list[Section]:
    lines = [
        Line(found.summary.name, found.epochs, found.means)
        for found in (report.details, report.against)
        if found is not None and np.isfinite(found.means).any()
    ]
    if not lines:
        return []
    drawn = charts.plot(lines, bottom_share=STEEP)
    sentence = "Mean of the classes by epoch; the lowest tenth lies at the lower edge."
    return [Section("Validation Dice", sentence, drawn)]


def _of_classes(report: RunReport) -> list[Section]:
    rows = report.class_rows()
    if not any(row.trend for row in rows):
        return []
    other = report.against
    header = ["class", "last", "best", *([f"to {other.summary.name}"] if other else []), ""]
    figures = [
        [
            row.name,
            dice_text(row.last),
            dice_text(row.best),
            *([difference_text(row.difference)] if other else []),
        ]
        for row in rows
    ]
    sentence = "Dice of each class in the last validation, the worst first; its best; its trend."
    sparks = [charts.spark(row.trend, SPARK) for row in rows]
    return [Section("Classes", sentence, table(header, figures, pictures=sparks))]


def _of_steps(report: RunReport) -> list[Section]:
    steps = report.details.steps
    plots: list[str] = []
    for name in CURVES:
        series = steps.get(name)
        if series is None or not np.isfinite(series.values).any():
            continue
        line = Line(TITLES[name], series.steps.astype(np.float64), series.values)
        plots.append(charts.plot([line], size=(190, 420)))
    return [Section("Training", "What was logged, by step.", beside(*plots))] if plots else []


def _of_recipes(report: RunReport) -> list[Section]:
    other = report.against
    if other is None:
        return []
    if report.recipe_fault:
        return [Section("Recipe", f"Cannot be compared: {report.recipe_fault}", "")]
    header = ["", report.details.summary.name, other.summary.name]
    rows = [[one.key, one.a or NONE, one.b or NONE] for one in report.differences]
    sentence = "Values that differ." if rows else "The recipes are the same."
    return [Section("Recipe", sentence, table(header, rows, words=3) if rows else "")]
