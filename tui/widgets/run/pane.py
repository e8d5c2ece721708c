"""A titled part of the Run screen with a list in it."""

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.events import DescendantBlur, DescendantFocus
from textual.widget import Widget

from tui import palette
from tui.widgets.lines import Lines
from tui.widgets.sheet import Sheet
from tui.wording import rule


class PaneTitle(Lines):
    """A thin line with a title in it, bright where the keys go."""

    def __init__(self) -> None:
        super().__init__()
        self._title = ""
        self._lit = False

    def show(self, title: str, lit: bool) -> None:
        """Show another title, if it is another."""
        if (title, lit) != (self._title, self._lit):
            self._title, self._lit = title, lit
            self.refresh()

    def lines(self, width: int, height: int) -> list[Text]:
        return [rule(self._title, width, palette.ACCENT if self._lit else palette.FAINT)]


class Pane(Vertical):
    """A list below its title."""

    def __init__(self, name: str, sheet: Sheet, *more: Widget) -> None:
        super().__init__(id=name)
        self.sheet = sheet
        self._more = more
        self._line = PaneTitle()
        self._text = name

    def compose(self) -> ComposeResult:
        """Title, list, and what belongs to it."""
        yield self._line
        yield self.sheet
        yield from self._more

    def entitle(self, text: str) -> None:
        self._text = text
        self._line.show(text, self.has_focus_within)

    @on(DescendantFocus)
    @on(DescendantBlur)
    def light(self) -> None:
        self.call_after_refresh(lambda: self._line.show(self._text, self.has_focus_within))
