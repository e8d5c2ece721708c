"""Row-major runs to column-major ones and back, without decoding a mask."""

import numpy as np
from numpy.typing import NDArray

from handseg.rle import RleError, Runs, united

Size = tuple[int, int]
"""(height, width) in pixels."""

MOST_EDGES = 1 << 23
"""Twice the runs that one mask may turn into: a chessboard of 2048² has half of it. Some bytes of
stripes could otherwise ask for gigabytes."""


def transposed(runs: Runs, size: Size) -> Runs:
    """The runs of the transposed mask: row-major ones of an image of `size` become column-major.

    `runs` are in normal form, and so is what comes back; `transposed(…, (width, height))` goes the
    other way. Raises RleError where the mask would fall into more than 4 million runs.
    """
    height, width = size
    # A column enters or leaves the mask where a pixel differs from the one above it: the runs and
    # the same runs one row further down, less what both hold.
    edges = runs.ravel()
    changes = _once(np.sort(np.concatenate((edges, edges + width)))).reshape(-1, 2)
    lengths = changes[:, 1] - changes[:, 0]
    if lengths.sum() > MOST_EDGES:
        raise RleError(f"the mask falls into more than {MOST_EDGES // 2} runs: it is no bone")
    rows, columns = np.divmod(_every_pixel(changes[:, 0], lengths), width)
    # A run that ends in the last row and one that begins in the first of the next column are one.
    return _once(np.sort(columns * height + rows)).reshape(-1, 2)


def counts_of(columns: Runs, size: Size) -> NDArray[np.int64]:
    """COCO's counts of column-major runs: pixels outside, inside, outside, …; outside first."""
    pixels = size[0] * size[1]
    counts = np.diff(columns.ravel(), prepend=0, append=pixels)
    return counts if counts[-1] else counts[:-1]


def runs_of_counts(counts: NDArray[np.int64], size: Size) -> Runs:
    """The column-major runs of COCO's counts.

    Raises RleError if a count is negative or if they are not as many pixels as the image has.
    """
    pixels = size[0] * size[1]
    if not len(counts):
        raise RleError("there are no counts")
    if counts.min() < 0:
        raise RleError(f"a negative count ({counts.min()})")
    # None is larger than the image: their sum stays far inside int64.
    if counts.max() > pixels or counts.sum() != pixels:
        total = "more" if counts.max() > pixels else int(counts.sum())
        raise RleError(f"counts of {total} pixels for an image of {pixels}")
    edges = np.cumsum(counts)[: len(counts) // 2 * 2]
    # A count of 0 leaves a run empty or joins two.
    return united(edges.reshape(-1, 2))


def _every_pixel(starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """All positions of the runs that begin at `starts`, in order."""
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if len(ends) else 0
    return np.arange(total) + np.repeat(starts - (ends - lengths), lengths)


def _once(edges: NDArray[np.int64]) -> NDArray[np.int64]:
    """Sorted edges without those that come twice: there nothing begins or ends."""
    same = edges[1:] == edges[:-1]
    if not same.any():
        return edges
    alone = np.ones(len(edges), dtype=np.bool_)
    alone[1:] &= ~same
    alone[:-1] &= ~same
    return edges[alone]
