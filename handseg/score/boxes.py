"""Boxes around masks and the pixels inside them, from runs."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from handseg.rle.geometry import Segments


class Box(NamedTuple):
    """Rows from `top` and columns from `left` to before `bottom` and `right`."""

    top: int
    left: int
    bottom: int
    right: int

    def around(self, other: "Box") -> "Box":
        """The smallest box that holds both."""
        low = (min(pair) for pair in zip(self[:2], other[:2], strict=True))
        high = (max(pair) for pair in zip(self[2:], other[2:], strict=True))
        return Box(*low, *high)


def box_of(pieces: Segments) -> Box:
    """The smallest box that holds the segments of one mask; there must be one."""
    top, bottom = int(pieces.row[0]), int(pieces.row[-1]) + 1  # runs are sorted
    return Box(top, int(pieces.start.min()), bottom, int(pieces.end.max()))


def crop(pieces: Segments, box: Box) -> NDArray[np.uint8]:
    """The mask inside `box`, which holds all pieces: uint8 [height, width] of 0 and 1."""
    steps = np.zeros((box.bottom - box.top, box.right - box.left + 1), dtype=np.int8)
    rows = pieces.row - box.top
    # Pieces of one row neither overlap nor touch: no place is written twice.
    steps[rows, pieces.start - box.left] = 1
    steps[rows, pieces.end - box.left] = -1
    return np.cumsum(steps, axis=1, dtype=np.int8)[:, :-1].view(np.uint8)
