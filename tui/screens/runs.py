"""The runs: their table, and of the highlighted one the curve, the bones and the process."""

import shlex
import time
from collections.abc import Iterable
from typing import ClassVar, Literal

from textual import on
from textual.binding import BindingType
from textual.containers import Container, Vertical
from textual.widget import Widget

from handseg.runs.control import runs_option
from tui.copying import filter_words, sort_words
from tui.keys import Place, bindings
from tui.messages import (
    ClassChosen,
    RunHighlighted,
    RunOpened,
    RunPinned,
    RunSelected,
    RunsFiltered,
    RunsInSight,
    RunsOrdered,
)
from tui.screens.page import Page
from tui.state import State
from tui.widgets.bones import BonesTable
from tui.widgets.chart import Chart
from tui.widgets.filter_line import FilterLine
from tui.widgets.run_panel import Compact, RunPanel
from tui.widgets.runs_table import Heads, RunSheet, RunsTable
from tui.widgets.sheet import Sheet
from tui.widgets.tabs import Pane, Tabs

LEAST_RUNS = 3
"""Rows that the table of runs keeps in a narrow window."""
SHARE_OF_BONES = 0.6
"""Of the height, at most, where the curve stands above them."""
RECENTLY = 0.9
SELDOM = 9.5
"""Seconds for which ages are good enough, where they are told in seconds and where not."""
YOUNG = 100.0
Part = Literal["runs", "bones", "curve"]


