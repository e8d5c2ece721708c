"""Scores as CSV for programs: full figures, an empty field where there is none."""

import csv
import io
import math
from collections.abc import Iterable, Sequence
from itertools import groupby

from handseg.score.blocks import FROM, TO, Block, Column
from handseg.score.metrics import DICE
from handseg.score.worst import WorstImage

WORST_HEADER = ("prediction", "class", "image_name", "dice", "line")


def blocks_csv(blocks: Sequence[Block]) -> str:
    """The blocks as one CSV: side by side where they have the same rows, else beneath each other.

    A column is named by its title, and by its metric where that is not Dice. Intervals are left
    out: they stand in the JSON.
    """
    rows: list[Sequence[object]] = []
    for _, alike in groupby(blocks, lambda block: (block.heading, *block.names)):
        rows += _rows(list(alike))
    return _csv(rows)


def worst_csv(worst: Iterable[tuple[str, WorstImage]]) -> str:
    """(title, worst image of a class) as CSV; the line is empty where there is no row."""
    return _csv([WORST_HEADER, *([title, *image] for title, image in worst)])


def _rows(blocks: Sequence[Block]) -> list[Sequence[object]]:
    """Header and rows of blocks with the same rows."""
    first = blocks[0]
    columns = [column for block in blocks for column in block.columns]
    rows: list[Sequence[object]] = [[first.heading, *map(_name, columns)]]
    for row, name in enumerate(first.names):
        rows.append([name, *(_field(column.values[row]) for column in columns)])
    for place, name in enumerate(first.footers):
        if name not in (FROM, TO):
            rows.append([name, *(_field(column.footers[place]) for column in columns)])
    return rows


def _name(column: Column) -> str:
    metric = column.metric.name
    return column.title if metric in (DICE.name, column.title) else f"{column.title} {metric}"


def _field(value: float) -> str:
    return "" if math.isnan(value) else repr(value)


def _csv(rows: Iterable[Iterable[object]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().rstrip("\n")
