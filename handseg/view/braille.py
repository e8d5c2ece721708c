"""Lines in braille: a cell is two dots wide and four high."""

import numpy as np
from numpy.typing import NDArray

from handseg.view.columns import Floats

BLANK = 0x2800
"""The braille cell without a dot; a code is added to it."""

# The dots of a braille cell by row and column (Unicode 11, section 21.1).
_DOTS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]], np.uint8)


def rows_of(values: Floats, low: float, high: float, height: int) -> Floats:
    """The row of dots, from the top, at which each value lies; beyond 0 and 4 · height − 1 too."""
    return (high - values) / max(high - low, 1e-300) * (4 * height - 1)


def line_codes(rows: Floats, height: int) -> NDArray[np.uint8]:
    """The cells of a line, uint8[height, columns / 2], that lies at `rows` in each column of dots.

    Neighbouring columns are joined; NaN is a gap. What lies outside is clipped to the border.
    """
    last = 4 * height - 1
    here = np.rint(np.clip(rows, 0, last))
    before = np.concatenate([[np.nan], here[:-1]])
    before = np.where(np.isnan(before), here, before)
    # From beside the last column's dot to this one's own.
    start = before + np.sign(here - before)
    top, bottom = np.fmin(start, here), np.fmax(start, here)
    places = np.arange(last + 1)[:, None]
    # Comparing with NaN is false: no dot.
    return codes((places >= top) & (places <= bottom))


def codes(dots: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """The codes, uint8[h, w], of dots bool[4 · h, 2 · w]."""
    height, width = dots.shape[0] // 4, dots.shape[1] // 2
    cells = dots.reshape(height, 4, width, 2).astype(np.uint8)
    return np.einsum("hrwc,rc->hw", cells, _DOTS)
