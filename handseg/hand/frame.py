"""Hands in a frame of their own: wrist, direction of the fingers, size; from centres of bones."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from handseg.anatomy import BONES, CARPALS, FINGERS, FOREARM

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
    """The products of vectors [images, 2]."""
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
