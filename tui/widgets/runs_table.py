"""The table of runs: state, name, epoch, best and last Dice, trend, what is left."""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from rich.text import Text

from handseg.runs.history import eta_range
from handseg.runs.summary import RunSummary
from handseg.text import NONE, dice_text, epochs_text, short_duration
from handseg.view.curves import sparkline
from tui.state import State
from tui.theme import Theme
from tui.widgets.lines import DICE_TREND, joined, without_middle
from tui.widgets.table import Cell, DataTable, TableColumn

SIGNS = 4
"""Cells of cursor, mark, state and a blank."""
LEAST_NAME, ROOMY_NAME, MOST_NAME = 12, 20, 40
"""Cells of a name: the least, those for which the trend gives way, those for which the age does."""
OPTIONAL = {"epoch": 8, "last": 6, "trend": 7, "age": 6}
"""Columns that are left out where they do not fit, the last first."""
BEST, LEFT, SPREAD = 7, 8, 3


class RunRow(NamedTuple):
    """A run, and what of its row changes with time and with what the person does."""

    run: RunSummary
    under: bool
    """Whether the cursor is on it."""
    mark: str
    own: str
    """Its colour where it is under the cursor, selected or pinned, else empty."""
    age: str
    spread: str

    def plain(self, theme: Theme) -> str:
        """The style of what has no colour of its own."""
        return theme.dim if self.run.state in ("stopped", "broken") else ""


class RunsTable(DataTable[RunRow]):
    """The runs that are shown; the cursor is the highlighted one."""

    CURSOR_IS_STATE = True

    def __init__(self, state: State) -> None:
        super().__init__(id="runs")
        self._state = state
        self._longest = 0
        """Characters of the longest name that is shown."""

    @property
    def columns(self) -> Sequence[TableColumn[RunRow]]:
        return columns_for(self.text_width, self._longest)

    def update(self) -> None:
        self.order = self._state.order
        names = [run.name for run in self._state.shown]
        self._longest = max(map(len, names), default=0)
        self.show_keys(names, self._state.highlighted)

    def row(self, key: str) -> RunRow | None:
        state, run = self._state, self._state.summary(key)
        if run is None:
            return None
        under = key == self.cursor
        mark = "★" if key == state.pinned else "+" if key in state.selected else " "
        own = self.theme.series[state.series_of(key)] if under or mark != " " else ""
        spread = spread_of(state, run) if run.state == "running" else ""
        return RunRow(run, under, mark, own, short_duration(run.age(state.now())), spread)


@lru_cache(maxsize=64)
def columns_for(width: int, longest: int) -> Sequence[TableColumn[RunRow]]:
    """The columns of a table of this width; sign, name, best Dice and what is left are in all.

    Trend and age give way to the `longest` name, and so does what makes columns wider.
    """
    room = width - SIGNS - BEST - LEFT
    needs = {"trend": min(longest, ROOMY_NAME), "age": min(longest, MOST_NAME)}
    roomy = max(ROOMY_NAME, needs["age"])
    shown: list[str] = []
    for name, needed in OPTIONAL.items():
        least = ROOMY_NAME if name == "age" else LEAST_NAME
        if room - needed < max(least, needs.get(name, 0)):
            break
        room -= needed
        shown.append(name)
    trend, left = OPTIONAL["trend"], LEFT
    if "trend" in shown and room - 2 >= max(LEAST_NAME, needs["age"]):
        trend, room = trend + 2, room - 2
    if room - SPREAD >= roomy:
        left, room = left + SPREAD, room - SPREAD
    columns = (
        TableColumn(SIGNS, signs_cell, sort="state"),
        TableColumn(max(1, room), name_cell, "run", sort="name"),
        TableColumn(OPTIONAL["epoch"], epoch_cell, "epoch", "right", "epoch"),
        TableColumn(BEST, best_cell, "best", "right", "best"),
        TableColumn(OPTIONAL["last"], last_cell, "last", "right", "last"),
        TableColumn(trend, trend_cell, " trend", sort="trend"),
        TableColumn(
            left, left_cell if "age" in shown else left_or_age_cell, "left", "right", "left"
        ),
        TableColumn(OPTIONAL["age"], age_cell, "age", "right", "age"),
    )
    return tuple(one for one in columns if one.sort not in OPTIONAL or one.sort in shown)


def signs_cell(row: RunRow, width: int, theme: Theme) -> Cell:
    sign, colour = theme.signs[row.run.state]
    cursor = ("▸" if row.under else " ") + row.mark
    return joined(Text(cursor, row.own), Text(f"{sign} ", colour))


def name_cell(row: RunRow, width: int, theme: Theme) -> Cell:
    return without_middle(row.run.name, width), row.own or row.plain(theme)


def epoch_cell(row: RunRow, width: int, theme: Theme) -> Cell:
    return epochs(row.run), row.plain(theme)


def best_cell(row: RunRow, width: int, theme: Theme) -> Cell:
    # As in `handseg runs`: a mean of all classes, which does not stand beside those of bones.
    mark = "*" if row.run.counted_no_bones else ""
    return dice_text(row.run.best_dice) + mark, row.plain(theme)


def last_cell(row: RunRow, width: int, theme: Theme) -> Cell:
    return dice_text(row.run.last_dice), theme.dim


def trend_cell(row: RunRow, width: int, theme: Theme) -> Cell:
    return " " + sparkline(row.run.means, width - 1, DICE_TREND), theme.accent


def left_cell(row: RunRow, width: int, theme: Theme) -> Cell:
    """Time left of a running run, or what is wrong with another."""
    run = row.run
    if run.state == "running":
        return short_duration(run.eta) + (row.spread if width > LEFT else ""), ""
    if run.state == "quiet":
        return f"q {row.age}", theme.warn
    if run.state in ("dead", "failed"):
        return "oom" if "out of memory" in run.message else run.state, theme.bad
    if run.state == "broken":
        return "broken", theme.warn
    return NONE, theme.dim


def left_or_age_cell(row: RunRow, width: int, theme: Theme) -> Cell:
    """The same where the age has no column of its own."""
    if row.run.state in ("stopped", "finished"):
        return f"{row.age} ago", theme.dim
    return left_cell(row, width, theme)


def age_cell(row: RunRow, width: int, theme: Theme) -> Cell:
    return row.age, theme.dim


def epochs(run: RunSummary) -> str:
    """Epochs done of those to do: `61/100`."""
    return NONE if run.epochs is None else epochs_text(run.known_epoch, run.epochs)


def spread_of(state: State, run: RunSummary) -> str:
    """` ±4m` where the pace of the last validations is known."""
    details = state.details.get(run.name)
    low, high = eta_range(details) if details is not None else (math.nan, math.nan)
    half = (high - low) / 2
    return f" ±{short_duration(half)}" if half >= 1 else ""
