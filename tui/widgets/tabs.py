"""The names of parts that share one place, of which one is shown."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.text import Text
from textual import events
from textual.message import Message

from tui.widgets.lines import Lines, fitted, joined


class Tabs(Lines):
    """Which part is shown; a click on another asks for that."""

    @dataclass
    class TabClicked(Message):
        """The name of a part was clicked."""

        name: str

    def __init__(self, names: Sequence[str], note: Callable[[], str] = str) -> None:
        super().__init__()
        self.names = names
        self.active = names[0]
        self._note = note
        """What stands at the right end."""
        self._noted = ""

    def show(self, name: str) -> None:
        self.active = name
        self.refresh()

    def next(self, by: int = 1) -> str:
        """The part after the active one, or before it (-1)."""
        return self.names[(self.names.index(self.active) + by) % len(self.names)]

    def update(self) -> None:
        if self._note() != self._noted:
            self.refresh()

    def lines(self, width: int, height: int) -> list[Text]:
        parts = [
            Text(f"[{name}]", self.theme.text)
            if name == self.active
            else Text(f" {name} ", self.theme.dim)
            for name in self.names
        ]
        self._noted = self._note()
        room = width - sum(part.cell_len for part in parts) - 1
        style = self.theme.faint if self._noted else ""
        note = Text(fitted(f"{self._noted} ", room, "right"), style)
        return [joined(" ", *parts, note)]

    def on_click(self, event: events.Click) -> None:
        end = 1
        for name in self.names:
            end += cell_len(name) + 2
            if event.x < end:
                self.post_message(self.TabClicked(name))
                return
