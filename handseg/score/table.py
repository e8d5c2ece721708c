"""Scores as tables for people.

Titles and names come from data: as Text they are never read as markup.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from handseg.score.blocks import Block, Column
from handseg.score.worst import WorstImage

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

WORST = "◂"
"""Marks the worst row of a column, for terminals and pipes without colour too."""


def block_table(block: Block) -> "Table":
    """The rows of a block; the worst of each column is marked where they are not ranked."""
    from rich.table import Table
    from rich.text import Text

    table = Table(title=_text(block.title))
    table.add_column(block.heading)
    for column in block.columns:
        table.add_column(Text(column.title), justify="right")
    cells = [_cells(column, marks=not block.is_ranked) for column in block.columns]
    for name, *row in zip(block.names, *cells, strict=True):
        table.add_row(Text(name), *row)
    table.add_section()
    for place, name in enumerate(block.footers):
        row = [_cell(column, column.footers[place]) for column in block.columns]
        table.add_row(Text(name), *row, style="bold" if place == 0 else None)
    return table


def worst_table(worst: Sequence[WorstImage], title: str) -> "Table":
    """The worst images of each class, with their lines in the CSV."""
    from rich.table import Table
    from rich.text import Text

    table = Table(title=_text(title))
    table.add_column("class")
    table.add_column("image")
    table.add_column("dice", justify="right")
    table.add_column("line", justify="right")
    before = ""
    for one in worst:
        if before and one.cls != before:
            table.add_section()
        # The class stands once, over its images.
        name = "" if one.cls == before else one.cls
        line = "no row" if one.line is None else str(one.line)
        table.add_row(Text(name), Text(one.image), f"{one.dice:.4f}", line)
        before = one.cls
    return table


def worst_row(column: Column) -> int | None:
    """The row with the worst figure; None where it is not worth a mark."""
    known = [(value, row) for row, value in enumerate(column.values) if not math.isnan(value)]
    if not column.is_marked or len({value for value, _ in known}) < 2:
        return None
    return (min if column.metric.more_is_better else max)(known)[1]


def _cells(column: Column, *, marks: bool) -> "list[Text]":
    from rich.text import Text

    worst = worst_row(column) if marks else None
    cells = [_cell(column, value) for value in column.values]
    if worst is not None:
        cells[worst] = Text(f"{column.metric.words(column.values[worst])} {WORST}", "bold red")
    return cells


def _cell(column: Column, value: float) -> "Text":
    from rich.text import Text

    if column.is_signed:
        return Text(column.metric.signed(value))
    return Text(column.metric.words(value))


def _text(text: str) -> "Text | None":
    from rich.text import Text

    return Text(text) if text else None
