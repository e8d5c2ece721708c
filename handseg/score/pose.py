"""Bent wrists, told by the labels: the angle between forearm and hand.

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
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from handseg.anatomy import FINGERS, FOREARM
from handseg.errors import InputError, UsageError
from handseg.progress import Progress, silent
from handseg.rle import Runs
from handseg.score.means import Stratum
from handseg.score.segments import Segments, segments
from handseg.score.truth import Truth, check_all_known

LIMIT = 12.0
"""Degrees between forearm and hand beyond which a wrist is bent: the best on 160 phantom hands."""
FLARE = 0.3
"""The share of a forearm bone's rows, from the wrist, that belong to its flare."""
FEWEST_ROWS = 8
"""Rows of a shaft below which it has no direction."""
HAND = FINGERS["middle"][-1]


class Reweight(NamedTuple):
    """`pose=SHARE`: the share of people with bent wrists that a mean shall stand for."""

    share: float

    @property
    def words(self) -> str:
        """As a person reads it."""
        return f"{100 * self.share:g} % bent"


@dataclass(frozen=True)
class Poses:
    """The angle between forearm and hand of each image, degrees from 0, NaN where unknown."""

    degrees: NDArray[np.float64]

    @property
    def bent(self) -> NDArray[np.bool_]:
        """bool [images]"""
        return self.degrees > LIMIT

    @property
    def straight(self) -> NDArray[np.bool_]:
        """bool [images]"""
        return self.degrees <= LIMIT

    @property
    def unknown(self) -> int:
        """Images whose pose cannot be told: they are left out of a reweighted mean."""
        return int(np.isnan(self.degrees).sum())

    def strata(self, reweight: Reweight) -> tuple[Stratum, Stratum]:
        """The bent and the straight images with the shares that they shall have.

        Raises InputError where there are none of one kind.
        """
        strata = Stratum(self.bent, reweight.share), Stratum(self.straight, 1 - reweight.share)
        for stratum, name in zip(strata, ("bent", "straight"), strict=True):
            if not stratum.members.any():
                raise InputError(
                    f"no image has a {name} wrist: there is nothing to weight",
                    why=f"{int(self.bent.sum())} of {len(self.degrees)} images are bent by more "
                    f"than {LIMIT:g}°, of {self.unknown} the angle cannot be told",
                )
        return strata


def parse_reweight(text: str) -> Reweight:
    """`pose=SHARE` with a share from 0 to 1; raises UsageError for anything else."""
    name, _, value = text.partition("=")
    try:
        share = float(value)
    except ValueError:
        share = math.nan
    if name != "pose" or not 0 <= share <= 1:
        raise UsageError(
            f"--reweight {text} cannot be read",
            why="it is pose=SHARE, the share of people with bent wrists from 0 to 1",
            hints=["as in the competition's test set: --reweight pose=0.576"],
        )
    return Reweight(share)


def poses_of(
    truth: Truth,
    images: tuple[str, ...],
    sizes: Mapping[str, tuple[int, int]],
    progress: Progress = silent,
) -> Poses:
    """The poses of labelled images whose (height, width) are `sizes`.

    Raises InputError where the labels have no such bones or the size of an image is not known.
    """
    lacking = [cls for cls in (*FOREARM, HAND) if cls not in truth.classes]
    if HAND in lacking or set(FOREARM) <= set(lacking):
        raise InputError(
            "the pose of the wrist cannot be told",
            why=f"the labels have no {', '.join(lacking)}",
        )
    check_all_known(sizes, images)
    degrees = np.full(len(images), np.nan)
    for row, image in enumerate(images):
        size = sizes[image]
        masks = {bone: truth.labels.runs(image, bone, size) for bone in (*FOREARM, HAND)}
        forearm = [masks[bone] for bone in FOREARM]
        degrees[row] = bend(forearm, masks[HAND], size[1])
        progress(row + 1, len(images), image)
    return Poses(degrees)


def bend(forearm: list[Runs], metacarpal: Runs, width: int) -> float:
    """Degrees, 0 to 90, between forearm and metacarpal in an image of `width` pixels a row.

    NaN where the metacarpal is empty or no bone of the forearm has a shaft in the image.
    """
    leans = [shaft_lean(segments(bone, width)) for bone in forearm if len(bone)]
    known = [lean for lean in leans if not math.isnan(lean)]
    if not known or not len(metacarpal):
        return math.nan
    difference = axis_lean(segments(metacarpal, width)) - sum(known) / len(known)
    return abs(_folded(difference))


def shaft_lean(pieces: Segments) -> float:
    """Degrees clockwise from upright of the line through the middles of a shaft's rows."""
    top, bottom = int(pieces.rows[0]), int(pieces.rows[-1]) + 1
    rows = np.arange(top, bottom)
    widths = np.bincount(pieces.rows - top, pieces.ends - pieces.starts)
    sums = np.bincount(pieces.rows - top, _column_sums(pieces))
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
    counts = (pieces.ends - pieces.starts).astype(np.float64)
    middles = (pieces.starts + pieces.ends - 1) / 2
    y = pieces.rows - np.average(pieces.rows, weights=counts)
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
    return (pieces.ends - pieces.starts) * (pieces.starts + pieces.ends - 1) / 2
