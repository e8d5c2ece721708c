"""Text made to a width in cells, and widgets that draw a few lines of it.

Everything becomes a `Text`: what comes from data is never read as markup.
"""

import math
from itertools import zip_longest
from typing import Literal

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget

from handseg.text import MOVED, NONE, difference_text, one_line
from tui.theme import Theme, theme_of

TAIL = 5
"""Of a name that is shortened, what always stays at its end."""
DICE_TREND = 0.02
"""What a trend of Dice is high: the noise of a trained model must not look like a collapse."""

Align = Literal["left", "right"]


def difference(value: float, theme: Theme) -> tuple[str, str]:
    """A difference of Dice, ` .000` or `▲+.003`, and its colour; marked if it is not small."""
    text = difference_text(value, 3)
    if not math.isfinite(value) or abs(value) <= MOVED:
        return f" {text}" if text.startswith(".") else text, theme.dim
    return ("▲", "▼")[value < 0] + text, theme.good if value > 0 else theme.bad


def quantity(value: float) -> str:
    """A logged value in three significant digits."""
    if not math.isfinite(value):
        return NONE
    text = f"{value:.3g}"
    return text[1:] if text.startswith("0.") else text


def count(value: float) -> str:
    """A whole number with thin groups: `48 212`."""
    return f"{round(value):,}".replace(",", " ")


def without_middle(name: str, width: int) -> str:
    """A name that is too long loses its middle: its number tells it from others."""
    if len(name) <= width or width <= TAIL + 1:
        return name
    return f"{name[: width - TAIL - 1]}…{name[-TAIL:]}"


def fitted(text: str, width: int, align: Align = "left") -> str:
    """Text made exactly `width` cells long; what is too long ends in `…`."""
    text = one_line(text)
    if width < 1:
        return ""
    if cell_len(text) > width:
        text = set_cell_size(text, width - 1) + "…"
    blank = " " * (width - cell_len(text))
    return blank + text if align == "right" else text + blank


def cell(text: str, width: int, style: str = "", align: Align = "left") -> Text:
    """Text in a column of exactly `width` cells; what is too long ends in `…`."""
    return Text(fitted(text, width, align), style)


def joined(*parts: Text | str) -> Text:
    """Parts side by side; a plain string has no style."""
    return Text.assemble(*parts, no_wrap=True, overflow="crop", end="")


def cut(text: Text, width: int) -> Text:
    """The same line, at most so wide; what is too long ends in `…`."""
    text.truncate(max(1, width), overflow="ellipsis")
    return text


def rule(title: str, width: int, style: str) -> Text:
    start = f"─ {one_line(title)} " if title else ""
    return cell(start + "─" * max(0, width - cell_len(start)), width, style)


def segments_of(widget: Widget, text: Text, ground: Style | None = None) -> list[Segment]:
    """A line as Rich renders it, on a ground."""
    console = widget.app.console  # pyright: ignore[reportUnknownMemberType]
    found = text.render(console)
    return list(found if ground is None else Segment.apply_style(found, ground))


def strip_of(widget: Widget, line: Text | list[Segment], ground: Style) -> Strip:
    segments = segments_of(widget, line, ground) if isinstance(line, Text) else line
    return Strip(segments).adjust_cell_length(widget.size.width, ground)


class Lines(Widget):
    """Draws what `lines` gives for the present size."""

    @property
    def theme(self) -> Theme:
        return theme_of(self)

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


class UpdatedLines(Lines):
    """Lines of which `update` draws those again that changed: for what changes each second."""

    drawn: tuple[Text, ...] = ()
    _drawn_for: tuple[Size, str] | None = None

    def update(self) -> None:
        """What the lines say may have changed."""
        before, drawn_for = self.drawn, self._drawn_for
        self._make()
        if drawn_for != self._drawn_for:
            self.refresh()
            return
        for y, (old, new) in enumerate(zip_longest(before, self.drawn)):
            if old != new:
                self.refresh(Region(0, y, self.size.width, 1))

    def _make(self) -> None:
        self._drawn_for = (self.size, self.theme.name)
        self.drawn = tuple(self.lines(*self.size)) if self.size.area else ()

    def render_line(self, y: int) -> Strip:
        if self._drawn_for != (self.size, self.theme.name):
            self._make()
        if y >= len(self.drawn):
            return Strip.blank(self.size.width, self.rich_style)
        return strip_of(self, self.drawn[y], self.rich_style)
