"""Bent wrists, measured on masks: the angle between forearm and hand.

The forearm's direction is that of the shafts of Radius and Ulna. In each row of the image a shaft
has a middle; the straight line through the middles (least squares, each row weighted by its width)
is its axis. The principal axis of the whole bone would not do: the image's border cuts the forearm
off in a row, which turns the principal axis of a short piece, but not the line of middles. The
upper part of each bone, `FLARE` of its rows, widens to one side at the wrist and is left out.

The hand's direction is the third metacarpal's (finger-11): the principal axis of its pixels, that
is the angle ½·atan2(2·μxy, μxx − μyy) of its central moments. All of it comes from runs, no mask
is decoded.

The clinical angle of the wrist is between these axes. Phantoms without a bend have 0° ± 4° (at most
12°), bent ones 16° to 30° to either side; their third metacarpal leans about 2.5° to the thumb.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from handseg.anatomy import FINGERS
from handseg.rle import Runs
from handseg.rle.geometry import Segments, segments

LIMIT = 12.0
"""Degrees between forearm and hand beyond which a wrist is bent: the best on 160 phantom hands."""
FLARE = 0.3
"""The share of a forearm bone's rows, from the wrist, that belong to its flare."""
FEWEST_ROWS = 8
"""Rows of a shaft below which it has no direction."""
HAND = FINGERS["middle"][-1]


def bend(forearm: Sequence[Runs], metacarpal: Runs, width: int) -> float:
    """Degrees clockwise from forearm to metacarpal in an image of `width` pixels a row.

    -90 to below 90; NaN where the metacarpal is empty or no bone of the forearm has a shaft in the
    image.
    """
    cut = [segments([bone], [width]) for bone in (*forearm, metacarpal)]
    return bend_of_segments(cut[:-1], cut[-1])


def bend_of_segments(forearm: Sequence[Segments], metacarpal: Segments) -> float:
    """The same of masks that are cut at the ends of rows already, each in any window."""
    leans = [shaft_lean(bone) for bone in forearm if len(bone.row)]
    known = [lean for lean in leans if not math.isnan(lean)]
    if not known or not len(metacarpal.row):
        return math.nan
    return _folded(axis_lean(metacarpal) - sum(known) / len(known))


def shaft_lean(pieces: Segments) -> float:
    """Degrees clockwise from upright of the line through the middles of a shaft's rows."""
    top, bottom = int(pieces.row[0]), int(pieces.row[-1]) + 1
    rows = np.arange(top, bottom)
    widths = np.bincount(pieces.row - top, pieces.end - pieces.start)
    sums = np.bincount(pieces.row - top, _column_sums(pieces))
    shaft = (rows >= top + FLARE * (bottom - top)) & (widths > 0)
    if shaft.sum() < FEWEST_ROWS:
        return math.nan
    y, weights = rows[shaft], widths[shaft]
    middles = sums[shaft] / weights
    y = y - np.average(y, weights=weights)
    slope = float((weights * y * middles).sum() / (weights * y * y).sum())
    return math.degrees(math.atan(-slope))  # rows count downwards


def axis_lean(pieces: Segments) -> float:
    """Degrees clockwise from upright of the principal axis of a mask's pixels."""
    counts = (pieces.end - pieces.start).astype(np.float64)
    middles = (pieces.start + pieces.end - 1) / 2
    y = pieces.row - np.average(pieces.row, weights=counts)
    x = middles - np.average(middles, weights=counts)
    # The pixels of a piece spread around its middle: the variance of n numbers in a row.
    spread = (counts**2 - 1) / 12
    xx = (counts * (x * x + spread)).sum()
    yy, xy = (counts * y * y).sum(), (counts * x * y).sum()
    from_level = 0.5 * math.atan2(2 * xy, xx - yy)
    return _folded(math.degrees(from_level) + 90)


def _folded(degrees: float) -> float:
    """The same direction of an axis, -90 to below 90: it has no head, 180° are none."""
    return (degrees + 90) % 180 - 90


def _column_sums(pieces: Segments) -> NDArray[np.float64]:
    """The sum of the column numbers of each piece's pixels."""
    return (pieces.end - pieces.start) * (pieces.start + pieces.end - 1) / 2
