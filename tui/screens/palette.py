"""The palette of commands: type a part of what you want, enter does it."""

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input

from tui import palette
from tui.commands import Command, matching
from tui.widgets.sheet import Rows
from tui.wording import cell, joined

KEY = 8
MOST = 200
"""Lines that are listed: more are not looked through."""


class PaletteScreen(ModalScreen[Command | None]):
    """A line to type in above the commands that hold what was typed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "close", show=False),
        Binding("up", "move(-1)", "up", show=False),
        Binding("down", "move(1)", "down", show=False),
        Binding("pageup", "page(-1)", "page up", show=False),
        Binding("pagedown", "page(1)", "page down", show=False),
    ]

    def __init__(self, commands: Sequence[Command]) -> None:
        super().__init__()
        self._commands = commands
        self._found: list[Command] = []
        self._rows = Rows()
        self._rows.can_focus = False

    def compose(self) -> ComposeResult:
        """A box over the screen that was there."""
        with Vertical(id="palette"):
            yield Input(placeholder="a command, a screen, a run", compact=True)
            yield self._rows

    def on_mount(self) -> None:
        self.query_one(Input).focus()
        self.call_after_refresh(self._list, "")

    def on_resize(self) -> None:
        self.call_after_refresh(self._draw)

    @on(Input.Changed)
    def narrow_down(self, event: Input.Changed) -> None:
        event.stop()
        self._list(event.value)

    def _list(self, text: str) -> None:
        self._found = matching(self._commands, text)[:MOST]
        self._draw("0")

    def _draw(self, cursor: str | None = None) -> None:
        width = self._rows.text_width
        rows = [(str(at), entry(command, width)) for at, command in enumerate(self._found)]
        self._rows.show(rows, cursor or self._rows.cursor)

    @on(Input.Submitted)
    def do_it(self) -> None:
        at = int(self._rows.cursor or 0)
        self.dismiss(self._found[at] if at < len(self._found) else None)

    @on(Rows.Chosen)
    @on(Rows.Clicked)
    def take_clicked(self, event: Rows.Moved) -> None:
        event.stop()
        self.dismiss(self._found[int(event.key)])

    def action_leave(self) -> None:
        self.dismiss(None)

    def action_move(self, by: int) -> None:
        self._rows.action_move(by)

    def action_page(self, by: int) -> None:
        self._rows.action_page(by)


def entry(command: Command, width: int) -> Text:
    """A command in words, its key at the right."""
    room = max(1, width - KEY - 1)
    words = cell(f" {command.title}", room, palette.TEXT)
    return joined(words, cell(command.key, KEY, palette.ACCENT, "right"))