class RunsScreen(Page):
    """Screen 1."""

    PLACE: ClassVar[Place] = "runs"
    KEYS_OF: ClassVar[tuple[Place, ...]] = ("chart",)
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("runs"), *bindings("chart")]

    def __init__(self, state: State) -> None:
        super().__init__(state)
        self._filter = FilterLine(state)
        self._table = RunsTable(state)
        self._panel = RunPanel(state)
        self._pane = RunPanel(state, id="pane")
        """The same where it is one of the parts that share a place."""
        self._compact = Compact(state)
        self._chart = Chart(state)
        self._bones = BonesTable(state)
        self._tabs = Tabs(state)
        self._in_sight: tuple[str, ...] = ()
        self._taken = 0.0
        self.add_class(f"-{self._tabs.pane}")

    def body(self) -> Iterable[Widget]:
        """Runs at the left or above, the highlighted one at the right or below."""
        left = Vertical(self._compact, self._table, self._panel, id="left")
        right = Vertical(self._tabs, self._chart, self._bones, self._pane, id="right")
        yield self._filter
        yield Container(left, right, id="body")

    @property
    def settled(self) -> bool:
        return self.state.is_read

    @property
    def command_line(self) -> str:
        """The list as it is filtered and sorted; the highlighted run where its bones have focus."""
        state, where = self.state, runs_option(self.state.runs_folder)
        if self._part != "runs" and state.highlighted is not None:
            against = (
                ["--against", state.pinned] if state.pinned not in (None, state.highlighted) else []
            )
            return shlex.join(
                ["handseg", "runs", "show", state.highlighted, *map(str, against), *where]
            )
        if len(state.selected) > 1:
            return shlex.join(["handseg", "runs", "compare", *state.selected, *where])
        words = filter_words(state.filter_text) if not state.filter_fault else []
        return shlex.join(["handseg", "runs", *words, *sort_words(state.order), *where])

    @property
    def _part(self) -> Part:
        parts: dict[Widget, Part] = {self._bones.sheet: "bones", self._chart: "curve"}
        return parts.get(self.focused, "runs") if self.focused is not None else "runs"

    def target_of(self, place: Place) -> Widget:
        return self._chart if place == "chart" else self

    def on_mount(self) -> None:
        self._table.rows.focus()

    def take(self) -> None:
        """Show runs and highlighted run as they are now."""
        super().take()
        self._taken = time.monotonic()
        self._filter.take()
        self._table.take()
        self._bones.take()
        self._chart.take()
        self._tabs.take()
        for panel in (self._panel, self._pane):
            if panel.display:
                panel.take()
        if self._compact.display:
            self._compact.take()
        self._make_room()
        self._tell_what_is_in_sight()

    def tick(self) -> None:
        """Ages grow; they were drawn with the rest where a live run has just told something."""
        super().tick()
        idle = time.monotonic() - self._taken
        if self.is_current and idle > (RECENTLY if self._is_young else SELDOM):
            self._taken = time.monotonic()
            self._table.take()
            for panel in (self._panel, self._pane):
                if panel.display:
                    panel.take()
            self._tell_what_is_in_sight()

    @property
    def _is_young(self) -> bool:
        """Whether a run in sight is of an age that is told in seconds."""
        now = self.state.now()
        runs = (self.state.summary(name) for name in (*self._in_sight, self.state.highlighted))
        return any(run is not None and now - run.updated < YOUNG for run in runs)

    def on_resize(self) -> None:
        self.call_after_refresh(self.take)

    def _make_room(self) -> None:
        """Give the bones the lines that they need, as far as there are so many."""
        height = self.query_one("#body").size.height
        if self.has_class("-narrow"):
            # Heads and the line of tabs are there too.
            most = height - LEAST_RUNS - 2
        else:
            most = round(height * SHARE_OF_BONES)
        title = 0 if self.has_class("-narrow") else 1
        wanted = max(1, min(self._bones.rows + title, most))
        if self._bones.styles.height is None or self._bones.styles.height.value != wanted:
            self._bones.styles.height = wanted

    def _tell_what_is_in_sight(self) -> None:
        seen = self._table.rows.in_sight
        if seen != self._in_sight:
            self._in_sight = seen
            self.post_message(RunsInSight(seen))

    # Runs

    @on(Sheet.Moved, "#runs")
    def highlight(self, event: Sheet.Moved) -> None:
        """Another run is under the cursor, or one is to be looked at."""
        if isinstance(event, Sheet.Chosen):
            self.post_message(RunOpened(event.key))
        elif not isinstance(event, Sheet.Clicked):
            self.post_message(RunHighlighted(event.key))

    @on(Heads.Clicked)
    def sort_by(self, event: Heads.Clicked) -> None:
        self.post_message(RunsOrdered(self.state.order.by(event.order)))

    @on(FilterLine.Typed)
    def filter_runs(self, event: FilterLine.Typed) -> None:
        self.post_message(RunsFiltered(event.text))

    @on(FilterLine.Left)
    def leave_filter(self) -> None:
        self._table.rows.focus()

    def action_filter(self) -> None:
        self._filter.open()

    def action_next_order(self) -> None:
        """Sort the table that has the focus by its next column."""
        if self._part == "bones":
            self._bones.sort(self._bones.order.next())
        else:
            self.post_message(RunsOrdered(self.state.order.next()))

    def action_reverse_order(self) -> None:
        """Sort the table that has the focus the other way round."""
        if self._part == "bones":
            self._bones.sort(self._bones.order.reversed())
        else:
            self.post_message(RunsOrdered(self.state.order.reversed()))

    def action_select(self) -> None:
        if self.state.highlighted is not None:
            self.post_message(RunSelected(self.state.highlighted))

    def action_pin(self) -> None:
        if self.state.highlighted is not None:
            self.post_message(RunPinned(self.state.highlighted))

    # Bones and curves

    @on(Sheet.Moved, "#bones")
    def choose_class(self, event: Sheet.Moved) -> None:
        """A bone is chosen: here, and on every screen; enter looks at it."""
        if isinstance(event, Sheet.Chosen):
            if self.state.highlighted is not None:
                self.post_message(RunOpened(self.state.highlighted))
        elif event.key != self.state.chosen_class:
            self.post_message(ClassChosen(event.key))

    async def action_curve(self, what: str) -> None:
        """A key of the curves; in a narrow window they come to the front first."""
        if self.has_class("-narrow") and self._tabs.pane != "curve":
            self._show_pane("curve")
        else:
            await self._chart.run_action(f"curve({what!r})")

    # Moving about

    @on(Tabs.Clicked)
    def show_clicked(self, event: Tabs.Clicked) -> None:
        self._show_pane(event.pane)

    def _show_pane(self, pane: Pane) -> None:
        self._tabs.show(pane)
        for name in Tabs.PANES:
            self.set_class(name == pane, f"-{name}")
        self.call_after_refresh(self._focus, "runs" if pane == "run" else pane)
        self.call_after_refresh(self.take)

    def _focus(self, part: Part) -> None:
        widgets: dict[Part, Widget] = {"bones": self._bones.sheet, "curve": self._chart}
        widgets.get(part, self._table.rows).focus()

    def action_next_part(self, by: int = 1) -> None:
        """To the bones, the curve, the runs; in a narrow window each comes to the front."""
        parts: list[Part] = ["runs", "bones", "curve"]
        if not self.has_class("-narrow"):
            self._focus(parts[(parts.index(self._part) + by) % len(parts)])
            return
        panes = Tabs.PANES
        # The part in front gets the keys first; from there on to the next.
        if by > 0 and self._part == "runs" and self._tabs.pane != "run":
            self._show_pane(self._tabs.pane)
        else:
            self._show_pane(panes[(panes.index(self._tabs.pane) + by) % len(panes)])

    def step_out(self) -> bool:
        """All of the curves, back to the table, without filter, without a chosen bone."""
        if self._chart.let_go():
            return True
        if not isinstance(self.focused, RunSheet):
            self._table.rows.focus()
            return True
        if self.state.filter_text:
            self.post_message(RunsFiltered(""))
            return True
        if self.state.chosen_class is not None:
            self.post_message(ClassChosen(None))
            return True
        return False
