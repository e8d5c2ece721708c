"""The hands of images as arrays: which side, how bent, and the frame of each: wrist, up, size.

A wrist is bent by the angle between forearm and hand, measured on masks.
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
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from handseg.anatomy import BONES, CARPALS, FINGERS, FOREARM
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


Side = Literal["left", "right"]
Pose = Literal["straight", "bent"]
Floats = NDArray[np.float64]
Centres = NDArray[np.float64]
"""float64 [images, 29, 2]: (x, y) of each bone in pixels, NaN where there is none."""
Areas = NDArray[np.float64]
"""float64 [images, 29] in pixels; NaN where there is none."""

_LONG_FINGERS = tuple(
    BONES.index(bone) for name in FINGERS if name != "thumb" for bone in FINGERS[name]
)
_CARPALS = tuple(BONES.index(bone) for bone in CARPALS)
_FOREARM = tuple(BONES.index(bone) for bone in FOREARM)
_FEWEST = 3
"""Bones of fingers and of the wrist that a frame needs."""


@dataclass(frozen=True)
class Hands:
    """One hand an image; arrays follow `images`, bones those of the anatomy."""

    images: tuple[str, ...]
    centres: Centres
    """float64 [images, 29, 2]: (x, y) in pixels, NaN where there is no such bone."""
    areas: Areas
    """float64 [images, 29] in pixels, NaN where there is no such bone."""
    bends: Floats
    """float64 [images]: degrees clockwise from forearm to third metacarpal, NaN where unknown."""

    @classmethod
    def unmeasured(cls, images: Iterable[str]) -> "Hands":
        """Hands of which nothing is known yet: arrays of NaN to be filled."""
        names = tuple(images)
        shape = len(names), len(BONES)
        return cls(
            names, np.full((*shape, 2), np.nan), np.full(shape, np.nan), np.full(shape[0], np.nan)
        )

    def only(self, rows: NDArray[np.intp]) -> "Hands":
        """The hands of some images, by their places."""
        places: list[int] = rows.tolist()
        images = tuple(self.images[place] for place in places)
        return Hands(images, self.centres[rows], self.areas[rows], self.bends[rows])

    @property
    def degrees(self) -> Floats:
        """float64 [images]: the angle between forearm and hand, to whichever side."""
        return np.abs(self.bends)

    @property
    def sides(self) -> tuple[Side | None, ...]:
        """Which hand it is by its bones; None where the forearm is not there."""
        return sides_of(self.centres)

    @property
    def poses(self) -> tuple[Pose | None, ...]:
        """Bent beyond `LIMIT` degrees or not; None where the angle cannot be told."""
        return tuple(
            None if math.isnan(degrees) else "bent" if degrees > LIMIT else "straight"
            for degrees in self.degrees.tolist()
        )

    @property
    def bent(self) -> NDArray[np.bool_]:
        """bool [images]; not where the angle cannot be told."""
        return self.degrees > LIMIT

    @property
    def straight(self) -> NDArray[np.bool_]:
        """bool [images]; not where the angle cannot be told."""
        return self.degrees <= LIMIT

    @property
    def unknown_poses(self) -> int:
        return int(np.isnan(self.bends).sum())

    @property
    def are_hands(self) -> bool:
        return any(side is not None for side in self.sides) or bool(np.isfinite(self.bends).any())


def sides_of(centres: Centres) -> tuple[Side | None, ...]:
    """Radius left of the Ulna, seen with the fingers up, is a right hand.

    Where too few bones tell where up is, the image is taken as it stands.
    """
    way = frames(centres).wrist - middle_of(centres, FOREARM)
    # Without carpals the wrist's centre is the forearm's own; NaN is not above 1 either.
    known = np.linalg.norm(way, axis=1) > 1
    up = np.where(known[:, None], way, (0.0, -1.0))
    radius, ulna = (centres[:, BONES.index(bone)] for bone in FOREARM)
    to_the_right = dot(radius - ulna, across(up)).tolist()
    return tuple(
        None if math.isnan(far) else "right" if far < 0 else "left" for far in to_the_right
    )


def bone_places(classes: Sequence[str], bones: Mapping[str, str] | None = None) -> dict[str, int]:
    """For each class that is a bone, by its name or by `bones`, its place among the 29.

    Where several classes are one bone, the first is taken.
    """
    found: dict[str, int] = {}
    for cls in classes:
        bone = (bones or {}).get(cls, cls)
        if bone in BONES and BONES.index(bone) not in found.values():
            found[cls] = BONES.index(bone)
    return found


class HandFrame(NamedTuple):
    """Of each image: the wrist's centre, the unit vector to the fingers, and their distance.

    [images, 2], [images, 2], [images]; NaN where too few bones are there.
    """

    wrist: Floats
    up: Floats
    length: Floats


def frames(centres: Centres) -> HandFrame:
    """The frame of each hand. It stays where it is when labels of one hand are exchanged."""
    carpals, fingers = centres[:, _CARPALS], centres[:, _LONG_FINGERS]
    wrist = np.where(
        _enough(carpals)[:, None],
        nan_median(carpals, axis=1),
        nan_median(centres[:, _FOREARM], axis=1),
    )
    way = _mean(fingers) - wrist
    length = np.linalg.norm(way, axis=1)
    usable = _enough(fingers) & (length > 0)
    length = np.where(usable, length, np.nan)
    return HandFrame(wrist, way / length[:, None], length)


def across(up: Floats) -> Floats:
    """The unit vector a quarter turn clockwise on the screen from `up` [images, 2]."""
    return np.stack((-up[:, 1], up[:, 0]), axis=1)


def dot(a: Floats, b: Floats) -> Floats:
    return np.einsum("ni,ni->n", a, b)


def middle_of(centres: Centres, bones: Sequence[str]) -> Floats:
    """The mean of the centres of those bones that are there, [images, 2]."""
    return _mean(centres[:, [BONES.index(bone) for bone in bones]])


def _enough(centres: Centres) -> NDArray[np.bool_]:
    counts = np.isfinite(centres[:, :, 0]).sum(axis=1)
    return np.asarray(counts >= _FEWEST)


def _mean(centres: Centres) -> Floats:
    there = np.isfinite(centres)
    with np.errstate(invalid="ignore"):
        return np.where(there, centres, 0.0).sum(axis=1) / there.sum(axis=1)


def nan_median(values: Floats, axis: int = 0) -> Floats:
    """The median of what is there; NaN, without numpy's warning, where nothing is."""
    absent = np.asarray(np.isnan(values).all(axis=axis))
    filled = np.where(np.expand_dims(absent, axis), 0.0, values)
    return np.where(absent, np.nan, np.nanmedian(filled, axis=axis))
