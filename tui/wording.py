"""Numbers and times as a person reads them in few cells; lines of fixed columns.

Everything becomes a `Text`: what comes from data is never read as markup.
"""

import math
from typing import Literal

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from handseg.text import NONE, dice_text, difference_text, one_line, short_duration

NOTHING = NONE

TAIL = 5
"""Of a name that is shortened, what always stays at its end."""

Align = Literal["left", "right"]
Cells = tuple[tuple[str, str], ...]
"""A line as texts with their styles: quick to make and to compare."""


dice = dice_text
"""A Dice without its leading zero."""
span = short_duration
"""A length of time in at most four cells."""


def change(value: float, digits: int = 3) -> str:
    """A difference of Dice with its sign: `+.003`, `−.021`, ` .000`, `–` for none."""
    text = difference_text(value, digits)
    return f" {text}" if text.startswith(".") else text


def quantity(value: float) -> str:
    """A logged value in three significant digits."""
    if not math.isfinite(value):
        return NOTHING
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


def rule(title: str, width: int, style: str) -> Text:
    start = f"─ {one_line(title)} " if title else ""
    return cell(start + "─" * max(0, width - cell_len(start)), width, style)
