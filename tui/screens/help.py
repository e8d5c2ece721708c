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

from tui import palette
from tui.keys import HEADS, Key, Place, help_page
from tui.screens.page import Page
from tui.wording import cell, joined, one_line


class HelpScreen(ModalScreen[None]):
    """All keys, made from the one table."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark", "dismiss", "close", show=False),
        Binding("q", "app.quit", "quit", show=False),
    ]

    def __init__(self, here: Iterable[Place] = (), *, writes: bool = True) -> None:
        super().__init__()
        self._here, self._writes = tuple(here), writes

    def compose(self) -> ComposeResult:
        """A box over the screen that was there."""
        with VerticalScroll(id="help") as box:
            box.border_subtitle = "esc closes this page"
            yield Static(help_text(self._here, writes=self._writes))


def help_text(here: Iterable[Place] = (), *, writes: bool = True) -> Text:
    """The keys in groups, those that count here first."""
    found: list[Text] = []
    for place, keys in help_page(here, writes=writes):
        found.append(Text(HEADS[place], f"bold {palette.ACCENT}"))
        found += [entry(key) for key in keys]
        found.append(Text(""))
    found.append(signs())
    return Text("\n").join(found)


def entry(key: Key) -> Text:
    return joined(cell(f"  {key.shown}", 10, palette.TEXT), Text(key.means, palette.DIM))


def signs() -> Text:
    """What the signs of the states mean."""
    parts: list[Text] = []
    for state, (sign, colour) in palette.SIGNS.items():
        parts += [Text(f"{sign} ", colour), Text(f"{state}  ", palette.DIM)]
    return Text.assemble(*parts)


class WelcomeScreen(Page):
    """Neither runs nor data: how to begin."""

    def body(self) -> Iterable[Widget]:
        yield Static(self._text(), id="welcome")

    def _text(self) -> Text:
        looked = [one_line(str(self.state.runs_folder)) + "   (--runs DIR)"]
        if self.state.data_folder is not None:
            looked.append(one_line(str(self.state.data_folder)) + "   (--data DIR)")
        lines = [
            Text("There are no runs and no data set here yet.", "bold"),
            *(Text(f"  looked in {place}", palette.DIM) for place in looked),
            Text(""),
            Text("Begin with one of these, in another terminal:"),
            Text(""),
            command("handseg demo", "synthetic hands, three models, a vote: a few minutes"),
            command("handseg train recipes/segformer.toml", "trains on your data set"),
            command("handseg tui --demo", "this dashboard with made-up runs, at once"),
            Text(""),
            Text("What they write appears here by itself.", palette.DIM),
        ]
        return Text("\n").join(lines)


def command(line: str, means: str) -> Text:
    return Text.assemble((f"  {line}", palette.ACCENT), "\n", (f"      {means}", palette.DIM))
