"""The page of keys, and the page for someone who has nothing yet."""

from collections.abc import Iterable
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Static

from handseg.text import one_line
from tui.keys import HEADS, Key, help_page
from tui.screens.dashboard_screen import DashboardScreen
from tui.theme import Theme, theme_of
from tui.widgets.lines import cell, joined


class HelpScreen(ModalScreen[None]):
    """All keys, made from the one table."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark", "dismiss", "close", show=False),
        Binding("q", "app.quit", "quit", show=False),
    ]

    def __init__(self, here: Iterable[str] = (), *, writes: bool = True) -> None:
        super().__init__()
        self._here, self._writes = tuple(here), writes

    def compose(self) -> ComposeResult:
        """A box over the screen that was there."""
        with VerticalScroll(id="help") as box:
            box.border_subtitle = "esc closes this page"
            yield Static(help_text(theme_of(self), self._here, writes=self._writes))


def help_text(theme: Theme, here: Iterable[str] = (), *, writes: bool = True) -> Text:
    """The keys in groups, those that count here first."""
    found: list[Text] = []
    for place, keys in help_page(here, writes=writes):
        found.append(Text(HEADS[place], f"bold {theme.accent}"))
        found += [entry(key, theme) for key in keys]
        found.append(Text(""))
    found.append(signs(theme))
    return Text("\n").join(found)


def entry(key: Key, theme: Theme) -> Text:
    return joined(cell(f"  {key.shown}", 10, theme.text), Text(key.means, theme.dim))


def signs(theme: Theme) -> Text:
    """What the signs of the states mean."""
    parts: list[Text] = []
    for state, (sign, colour) in theme.signs.items():
        parts += [Text(f"{sign} ", colour), Text(f"{state}  ", theme.dim)]
    return Text.assemble(*parts)


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
