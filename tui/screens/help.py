"""Pages of text: the keys, what happened to the runs, and how to begin without any."""

import time
from collections.abc import Iterable, Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Static

from handseg.text import one_line
from tui.keys import HEADS, help_page
from tui.notifications import Notification
from tui.screens.dashboard_screen import DashboardScreen
from tui.theme import Theme, theme_of
from tui.widgets.lines import cell, joined


class TextScreen(ModalScreen[None]):
    """Lines of text in a box over the screen that was there."""

    BOX: ClassVar[str]
    """The id of the box."""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "dismiss", "close", show=False),
    ]

    def lines(self, theme: Theme) -> Iterable[Text]:
        raise NotImplementedError

    def compose(self) -> ComposeResult:
        with VerticalScroll(id=self.BOX) as box:
            box.border_subtitle = "esc closes this page"
            yield Static(Text("\n").join(self.lines(theme_of(self))))


class HelpScreen(TextScreen):
    """All keys, made from the one table, those that count here first; the signs of the states."""

    BOX: ClassVar[str] = "help"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark", "dismiss", "close", show=False)
    ]

    def __init__(self, here: Iterable[str] = (), *, writes: bool = True) -> None:
        super().__init__()
        self._groups = help_page(here, writes=writes)

    def lines(self, theme: Theme) -> Iterable[Text]:
        for place, keys in self._groups:
            yield Text(HEADS[place], f"bold {theme.accent}")
            for key in keys:
                shown = cell(f"  {key.shown}", 10, theme.text)
                yield joined(shown, Text(key.means, theme.dim))
            yield Text("")
        signs = [
            joined(Text(f"{sign} ", colour), Text(f"{state}  ", theme.dim))
            for state, (sign, colour) in theme.signs.items()
        ]
        yield joined(*signs)


class NotificationsScreen(TextScreen):
    """All notifications, the newest first."""

    BOX: ClassVar[str] = "notifications"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("exclamation_mark", "dismiss", "close", show=False)
    ]

    def __init__(self, notifications: Sequence[Notification]) -> None:
        super().__init__()
        self._notifications = tuple(notifications)

    def lines(self, theme: Theme) -> Iterable[Text]:
        """When, which run, what."""
        if not self._notifications:
            nothing = "No run has ended, died or beaten all others since you came."
            yield Text(nothing, theme.dim)
        for one in reversed(self._notifications):
            sign, colour = theme.signs[one.state]
            yield Text.assemble(
                (time.strftime("%H:%M:%S", time.localtime(one.time)), theme.dim),
                (f"  {sign} ", colour),
                (one_line(one.run), theme.text),
                f"  {one_line(one.text)}",
            )


class WelcomeScreen(DashboardScreen):
    """Neither runs nor data: how to begin."""

    def body(self) -> Iterable[Widget]:
        yield Static(self._text(), id="welcome")

    def _text(self) -> Text:
        theme = theme_of(self)
        looked = [one_line(str(self.state.runs_folder)) + "   (--runs DIR)"]
        if self.state.data_folder is not None:
            looked.append(one_line(str(self.state.data_folder)) + "   (--data DIR)")
        lines = [
            Text("There are no runs and no data set here yet.", "bold"),
            *(Text(f"  looked in {place}", theme.dim) for place in looked),
            Text(""),
            Text("Begin with one of these, in another terminal:"),
            Text(""),
            command(theme, "handseg demo", "synthetic hands, three models, a vote: a few minutes"),
            command(theme, "handseg train recipes/segformer.toml", "trains on your data set"),
            command(theme, "handseg tui --demo", "this dashboard with made-up runs, at once"),
            Text(""),
            Text("What they write appears here by itself.", theme.dim),
        ]
        return Text("\n").join(lines)


def command(theme: Theme, line: str, means: str) -> Text:
    return Text.assemble((f"  {line}", theme.accent), "\n", (f"      {means}", theme.dim))
