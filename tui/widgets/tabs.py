"""The names of the parts that share one place in a narrow window."""

import math
from typing import ClassVar, Literal

from rich.cells import cell_len
from rich.text import Text
from textual import events
from textual.message import Message

from tui import palette
from tui.state import State
from tui.widgets.lines import Lines
from tui.wording import fitted, joined

Pane = Literal["bones", "curve", "run"]


class Tabs(Lines):
    """Which part is shown; a click on another brings that."""

    PANES: ClassVar[tuple[Pane, ...]] = ("bones", "curve", "run")

    class Clicked(Message):
        """The person clicked the name of a part."""

        def __init__(self, pane: Pane) -> None:
            super().__init__()
            self.pane: Pane = pane

    def __init__(self, state: State) -> None:
        super().__init__()
        self._state = state
        self._drawn = ""
        self.pane: Pane = "bones"

    def show(self, pane: Pane) -> None:
        self.pane = pane
        self.refresh()

    def take(self) -> None:
        if self._whose() != self._drawn:
            self.refresh()

    def lines(self, width: int, height: int) -> list[Text]:
        """One line: the parts, then whose they are."""
        parts = [
            Text(f"[{pane}]", palette.TEXT) if pane == self.pane else Text(f" {pane} ", palette.DIM)
            for pane in self.PANES
        ]
        self._drawn = self._whose()
        room = width - sum(part.cell_len for part in parts) - 1
        return [joined(" ", *parts, Text(fitted(f"{self._drawn} ", room, "right"), palette.FAINT))]

    def _whose(self) -> str:
        run = self._state.run
        if run is None:
            return ""
        if not math.isfinite(run.validated_epoch):
            return run.name
        return f"{run.name}, epoch {run.validated_epoch:g}"

    def on_click(self, event: events.Click) -> None:
        """Bring the part that was clicked."""
        end = 1
        for pane in self.PANES:
            end += cell_len(pane) + 2
            if event.x < end:
                self.post_message(self.Clicked(pane))
                return
