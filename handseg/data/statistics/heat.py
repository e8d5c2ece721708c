"""Where a class lies: how often each place of the image is covered by it."""

import numpy as np
from numpy.typing import NDArray

from handseg.rle.geometry import Segments

CELLS = 48
"""Cells a side of a heat map, whatever the size of the image."""

Heat = NDArray[np.float64]
"""float64 [classes, CELLS, CELLS]: the share of a cell's area that a class covers on average."""


def coverage(cut: Segments, masks: int, heights: NDArray[np.int64]) -> Heat:
    """The covered share of each cell, float64 [masks, CELLS, CELLS].

    `heights` int64 [masks] are those of the masks' images. Columns are shared out exactly; a row of
    pixels belongs to the cell that holds its middle.
    """
    height = heights[cut.owner]
    row = ((cut.row + 0.5) * CELLS / height).astype(np.int64)
    line = cut.owner * CELLS + row
    edges = np.zeros(masks * CELLS * (CELLS + 2))
    for columns, sign in ((cut.start, 1.0), (cut.end, -1.0)):
        place = columns * CELLS / cut.width
        cell = place.astype(np.int64)
        inside = place - cell
        # From an edge on, what is to its right is covered: the edge's own cell in part.
        at = line * (CELLS + 2) + cell
        edges += sign * np.bincount(at, 1 - inside, len(edges))
        edges += sign * np.bincount(at + 1, inside, len(edges))
    covered = np.cumsum(edges.reshape(masks, CELLS, CELLS + 2), axis=2)[:, :, :CELLS]
    return covered / rows_of_cells(heights)[:, :, None]


def rows_of_cells(heights: NDArray[np.int64]) -> NDArray[np.float64]:
    """How many rows of pixels belong to each row of cells, at least 1; [masks, CELLS]."""
    found = np.empty((len(heights), CELLS))
    for height in np.unique(heights).tolist():
        rows = ((np.arange(height) + 0.5) * CELLS / height).astype(np.int64)
        found[heights == height] = np.maximum(1, np.bincount(rows, minlength=CELLS))
    return found
