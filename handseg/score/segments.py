"""Runs cut at the ends of the rows of the image: what boxes, moments and crops need."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from handseg.rle import Runs


class Segments(NamedTuple):
    """Horizontal pieces of a mask, int64 [n] each: their row, first and one past last column."""

    rows: NDArray[np.int64]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]

    def box(self) -> "Box":
        """The smallest box that holds all; there must be a piece."""
        top, bottom = int(self.rows[0]), int(self.rows[-1]) + 1  # runs are sorted
        return Box(top, int(self.starts.min()), bottom, int(self.ends.max()))


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


def segments(runs: Runs, width: int) -> Segments:
    """The pieces of `runs` (normal form) in rows of `width` pixels, in order."""
    first, last = runs[:, 0] // width, (runs[:, 1] - 1) // width
    counts = last - first + 1
    if (counts == 1).all():
        begins = first * width
        return Segments(first, runs[:, 0] - begins, runs[:, 1] - begins)
    owners = np.repeat(np.arange(len(runs)), counts)
    # The rank of each piece in its run: 0 for the first.
    ranks = np.arange(len(owners)) - np.repeat(np.cumsum(counts) - counts, counts)
    rows = first[owners] + ranks
    starts = np.maximum(runs[owners, 0] - rows * width, 0)
    ends = np.minimum(runs[owners, 1] - rows * width, width)
    return Segments(rows, starts, ends)


def crop(pieces: Segments, box: Box) -> NDArray[np.uint8]:
    """The mask inside `box`, which holds all pieces: uint8 [height, width] of 0 and 1."""
    steps = np.zeros((box.bottom - box.top, box.right - box.left + 1), dtype=np.int8)
    rows = pieces.rows - box.top
    # Pieces of one row neither overlap nor touch: no place is written twice.
    steps[rows, pieces.starts - box.left] = 1
    steps[rows, pieces.ends - box.left] = -1
    return np.cumsum(steps, axis=1, dtype=np.int8)[:, :-1].view(np.uint8)
