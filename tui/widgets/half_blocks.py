"""A raster in half cells: two pixels a cell, the upper one its foreground."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

HALF = "▀"


class HalfBlocks(Widget):
    """Shows uint8[height, width, 3], in the middle of its place."""

    class Resized(Message):
        """The place has another size: another raster is wanted."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's word
        super().__init__(id=id)
        self._lines: list[list[Segment]] = []
        self._width = 0

    @property
    def room(self) -> tuple[int, int]:
        """Height and width in pixels that there is room for."""
        return 2 * self.size.height, self.size.width

    def show(self, raster: NDArray[np.uint8] | None) -> None:
        """Show another raster, or none."""
        self._lines = [] if raster is None else segments(raster)
        self._width = 0 if raster is None else raster.shape[1]
        self.refresh()

    def on_resize(self) -> None:
        self.post_message(self.Resized())

    def render_line(self, y: int) -> Strip:
        width, ground = self.size.width, self.rich_style
        index = y - max(0, (self.size.height - len(self._lines)) // 2)
        if not 0 <= index < len(self._lines):
            return Strip.blank(width, ground)
        left = max(0, (width - self._width) // 2)
        line = [Segment(" " * left, ground), *self._lines[index]]
        return Strip(line).adjust_cell_length(width, ground)


def segments(raster: NDArray[np.uint8]) -> list[list[Segment]]:
    """The lines of half blocks of a raster; neighbours of the same colours are one segment."""
    if raster.shape[0] % 2:
        raster = np.concatenate([raster, raster[-1:]])
    packed = raster.astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], np.uint32)
    return [_line(upper, lower) for upper, lower in zip(packed[::2], packed[1::2], strict=True)]


def _line(upper: NDArray[np.uint32], lower: NDArray[np.uint32]) -> list[Segment]:
    changes = np.flatnonzero((np.diff(upper) != 0) | (np.diff(lower) != 0)) + 1
    starts = [0, *(int(place) for place in changes)]
    ends = [*starts[1:], len(upper)]
    return [
        Segment(HALF * (end - start), _style(int(upper[start]), int(lower[start])))
        for start, end in zip(starts, ends, strict=True)
    ]


@lru_cache(maxsize=65536)
def _style(upper: int, lower: int) -> Style:
    return Style(color=_colour(upper), bgcolor=_colour(lower))


@lru_cache(maxsize=65536)
def _colour(packed: int) -> Color:
    return Color.from_rgb(packed >> 16, packed >> 8 & 255, packed & 255)
