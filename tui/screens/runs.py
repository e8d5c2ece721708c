"""The runs: their table, and of the highlighted one the curve, the bones and the process."""

from collections.abc import Iterable
from typing import ClassVar

from textual import on
from textual.binding import BindingType
from textual.containers import Container, Vertical, VerticalScroll
from textual.widget import Widget

from tui.keys import Place, bindings
from tui.messages import RunHighlighted, RunOpened
from tui.screens.page import Page
from tui.state import State
from tui.widgets.bones import Bones
from tui.widgets.chart import Chart
from tui.widgets.rows import Rows
from tui.widgets.run_panel import Compact, RunPanel
from tui.widgets.runs_table import Heads, RunsTable

PANES = ("-bones", "-curve", "-run")
"""In a narrow window one of these is shown at a time."""


class RunsScreen(Page):
    """Screen 1."""

    PLACE: ClassVar[Place] = "runs"
    BINDINGS: ClassVar[list[BindingType]] = bindings("runs")

    def __init__(self, state: State) -> None:
        super().__init__(state)
        self._bones = Bones(state)
        self._chart = Chart(state)
        self._panel = RunPanel(state)
        self._compact = Compact(state)
        self._table = RunsTable()
        self._pane = PANES[0]
        self.add_class(self._pane)

    def body(self) -> Iterable[Widget]:
        """Runs at the left or above, the highlighted one at the right or below."""
        # Scrolled by the wheel; the keys belong to the runs.
        scroll = VerticalScroll(self._bones, can_focus=False)
        left = Vertical(self._compact, self._table, self._panel, id="left")
        right = Vertical(self._chart, scroll, id="right")
        yield Container(left, right, id="body")

    @property
    def settled(self) -> bool:
        """Whether the highlighted run has been read whole."""
        run = self.state.run
        known = self.state.run_details is not None or bool(self.state.fault)
        return run is None or run.state == "broken" or known

    def take(self) -> None:
        """Show runs and highlighted run as they are now."""
        super().take()
        self._table.show(self.state.runs, self.state.highlighted)
        self._bones.styles.height = self._bones.rows
        for widget in (self._bones, self._chart, self._panel, self._compact):
            widget.refresh()

    def tick(self) -> None:
        """Ages grow."""
        super().tick()
        if self.is_current:
            self._table.show(self.state.runs, self.state.highlighted)
            self._panel.refresh()

    def on_resize(self) -> None:
        """Columns follow the width."""
        self.query_one(Heads).refresh()
        self.call_after_refresh(self.take)

    @on(Rows.Moved)
    def highlight(self, event: Rows.Moved) -> None:
        """Another run is under the cursor."""
        if not isinstance(event, Rows.Chosen):
            self.post_message(RunHighlighted(event.key))

    @on(Rows.Chosen)
    def look(self, event: Rows.Chosen) -> None:
        """Go to the pictures of a run."""
        self.post_message(RunOpened(event.key))

    def action_next_view(self) -> None:
        """The next curve; where there is room for one thing, the next thing."""
        if not self.has_class("-narrow"):
            self._chart.next_value()
            return
        if self._pane == "-curve" and self._chart.next_value():
            return
        self.remove_class(self._pane)
        self._pane = PANES[(PANES.index(self._pane) + 1) % len(PANES)]
        self.add_class(self._pane)
