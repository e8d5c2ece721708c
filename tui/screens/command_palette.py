"""The palette of commands: type a part of what you want, enter does it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input

from handseg.runs.summary import RunSummary
from tui.keys import KEYS, Key
from tui.order import RUN_KEYS
from tui.registry import SCREENS
from tui.theme import THEMES
from tui.widgets.table import DataTable, TableColumn

KEY = 8
MOST = 200
"""Lines that are listed: more are not looked through."""
UNLISTED = ("app.palette", "step_out", "focus_next", "show(")
"""Actions that are of no use in the palette, or are offered in better words."""


@dataclass(frozen=True)
class Command:
    """Something to do: in words, with the key that does it too, and how."""

    title: str
    key: str
    do: Callable[[], object]


Do = Callable[[str, str], Callable[[], object]]
"""Makes what carries out an action of a place."""


def key_commands(places: Iterable[str], do: Do, *, writes: bool) -> list[Command]:
    return [
        Command(title_of(key), key.shown, do(key.place, key.action))
        for place in places
        for key in KEYS
        if key.place == place
        and key.action
        and (writes or not key.writes)
        and not any(unlisted in key.action for unlisted in UNLISTED)
    ]


def title_of(key: Key) -> str:
    return key.means if key.label in key.means else f"{key.label}: {key.means}"


def app_commands(do: Do) -> list[Command]:
    """Screens, orders, themes and the bell."""
    offered = [
        *((f"screen {one.title}", one.key, f"show('{name}')") for name, one in SCREENS.items()),
        *((f"sort by {key.title}", "", f"order('{name}')") for name, key in RUN_KEYS.items()),
        *((f"theme {name}", "", f"theme('{name}')") for name in THEMES),
        ("bell with each notice: on, off", "", "ring"),
    ]
    return [
        Command(title, key, do("everywhere", f"app.{action}")) for title, key, action in offered
    ]


def run_commands(runs: Sequence[RunSummary], go: Callable[[str], object]) -> list[Command]:
    return [Command(f"run {run.name}", "", partial(go, run.name)) for run in runs]


def matching(commands: Sequence[Command], text: str) -> list[Command]:
    """The commands that hold all words of the text; those that begin with it first."""
    words = text.lower().split()
    found = [command for command in commands if all(w in command.title.lower() for w in words)]
    start = " ".join(words)
    return sorted(found, key=lambda command: not command.title.lower().startswith(start))


class CommandTable(DataTable[Command]):
    """Commands in words, their keys at the right."""

    @property
    def columns(self) -> Sequence[TableColumn[Command]]:
        return columns_for(max(1, self.text_width - KEY - 1))


@lru_cache(maxsize=4)
def columns_for(title: int) -> Sequence[TableColumn[Command]]:
    return (
        TableColumn(title, lambda command, width, theme: (f" {command.title}", theme.text)),
        TableColumn(KEY, lambda command, width, theme: (command.key, theme.accent), align="right"),
    )


class CommandPalette(ModalScreen[Command | None]):
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
        self._table = CommandTable()
        self._table.can_focus = False

    def compose(self) -> ComposeResult:
        """A box over the screen that was there."""
        with Vertical(id="palette"):
            yield Input(placeholder="a command, a screen, a run", compact=True)
            yield self._table

    def on_mount(self) -> None:
        self.query_one(Input).focus()
        self.call_after_refresh(self._list, "")

    @on(Input.Changed)
    def narrow_down(self, event: Input.Changed) -> None:
        event.stop()
        self._list(event.value)

    def _list(self, text: str) -> None:
        self._found = matching(self._commands, text)[:MOST]
        self._table.show({str(at): command for at, command in enumerate(self._found)}, "0")

    @on(Input.Submitted)
    def dismiss_with_cursor(self) -> None:
        at = int(self._table.cursor or 0)
        if self.is_current:  # a second enter may have been on its way
            self.dismiss(self._found[at] if at < len(self._found) else None)

    @on(DataTable.RowSelected)
    @on(DataTable.RowClicked)
    def dismiss_with_clicked(self, event: DataTable.RowEvent) -> None:
        event.stop()
        if self.is_current:
            self.dismiss(self._found[int(event.key)])

    def action_leave(self) -> None:
        if self.is_current:
            self.dismiss(None)

    def action_move(self, by: int) -> None:
        self._table.action_move(by)

    def action_page(self, by: int) -> None:
        self._table.action_page(by)
