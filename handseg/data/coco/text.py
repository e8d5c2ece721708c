"""COCO's compressed run lengths: counts as text of five bits a character."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from handseg.data.coco.columns import Size
from handseg.rle import RleError

_MORE, _NEGATIVE, _BITS = 0x20, 0x10, 0x1F
LONGEST = 7
"""Characters of one figure: 35 bits, more than pycocotools' 32-bit counts need."""


def compressed(counts: NDArray[np.int64], size: Size) -> str:
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
