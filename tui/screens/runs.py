"""The runs: their table, and of the highlighted one the curve, the bones and the process."""

import math
import shlex
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from textual import on
from textual.binding import BindingType
from textual.containers import Container, Vertical
from textual.message import Message
from textual.widget import Widget

from handseg.runs.control import runs_option
from tui.keys import bindings
from tui.order import sort_words
from tui.screens.dashboard_screen import DashboardScreen
from tui.state import State
from tui.widgets.bones_table import Bones
from tui.widgets.chart import Chart
from tui.widgets.input_line import FilterLine
from tui.widgets.run_panel import CompactPanel, RunPanel
from tui.widgets.runs_table import RunsTable
from tui.widgets.table import DataTable
from tui.widgets.tabs import Tabs

SUBCOMMANDS = ("show", "compare", "rm")
"""Words that `handseg runs` takes for something else than a filter."""
LEAST_RUNS = 3
"""Rows that the table of runs keeps in a narrow window."""
SHARE_OF_BONES = 0.6
"""Of the height, at most, where the curve stands above them."""
RECENTLY = 0.9
SELDOM = 9.5
"""Seconds for which ages are good enough, where they are told in seconds and where not."""
YOUNG = 100.0
TABS = ("bones", "curve", "run")
Part = Literal["runs", "bones", "curve"]


