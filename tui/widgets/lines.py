"""Widgets that draw a few lines of text made to their size."""

from itertools import zip_longest

from rich.segment import Segment
from rich.text import Text
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget

from tui import palette


class Lines(Widget):
    """Draws what `lines` gives for the present size."""

    def lines(self, width: int, height: int) -> list[Text]:
        """The lines to draw, from the top; those that do not fit are cut off."""
        raise NotImplementedError

    def render(self) -> Text:
        """The lines as one text, never wrapped."""
        width, height = self.size
        found = self.lines(width, height) if width > 0 and height > 0 else []
        text = Text("\n", no_wrap=True, overflow="crop", end="").join(found[:height])
        text.no_wrap, text.overflow = True, "crop"
        return text


class KeptLines(Lines):
    """Lines of which `take` draws those again that changed: for what is told each second."""

    _told: tuple[Text, ...] = ()
    _told_for: tuple[Size, str] | None = None

    @property
    def told(self) -> tuple[Text, ...]:
        return self._told

    def take(self) -> None:
        """What it says may have changed."""
        before, kept_for = self._told, self._told_for
        self._tell()
        if kept_for != self._told_for:
            self.refresh()
            return
        for y, (old, new) in enumerate(zip_longest(before, self._told)):
            if old != new:
                self.refresh(Region(0, y, self.size.width, 1))

    def _tell(self) -> None:
        self._told_for = (self.size, palette.NAME)
        self._told = tuple(self.lines(*self.size)) if self.size.area else ()

    def render_line(self, y: int) -> Strip:
        """One line."""
        if self._told_for != (self.size, palette.NAME):
            self._tell()
        width, ground = self.size.width, self.rich_style
        if y >= len(self._told):
            return Strip.blank(width, ground)
        console = self.app.console  # pyright: ignore[reportUnknownMemberType]
        segments = Segment.apply_style(self._told[y].render(console), ground)
        return Strip(segments).adjust_cell_length(width, ground)
