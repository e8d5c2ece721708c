"""COCO's run lengths: counts of pixels down the columns, plain or as text of five bits a character.

Format: https://github.com/cocodataset/cocoapi/blob/master/common/maskApi.h.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from handseg.formats.documents import Size
from handseg.rle.codec import RleError, Runs, canonical
from handseg.rle.geometry import transposed

MOST_RUNS = 1 << 22
"""That one mask may turn into: a chessboard of 2048² has half of it. Some bytes of stripes could
otherwise ask for gigabytes."""
LONGEST = 7
"""Characters of one figure: 35 bits, more than pycocotools' 32-bit counts need."""
_MORE, _NEGATIVE, _BITS = 0x20, 0x10, 0x1F


def column_runs(runs: Runs, size: Size) -> Runs:
    """Row-major runs of an image of `size` as column-major ones.

    Raises RleError where the mask would fall into more than `MOST_RUNS`.
    """
    height, width = size
    return transposed(runs, (width, height), MOST_RUNS)


def counts_of(columns: Runs, size: Size) -> NDArray[np.int64]:
    """COCO's counts of column-major runs: pixels outside, inside, outside, …; outside first."""
    pixels = size[0] * size[1]
    counts = np.diff(columns.ravel(), prepend=0, append=pixels)
    return counts if counts[-1] else counts[:-1]


def runs_of(counts: Any, size: Size) -> Runs:
    """The row-major runs of a segmentation's `counts`: text, a list, or an array of int64.

    Raises RleError where they are none, or not those of an image of `size`.
    """
    lengths = counts_of_text(counts) if isinstance(counts, str) else _plain_counts(counts)
    return transposed(column_runs_of(lengths, size), size, MOST_RUNS)


def column_runs_of(counts: NDArray[np.int64], size: Size) -> Runs:
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
    return canonical(edges.reshape(-1, 2))


def text_of_counts(counts: NDArray[np.int64], size: Size) -> str:
    """The text of counts, as pycocotools writes it."""
    import pycocotools.mask

    plain: Any = {"counts": counts, "size": list(size)}
    return pycocotools.mask.frPyObjects(plain, *size)["counts"].decode("ascii")


def counts_of_text(text: str) -> NDArray[np.int64]:
    """The counts of a compressed text; none is checked against an image.

    pycocotools gives pixels, not counts, and reads past the end of a text that is cut off. Raises
    RleError for characters that are not of this code, figures too long and a text that is cut off.
    """
    codes = np.frombuffer(text.encode("utf-8", "replace"), dtype=np.uint8).astype(np.int64) - 48
    if not len(codes):
        return codes
    if codes.min() < 0 or codes.max() > 63:
        raise RleError("a character that compressed run lengths do not have")
    ends = np.flatnonzero(codes & _MORE == 0)
    if not len(ends) or ends[-1] != len(codes) - 1:
        raise RleError("the compressed run lengths are cut off")
    starts = np.append(0, ends[:-1] + 1)
    lengths = ends - starts + 1
    if lengths.max() > LONGEST:
        raise RleError("a figure beyond any image")
    shifts = 5 * (np.arange(len(codes)) - np.repeat(starts, lengths))
    figures = np.add.reduceat((codes & _BITS) << shifts, starts)
    figures -= np.where(codes[ends] & _NEGATIVE, 1 << (5 * lengths), 0)
    # From the fourth on, a figure is the difference to the count two before it.
    figures[1::2] = np.cumsum(figures[1::2])
    figures[2::2] = np.cumsum(figures[2::2])
    return figures


def _plain_counts(counts: Any) -> NDArray[np.int64]:
    if isinstance(counts, np.ndarray):
        return counts
    if not isinstance(counts, list) or set(map(type, counts)) - {int}:
        raise RleError("counts that are neither text nor a list of whole numbers")
    try:
        return np.array(counts, np.int64)
    except OverflowError:
        raise RleError("a count beyond any image") from None