class RunsScreen(DashboardScreen):
    """Screen 1."""

    PLACE: ClassVar[str] = "runs"
    KEYS_OF: ClassVar[tuple[str, ...]] = ("chart",)
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("runs"), *bindings("chart")]

    @dataclass
    class RunSelected(Message):
        """The person wants to see the curves of a run with those of others, or no longer."""

        run: str

    @dataclass
    class RunPinned(Message):
        """The person wants to compare the other runs with this one, or no longer."""

        run: str

    @dataclass
    class RunsInSight(Message):
        """The rows of the table that are on the screen."""

        runs: tuple[str, ...]

    @dataclass
    class RunsFiltered(Message):
        """The person wants to see those runs only that hold the words of a filter."""

        text: str

    def __init__(self, state: State) -> None:
        super().__init__(state)
        self._filter = FilterLine(state)
        self._table = RunsTable(state)
        self._panel = RunPanel(state)
        self._pane = RunPanel(state, id="pane")
        """The same where it is one of the parts that share a place."""
        self._compact = CompactPanel(state)
        self._chart = Chart(state)
        self._bones = Bones(state)
        self._tabs = Tabs(TABS, self._whose)
        self._in_sight: tuple[str, ...] = ()
        self._updated = 0.0
        self.add_class(f"-{self._tabs.active}")

    def body(self) -> Iterable[Widget]:
        """Runs at the left or above, the highlighted one at the right or below."""
        table = Vertical(self._table.header, self._table, id="runs-table")
        left = Vertical(self._compact, table, self._panel, id="left")
        right = Vertical(self._tabs, self._chart, self._bones, self._pane, id="right")
        yield self._filter
        yield Container(left, right, id="body")

    def _whose(self) -> str:
        """The run of the parts that share a place."""
        run = self.state.run
        if run is None:
            return ""
        if not math.isfinite(run.validated_epoch):
            return run.name
        return f"{run.name}, epoch {run.validated_epoch:g}"

    @property
    def settled(self) -> bool:
        return self.state.is_read

    @property
    def command_line(self) -> str:
        """The list as it is filtered and sorted; the highlighted run where its bones have focus."""
        state, where = self.state, runs_option(self.state.runs_folder)
        if self._part != "runs" and state.highlighted is not None:
            words = ["show", state.highlighted]
            if state.baseline is not None:
                words += ["--against", state.baseline.name]
        elif len(state.selected) > 1:
            words = ["compare", *state.selected]
        else:
            words = filter_words(state.filter_text) if not state.filter_fault else []
            words += sort_words(state.order)
        return shlex.join(["handseg", "runs", *words, *where])

    @property
    def _part(self) -> Part:
        parts: dict[Widget, Part] = {self._bones.table: "bones", self._chart: "curve"}
        return parts.get(self.focused, "runs") if self.focused is not None else "runs"

    def target_of(self, place: str) -> Widget:
        return self._chart if place == "chart" else self

    def on_mount(self) -> None:
        self._table.focus()

    def update(self) -> None:
        super().update()
        self._updated = time.monotonic()
        self._filter.update()
        self._table.update()
        self._bones.update()
        self._chart.update()
        self._tabs.update()
        for panel in (self._panel, self._pane, self._compact):
            if panel.display:
                panel.update()
        self._make_room()
        self._tell_what_is_in_sight()

    def tick(self) -> None:
        """Ages grow; they were drawn with the rest where a live run has just told something."""
        super().tick()
        idle = time.monotonic() - self._updated
        if self.is_current and idle > (RECENTLY if self._is_young else SELDOM):
            self._updated = time.monotonic()
            self._table.update()
            for panel in (self._panel, self._pane):
                if panel.display:
                    panel.update()
            self._tell_what_is_in_sight()

    @property
    def _is_young(self) -> bool:
        """Whether a run in sight is of an age that is told in seconds."""
        now = self.state.now()
        runs = (self.state.summary(name) for name in (*self._in_sight, self.state.highlighted))
        return any(run is not None and now - run.updated < YOUNG for run in runs)

    def on_resize(self) -> None:
        self.call_after_refresh(self.update)

    def _make_room(self) -> None:
        """Give the bones the lines that they need, as far as there are so many."""
        height = self.query_one("#body").size.height
        if self.has_class("-narrow"):
            # Header and the line of tabs are there too.
            most = height - LEAST_RUNS - 2
        else:
            most = round(height * SHARE_OF_BONES)
        title = 0 if self.has_class("-narrow") else 1
        wanted = max(1, min(self._bones.table.lines_needed + title, most))
        if self._bones.styles.height is None or self._bones.styles.height.value != wanted:
            self._bones.styles.height = wanted

    def _tell_what_is_in_sight(self) -> None:
        seen = self._table.in_sight
        if seen != self._in_sight:
            self._in_sight = seen
            self.post_message(self.RunsInSight(seen))

    # Runs

    @on(DataTable.RowHighlighted, "#runs")
    def highlight(self, event: DataTable.RowHighlighted) -> None:
        self.post_message(self.RunHighlighted(event.key))

    @on(DataTable.RowSelected, "#runs")
    def open_run(self, event: DataTable.RowSelected) -> None:
        self.post_message(self.RunOpened(event.key))

    @on(FilterLine.FilterChanged)
    def filter_runs(self, event: FilterLine.FilterChanged) -> None:
        self.post_message(self.RunsFiltered(event.text))

    @on(FilterLine.Done)
    def leave_filter(self) -> None:
        self._table.focus()

    def action_filter(self) -> None:
        self._filter.open()

    @property
    def _sorted_table(self) -> DataTable[Any]:
        return self._bones.table if self._part == "bones" else self._table

    def action_next_order(self) -> None:
        table = self._sorted_table
        if table.order is not None:
            table.sort(table.order.next())

    def action_reverse_order(self) -> None:
        table = self._sorted_table
        if table.order is not None:
            table.sort(table.order.reversed())

    def action_select(self) -> None:
        if self.state.highlighted is not None:
            self.post_message(self.RunSelected(self.state.highlighted))

    def action_pin(self) -> None:
        if self.state.highlighted is not None:
            self.post_message(self.RunPinned(self.state.highlighted))

    # Bones and curves

    @on(DataTable.RowHighlighted, "#bones")
    def choose_class(self, event: DataTable.RowHighlighted) -> None:
        self.post_message(self.ClassChosen(event.key))

    @on(DataTable.RowClicked, "#bones")
    def choose_clicked(self, event: DataTable.RowClicked) -> None:
        if event.key != self.state.chosen_class:
            self.post_message(self.ClassChosen(event.key))

    @on(DataTable.RowSelected, "#bones")
    def open_with_class(self) -> None:
        if self.state.highlighted is not None:
            self.post_message(self.RunOpened(self.state.highlighted))

    async def action_curve(self, what: str) -> None:
        """A key of the curves; in a narrow window they come to the front first."""
        if self.has_class("-narrow") and self._tabs.active != "curve":
            self._show_tab("curve")
        else:
            await self._chart.run_action(f"curve({what!r})")

    # Moving about

    @on(Tabs.TabClicked)
    def show_clicked(self, event: Tabs.TabClicked) -> None:
        self._show_tab(event.name)

    def _show_tab(self, name: str) -> None:
        self._tabs.show(name)
        for other in TABS:
            self.set_class(other == name, f"-{other}")
        self.call_after_refresh(self._focus, name)
        self.call_after_refresh(self.update)

    def _focus(self, part: str) -> None:
        widgets: dict[str, Widget] = {"bones": self._bones.table, "curve": self._chart}
        widgets.get(part, self._table).focus()

    def action_next_part(self, by: int = 1) -> None:
        """To the bones, the curve, the runs; in a narrow window each comes to the front."""
        parts: list[Part] = ["runs", "bones", "curve"]
        if not self.has_class("-narrow"):
            self._focus(parts[(parts.index(self._part) + by) % len(parts)])
        # The part in front gets the keys first; from there on to the next.
        elif by > 0 and self._part == "runs" and self._tabs.active != "run":
            self._show_tab(self._tabs.active)
        else:
            self._show_tab(self._tabs.next(by))

    def step_out(self) -> bool:
        """All of the curves, back to the table, without filter, without a chosen bone."""
        if self._chart.reset_view():
            return True
        if self.focused is not self._table:
            self._table.focus()
            return True
        if self.state.filter_text:
            self.post_message(self.RunsFiltered(""))
            return True
        if self.state.chosen_class is not None:
            self.post_message(self.ClassChosen(None))
            return True
        return False


def filter_words(text: str) -> list[str]:
    """A filter as `handseg runs` takes it; none where nothing is filtered."""
    text = text.strip()
    if text in SUBCOMMANDS:
        # Quotes make it a word to look for.
        text = f'"{text}"'
    # `!` says the same as `-`, which would be an option.
    return [f"!{text[1:]}" if text.startswith("-") else text] if text else []
