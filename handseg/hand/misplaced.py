"""Hands whose labels are the other hand's, and bones that are nowhere near where they belong."""

import numpy as np
from numpy.typing import NDArray

from handseg.anatomy import BONES, CARPALS, FINGERS
from handseg.hand.frame import Centres, frames

Areas = NDArray[np.float64]
"""float64 [images, 29] in pixels; NaN where there is none."""

_CARPAL_REACH = 0.6
"""How far a carpal may lie from the wrist's centre, in lengths of the hand's frame: phantoms stay
below .27."""
_NEXT_REACH, _SECOND_REACH = 1.1, 1.5
"""How far a bone may lie from the next of its finger, and the next but one; phantoms stay below .57
and 1."""


def mirrored(centres: Centres, areas: Areas) -> NDArray[np.bool_]:
    """Images where at least two signs say that the labels are the other hand's.

    The Ulna is larger than the Radius, the tip of the little finger than the thumb's, and the
    little finger stands off wider than the thumb. A hand of mirrored labels is in order else.
    """
    frame = frames(centres)

    def wide(bone: str) -> NDArray[np.float64]:
        way = centres[:, BONES.index(bone)] - frame.wrist
        cosine = np.einsum("ni,ni->n", way, frame.up) / np.linalg.norm(way, axis=1)
        return np.arccos(np.clip(cosine, -1, 1))

    def larger(one: str, other: str) -> NDArray[np.float64]:
        return np.log(areas[:, BONES.index(one)] / areas[:, BONES.index(other)])

    with np.errstate(invalid="ignore"):
        signs = (
            larger("Ulna", "Radius") > 0.1,
            larger("finger-16", "finger-1") > 0.1,
            wide("finger-19") - wide("finger-3") > np.radians(3),
        )
    return np.sum(signs, axis=0) >= 2


def far_from_place(centres: Centres) -> NDArray[np.bool_]:
    """[images, 29]: bones that are nowhere near where they belong."""
    frame = frames(centres)
    far = np.zeros(centres.shape[:2], dtype=np.bool_)
    with np.errstate(invalid="ignore"):
        for bone in map(BONES.index, CARPALS):
            away = np.linalg.norm(centres[:, bone] - frame.wrist, axis=1)
            far[:, bone] = away > _CARPAL_REACH * frame.length
        for finger in FINGERS.values():
            for place, bone in enumerate(finger):
                # Far from one only, it may be the other that is away from its place.
                far[:, BONES.index(bone)] = np.all(
                    [
                        _apart(centres, bone, finger[at]) > reach * frame.length
                        for at, reach in _nearest(place, len(finger))
                    ],
                    axis=0,
                )
    return far


def _nearest(place: int, bones: int) -> list[tuple[int, float]]:
    """The two nearest other places of a finger of so many bones, and how far these may be."""
    if place in (0, bones - 1):
        inward = 1 if place == 0 else -1
        return [(place + inward, _NEXT_REACH), (place + 2 * inward, _SECOND_REACH)]
    return [(place - 1, _NEXT_REACH), (place + 1, _NEXT_REACH)]


def _apart(centres: Centres, one: str, other: str) -> NDArray[np.float64]:
    """The distance of two bones in pixels, [images]."""
    way = centres[:, BONES.index(one)] - centres[:, BONES.index(other)]
    return np.linalg.norm(way, axis=1)
