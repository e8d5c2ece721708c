"""A raster in half cells of a terminal: two pixels a cell, the upper one its foreground."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from rich.color import Color
from rich.segment import Segment
from rich.style import Style

HALF = "▀"


def segments(raster: NDArray[np.uint8]) -> list[list[Segment]]:
    """The lines of half cells of a raster, uint8[height, width, 3].

    Neighbours of the same colours are one segment.
    """
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
