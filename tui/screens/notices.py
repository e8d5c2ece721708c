"""What happened to the runs since the dashboard was opened."""

import time
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from tui import palette
from tui.notices import Notice
from tui.state import State
from tui.wording import one_line


class NoticesScreen(ModalScreen[None]):
    """All notices, the newest first."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,exclamation_mark", "dismiss", "close", show=False),
        Binding("q", "app.quit", "quit", show=False),
    ]

    def __init__(self, state: State) -> None:
        super().__init__()
        self._notices = list(state.notices)

    def compose(self) -> ComposeResult:
        """A box over the screen that was there."""
        with VerticalScroll(id="notices") as box:
            box.border_subtitle = "esc closes this page"
            yield Static(text_of(self._notices))


def text_of(notices: list[Notice]) -> Text:
    """The notices, a line each."""
    lines = [line_of(notice) for notice in reversed(notices)]
    if not lines:
        lines = [Text("No run has ended, died or beaten all others since you came.", palette.DIM)]
    return Text("\n").join(lines)


def line_of(notice: Notice) -> Text:
    """When, which run, what."""
    sign, colour = palette.SIGNS[notice.state]
    return Text.assemble(
        (time.strftime("%H:%M:%S", time.localtime(notice.time)), palette.DIM),
        (f"  {sign} ", colour),
        (one_line(notice.run), palette.TEXT),
        f"  {one_line(notice.text)}",
    )
