"""A drawing of curves as lines of cells: axes, ticks, cursor, legend."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from rich.segment import Segment
from rich.style import Style
from rich.text import Text

from handseg.view import ticks
from handseg.view.braille import BLANK
from handseg.view.curves import NOBODY, Drawing, Frame, Line
from tui import palette
from tui.widgets.run_columns import run_name
from tui.wording import joined, one_line

AXIS = 7
"""Cells left of the curves: a number and the axis."""
GHOST, CURSOR = "·", "│"
LEAST_ENTRY = 18
"""Cells of a run in the legend."""


@dataclass(frozen=True)
class Layout:
    """What a chart of some size has room for."""

    width: int
    height: int

    @property
    def plot(self) -> tuple[int, int]:
        """Width and height of the curves in cells."""
        below = self.legend + self.numbers + self.line
        return max(0, self.width - AXIS), max(0, self.height - 1 - below)

    @property
    def legend(self) -> bool:
        """Whether the runs are named below."""
        return self.height >= 6

    @property
    def numbers(self) -> bool:
        """Whether the axis below has numbers."""
        return self.height >= 4

    @property
    def line(self) -> bool:
        """Whether it has a line with ticks."""
        return self.height >= 9


@dataclass(frozen=True)
class Look:
    """What a drawing does not know: a colour for each curve, ghost and cursor."""

    colours: Sequence[str]
    ground: Style = field(default_factory=Style)
    ghost: float | None = None
    """A value at which a faint line lies."""
    cursor: int | None = None
    """A column of cells."""


class Entry(NamedTuple):
    """A curve as the legend names it."""

    sign: str
    name: str
    colour: str
    line: Line


def plot_lines(drawing: Drawing, frame: Frame, look: Look) -> list[list[Segment]]:
    """The curves with the axis at their left."""
    numbers = y_numbers(drawing, frame.height)
    ghost = -1 if look.ghost is None else math.floor(drawing.row_of(look.ghost))
    found: list[list[Segment]] = []
    for row in range(frame.height):
        number = numbers.get(row, "")
        text = number.rjust(AXIS - 1)[: AXIS - 1]
        start = [
            Segment(text, _style(palette.DIM, None, look.ground)),
            Segment("┤" if number else "│", _style(palette.FAINT, None, look.ground)),
        ]
        found.append([*start, *_row(drawing, row, look, row == ghost)])
    return found


def y_numbers(drawing: Drawing, height: int) -> dict[int, str]:
    """The number at each row that has one."""
    most = min(8, max(1, height // 3))
    marks = (ticks.log_ticks if drawing.logarithmic else ticks.ticks)(*drawing.y, most)
    rows = [min(height - 1, max(0, math.floor(drawing.row_of(mark)))) for mark in marks]
    return dict(zip(rows, ticks.labels(marks), strict=True))


def _row(drawing: Drawing, row: int, look: Look, has_ghost: bool) -> list[Segment]:
    """The cells of one row; neighbours that look the same are one segment."""
    bands = drawing.band[row].tolist()
    found: list[Segment] = []
    text, before = "", ("", False)
    for column, (sign, colour) in enumerate(_signs(drawing, row, look, has_ghost)):
        key = (colour, bands[column])
        if key != before and text:
            found.append(_segment(text, before, look.ground))
            text = ""
        text, before = text + sign, key
    return [*found, _segment(text, before, look.ground)]


def _signs(drawing: Drawing, row: int, look: Look, has_ghost: bool) -> Iterable[tuple[str, str]]:
    """The sign of each cell of a row, and its colour."""
    arrow, beyond = _edge(drawing, row)
    colours = list(look.colours)
    cells = zip(drawing.codes[row].tolist(), drawing.owner[row].tolist(), strict=True)
    for column, (code, owner) in enumerate(cells):
        if beyond and beyond[column]:
            yield arrow, colours[beyond[column] - 1]
        elif owner != NOBODY:
            yield chr(BLANK + code), colours[owner]
        elif column == look.cursor:
            yield CURSOR, palette.DIM
        elif has_ghost and column % 2:
            yield GHOST, palette.DIM
        else:
            yield " ", ""


def _edge(drawing: Drawing, row: int) -> tuple[str, list[int]]:
    """The sign of curves that run out of the picture at this row, and whose they are."""
    if row == 0:
        return "▲", drawing.clipped[0].tolist()
    if row == drawing.codes.shape[0] - 1:
        return "▼", drawing.clipped[1].tolist()
    return "", []


def _segment(text: str, key: tuple[str, bool], ground: Style) -> Segment:
    colour, band = key
    return Segment(text, _style(colour, palette.LINE if band else None, ground))


@lru_cache(maxsize=1024)
def _style(colour: str, back: str | None, ground: Style) -> Style:
    return ground + Style(color=colour or None, bgcolor=back)


def x_line(frame: Frame, look: Look) -> Text:
    """The axis below, with its ticks."""
    places = {column for column, _ in _x_ticks(frame)}
    signs = ["┬" if column in places else "─" for column in range(frame.width)]
    if look.cursor is not None and look.cursor < frame.width:
        signs[look.cursor] = "┴"
    return Text(" " * (AXIS - 1) + "└" + "".join(signs), palette.FAINT, no_wrap=True, end="")


def x_numbers(frame: Frame, axis: str, cursor: int | None) -> Text:
    """The numbers of the axis, its name at the right, and the place of the cursor as `52▲`."""
    width = AXIS + frame.width
    row, start, mark = [" "] * width, 0, ""
    if cursor is not None:
        mark = x_label(frame.place_of(2 * cursor + 0.5), frame) + "▲"
        start = max(0, AXIS + cursor - len(mark) + 1)
        _put(row, start, mark)
    _put(row, width - len(axis), axis)
    for column, number in _x_ticks(frame):
        _put(row, AXIS + column - (len(number) - 1) // 2, number)
    text = Text("".join(row), palette.DIM, no_wrap=True, end="")
    text.stylize(palette.TEXT, start, start + len(mark))
    return text


def _put(row: list[str], start: int, word: str) -> None:
    """Write a word where there is room, a blank kept on either side."""
    around = row[max(0, start - 1) : start + len(word) + 1]
    if start >= 0 and start + len(word) <= len(row) and not "".join(around).strip():
        row[start : start + len(word)] = list(word)


def _x_ticks(frame: Frame) -> list[tuple[int, str]]:
    """The column of each tick and its number."""
    marks = ticks.ticks(*frame.x, max(2, min(12, frame.width // 10)))
    columns = [min(frame.width - 1, max(0, round(frame.column_of(mark) / 2))) for mark in marks]
    return list(zip(columns, ticks.labels(marks), strict=True))


def x_label(place: float, frame: Frame) -> str:
    """A place as exactly as a column tells it."""
    step = (frame.x[1] - frame.x[0]) / max(1, frame.columns)
    digits = 0 if step <= 0 else min(4, max(0, -math.floor(math.log10(step) + 0.3)))
    return f"{place:,.{digits}f}".replace(",", " ")


def legend(entries: Sequence[Entry], read: Sequence[str], place: str, width: int) -> Text:
    """Sign, name and value of each curve, then the place; names give way where it is narrow.

    Curves that do not fit are counted.
    """
    room = width - len(place) - 1
    shown = max(1, min(len(entries), room // LEAST_ENTRY))
    more = f" +{len(entries) - shown}" if shown < len(entries) else ""
    each = (room - len(more)) // shown
    parts: list[Text] = []
    for entry, value in list(zip(entries, read, strict=True))[:shown]:
        most = max(1, each - len(value) - 5)
        parts += [
            Text(f" {entry.sign} ", entry.colour),
            Text(run_name(one_line(entry.name), most), palette.TEXT),
            Text(f" {value} ", f"bold {palette.TEXT}"),
        ]
    return joined(*parts, Text(more, palette.DIM), Text(f" {place}", palette.DIM))
