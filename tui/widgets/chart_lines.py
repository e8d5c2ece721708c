"""A drawing of curves as lines of cells: axes, ticks, cursor, legend."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.segment import Segment
from rich.style import Style
from rich.text import Text

from handseg.text import one_line
from handseg.view import ticks
from handseg.view.curves import BLANK, NO_CURVE, CurveLine, CurveRaster, Viewport
from tui.theme import Theme
from tui.widgets.lines import joined, without_middle

AXIS = 7
"""Cells left of the curves: a number and the axis."""
GHOST, CURSOR = "·", "│"
FAINT = -2
"""The owner of a cell in which the ghost or the cursor is seen; below `NO_CURVE`."""
LEAST_ENTRY = 18
"""Cells of a run in the legend."""


@dataclass(frozen=True)
class ChartLayout:
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
        return self.height >= 6

    @property
    def numbers(self) -> bool:
        return self.height >= 4

    @property
    def line(self) -> bool:
        return self.height >= 9


@dataclass(frozen=True)
class ChartStyle:
    """What a drawing does not know: a colour for each curve, ghost and cursor."""

    theme: Theme
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
    line: CurveLine


def plot_lines(drawing: CurveRaster, frame: Viewport, look: ChartStyle) -> list[list[Segment]]:
    """The curves with the axis at their left."""
    numbers = y_numbers(drawing, frame.height)
    ghost = -1 if look.ghost is None else math.floor(drawing.row_of(look.ghost))
    found: list[list[Segment]] = []
    signs, whose = _cells(drawing, look, ghost)
    keys = 2 * whose + drawing.band
    for row in range(frame.height):
        number = numbers.get(row, "")
        text = number.rjust(AXIS - 1)[: AXIS - 1]
        start = [
            Segment(text, _style(look.theme.dim, None, look.ground)),
            Segment("┤" if number else "│", _style(look.theme.faint, None, look.ground)),
        ]
        found.append([*start, *_row(signs[row], keys[row], look)])
    return found


def y_numbers(drawing: CurveRaster, height: int) -> dict[int, str]:
    """The number at each row that has one."""
    most = min(8, max(1, height // 3))
    marks = (ticks.log_ticks if drawing.logarithmic else ticks.ticks)(*drawing.y, most)
    rows = [min(height - 1, max(0, math.floor(drawing.row_of(mark)))) for mark in marks]
    return dict(zip(rows, ticks.labels(marks), strict=True))


def _row(signs: NDArray[np.uint16], keys: NDArray[np.int16], look: ChartStyle) -> list[Segment]:
    """The cells of one row; neighbours that look the same are one segment."""
    text = signs.astype("<u2").tobytes().decode("utf-16-le")
    starts = [0, *(np.flatnonzero(np.diff(keys)) + 1).tolist()]
    colours = [look.theme.dim, "", *look.colours]
    found: list[Segment] = []
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        owner, band = divmod(int(keys[start]), 2)
        back = look.theme.line if band else None
        style = _style(colours[owner - FAINT], back, look.ground)
        found.append(Segment(text[start:end], style))
    return found


def _cells(
    drawing: CurveRaster, look: ChartStyle, ghost: int
) -> tuple[NDArray[np.uint16], NDArray[np.int16]]:
    """The sign of each cell [h, w], and whose it is; `FAINT` is the cursor's and the ghost's."""
    whose, free = drawing.owner.copy(), drawing.owner == NO_CURVE
    signs = np.where(free, np.uint16(ord(" ")), BLANK + drawing.codes.astype(np.uint16))
    if 0 <= ghost < len(signs):
        _put_signs(signs, whose, (ghost, slice(1, None, 2)), free, GHOST)
    if look.cursor is not None and 0 <= look.cursor < signs.shape[1]:
        _put_signs(signs, whose, (slice(None), look.cursor), free, CURSOR)
    for row, arrow, beyond in ((-1, "▼", drawing.clipped[1]), (0, "▲", drawing.clipped[0])):
        signs[row][beyond > 0] = ord(arrow)
        whose[row][beyond > 0] = beyond[beyond > 0].astype(np.int16) - 1
    return signs, whose


def _put_signs(
    signs: NDArray[np.uint16],
    whose: NDArray[np.int16],
    at: tuple[int | slice, int | slice],
    free: NDArray[np.bool_],
    sign: str,
) -> None:
    signs[at] = np.where(free[at], np.uint16(ord(sign)), signs[at])
    whose[at] = np.where(free[at], np.int16(FAINT), whose[at])


@lru_cache(maxsize=1024)
def _style(colour: str, back: str | None, ground: Style) -> Style:
    return ground + Style(color=colour or None, bgcolor=back)


def x_line(frame: Viewport, look: ChartStyle) -> Text:
    """The axis below, with its ticks."""
    places = {column for column, _ in _x_ticks(frame)}
    signs = ["┬" if column in places else "─" for column in range(frame.width)]
    if look.cursor is not None and look.cursor < frame.width:
        signs[look.cursor] = "┴"
    return Text(" " * (AXIS - 1) + "└" + "".join(signs), look.theme.faint, no_wrap=True, end="")


def x_numbers(frame: Viewport, axis: str, look: ChartStyle) -> Text:
    """The numbers of the axis, its name at the right, and the place of the cursor as `52▲`."""
    width, cursor = AXIS + frame.width, look.cursor
    row, start, mark = [" "] * width, 0, ""
    if cursor is not None:
        mark = x_label(frame.place_of(2 * cursor + 0.5), frame, axis) + "▲"
        start = max(0, AXIS + cursor - len(mark) + 1)
        _put(row, start, mark)
    _put(row, width - len(axis), axis)
    for column, number in _x_ticks(frame):
        _put(row, AXIS + column - (len(number) - 1) // 2, number)
    text = Text("".join(row), look.theme.dim, no_wrap=True, end="")
    text.stylize(look.theme.text, start, start + len(mark))
    return text


def _put(row: list[str], start: int, word: str) -> None:
    """Write a word where there is room, a blank kept on either side."""
    around = row[max(0, start - 1) : start + len(word) + 1]
    if start >= 0 and start + len(word) <= len(row) and not "".join(around).strip():
        row[start : start + len(word)] = list(word)


def _x_ticks(frame: Viewport) -> list[tuple[int, str]]:
    """The column of each tick and its number."""
    marks = ticks.ticks(*frame.x, max(2, min(12, frame.width // 10)))
    columns = [min(frame.width - 1, max(0, round(frame.column_of(mark) / 2))) for mark in marks]
    return list(zip(columns, ticks.labels(marks), strict=True))


def x_label(place: float, frame: Viewport, axis: str) -> str:
    """A place as exactly as a column tells it; there are no halves of steps."""
    step = (frame.x[1] - frame.x[0]) / max(1, frame.columns)
    digits = (
        0 if step <= 0 or axis == "step" else min(4, max(0, -math.floor(math.log10(step) + 0.3)))
    )
    return f"{place:,.{digits}f}".replace(",", " ")


def legend(
    entries: Sequence[Entry], read: Sequence[str], place: str, width: int, theme: Theme
) -> Text:
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
            Text(without_middle(one_line(entry.name), most), theme.text),
            Text(f" {value} ", f"bold {theme.text}"),
        ]
    return joined(*parts, Text(more, theme.dim), Text(f" {place}", theme.dim))
