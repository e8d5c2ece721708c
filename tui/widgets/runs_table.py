"""The table of runs: state, name, epoch, best and last Dice, trend, what is left."""

from typing import cast

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message

from handseg.runs.summary import RunSummary
from tui import palette
from tui.order import OrderName, RunOrder
from tui.state import State
from tui.widgets.lines import Lines
from tui.widgets.run_columns import Moving, RunColumns, columns_for, moving, run_cells
from tui.widgets.sheet import KEPT, Sheet
from tui.wording import Cells, cell, joined

LEFT_HEADS = ("name", "state", "trend")
"""Columns whose heads stand at the left."""


class Heads(Lines):
    """The names of the columns; a click sorts by one."""

    class Clicked(Message):
        """The person clicked the head of a column."""

        def __init__(self, order: OrderName) -> None:
            super().__init__()
            self.order: OrderName = order

    def __init__(self, state: State) -> None:
        super().__init__()
        self._state = state
        self._drawn: RunOrder | None = None

    def take(self) -> None:
        """The state has changed."""
        if self._state.order != self._drawn:
            self._drawn = self._state.order
            self.refresh()

    def lines(self, width: int, height: int) -> list[Text]:
        """One line."""
        parts: list[Text] = []
        for head, cells, name in columns_for(width).heads(self._state.order):
            style = palette.TEXT if name == self._state.order.name else palette.FAINT
            if name in LEFT_HEADS:
                indent = " " if name == "trend" else ""
                parts.append(cell(indent + head, cells, style))
            else:
                parts.append(cell(head, cells, style, "right"))
        return [joined(*parts)]

    def on_click(self, event: events.Click) -> None:
        """Sort by the column that was clicked."""
        end = 0
        for _, cells, name in columns_for(self.size.width).heads(self._state.order):
            end += cells
            if event.x < end:
                self.post_message(self.Clicked(name))
                return


class RunSheet(Sheet):
    """The rows of the table."""

    def __init__(self, state: State) -> None:
        super().__init__(id="runs")
        self._state = state
        self._made: dict[str, tuple[RunSummary, RunColumns, Moving, Cells]] = {}
        """The cells of a run, and what they were made of."""

    def token(self, key: str) -> Cells:
        """The cells of a run."""
        run = self._state.summary(key)
        if run is None:
            return ()
        columns = columns_for(self.item_width)
        now = moving(self._state, run, columns, under=key == self._cursor)
        made = self._made.get(key)
        if made is None or made[0] is not run or made[1:3] != (columns, now):
            if len(self._made) > KEPT:
                self._made.clear()
            self._made[key] = made = (run, columns, now, run_cells(run, columns, now))
        return made[3]

    def segments(self, token: object, width: int) -> list[Segment]:
        return drawn(token)


def drawn(token: object) -> list[Segment]:
    return [Segment(text, Style.parse(style)) for text, style in cast("Cells", token or ())]


class RunsTable(Vertical):
    """The runs with a cursor; posts `Sheet.Moved` and `Sheet.Chosen` with the name of a run."""

    def __init__(self, state: State) -> None:
        super().__init__()
        self._state = state
        self.heads = Heads(state)
        self.rows = RunSheet(state)

    def compose(self) -> ComposeResult:
        yield self.heads
        yield self.rows

    def take(self) -> None:
        self.heads.take()
        self.rows.show_keys([run.name for run in self._state.shown], self._state.highlighted)
