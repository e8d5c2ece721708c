"""The tables of `handseg runs show`."""

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from handseg.runs.words import MOVED, trend
from handseg.text import NONE, dice_text, difference_text

if TYPE_CHECKING:
    from handseg.view.run_report import Order, RunReport

TREND_WIDTH = 24
FIGURE = 5
"""Cells of a Dice: it is never cut."""
NAME = 12
"""Cells of a class that the trend and a run's name give way to."""
DIFFERENCE = 8
"""Cells of a difference with its sign."""


def facts_table(report: "RunReport") -> Table:
    """What is known of a run, a line each; long ones wrap in their column."""
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, style="dim")
    table.add_column(overflow="fold")
    table.add_row("run", Text(report.details.summary.name, "bold"))
    for name, words in report.facts():
        table.add_row(Text(name), Text(words))
    return table


def classes_table(report: "RunReport", order: "Order") -> Table:
    """A row for each class."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    rows = report.class_rows(order)
    longest = min(NAME, max((len(row.name) for row in rows), default=0))
    table.add_column("class", no_wrap=True, overflow="ellipsis", min_width=longest)
    for title in ("last", "best"):
        table.add_column(title, justify="right", no_wrap=True, min_width=FIGURE)
    other = report.against
    if other is not None:
        title = Text(f"to {other.summary.name}")
        table.add_column(title, no_wrap=True, overflow="ellipsis", min_width=DIFFERENCE)
    table.add_column("trend", no_wrap=True, overflow="crop")
    for row in rows:
        cells = [Text(row.name), Text(dice_text(row.last)), Text(dice_text(row.best))]
        if other is not None:
            cells.append(moved(row.difference))
        table.add_row(*cells, Text(trend(row.trend, TREND_WIDTH)))
    return table


def moved(difference: float) -> Text:
    """A difference, with a sign and a colour where it is more than a trifle."""
    words = difference_text(difference)
    if difference > MOVED:
        return Text(f"▲ {words}", "green")
    if difference < -MOVED:
        return Text(f"▼ {words}", "red")
    return Text(f"  {words}")


def differences_table(report: "RunReport") -> Table:
    """A row for each value of the recipe that differs."""
    assert report.against is not None
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("recipe", no_wrap=True)
    table.add_column(Text(report.details.summary.name), overflow="fold")
    table.add_column(Text(report.against.summary.name), overflow="fold")
    for one in report.differences:
        table.add_row(Text(one.key), Text(one.a or NONE), Text(one.b or NONE))
    return table
