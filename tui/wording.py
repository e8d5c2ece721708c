"""Numbers and times as a person reads them in few cells; lines of fixed columns.

Everything becomes a `Text`: what comes from data is never read as markup.
"""

import math
from typing import Literal

from rich.cells import cell_len, set_cell_size
from rich.text import Text

NOTHING = "–"

Align = Literal["left", "right"]
Cells = tuple[tuple[str, str], ...]
"""A line as texts with their styles: quick to make and to compare."""


def dice(value: float, digits: int = 4) -> str:
    """A Dice without its leading zero: `.9672`, `1.000`, `–` for none."""
    if not math.isfinite(value):
        return NOTHING
    text = f"{value:.{digits}f}"
    return text[1:] if text.startswith("0") else text[:-1]


def span(seconds: float) -> str:
    """A length of time in at most four cells: `42s`, `38m`, `5h`, `3d`; `–` for none."""
    if not math.isfinite(seconds):
        return NOTHING
    if seconds < 99.5:
        return f"{max(0, round(seconds))}s"
    for unit, size, limit in (("m", 60, 99.5), ("h", 3600, 47.5)):
        if seconds / size < limit:
            return f"{round(seconds / size)}{unit}"
    return f"{round(seconds / 86400)}d"


def change(value: float, digits: int = 3) -> str:
    """A difference of Dice with its sign: `+.003`, `−.021`, ` .000`, `–` for none."""
    if not math.isfinite(value):
        return NOTHING
    text = dice(abs(value), digits)
    if not float(text):
        return f" {text}"
    return ("+" if value > 0 else "−") + text


def amount(size: float) -> str:
    """A number of bytes: `29.1 GB`."""
    for unit, bytes_ in (("GB", 1e9), ("MB", 1e6)):
        if size >= bytes_:
            return f"{size / bytes_:.3g} {unit}"
    return f"{size / 1e3:.0f} kB"


def quantity(value: float) -> str:
    """A logged value in three significant digits."""
    if not math.isfinite(value):
        return NOTHING
    text = f"{value:.3g}"
    return text[1:] if text.startswith("0.") else text


def count(value: float) -> str:
    """A whole number with thin groups: `48 212`."""
    return f"{round(value):,}".replace(",", " ")


def one_line(text: str) -> str:
    """Text of data without line ends, tabs and other control characters."""
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else "·" for sign in text)


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
    """A line across the width with a title in it."""
    start = f"─ {one_line(title)} " if title else ""
    return cell(start + "─" * max(0, width - cell_len(start)), width, style)
