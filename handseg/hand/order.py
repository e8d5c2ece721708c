"""The order of the 29 bones in a hand, as figures that are positive where it is kept.

The margins were measured on 600 phantom hands, bent wrists among them: each figure stays above
+.05, in units of the distance from the wrist to the fingers' middle or in radians.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from handseg.anatomy import BONES, FINGERS
from handseg.hand.frame import Centres, Floats, Frame, across, dot, frames, middle_of

_LATERAL = (
    ("Trapezium", "Trapezoid"),
    ("Trapezoid", "Capitate"),
    ("Capitate", "Hamate"),
    ("Trapezium", "Hamate"),
    ("Scaphoid", "Lunate"),
    ("Scaphoid", "Triquetrum"),
    ("Lunate", "Triquetrum"),
    ("Lunate", "Pisiform"),
)
"""The first lies to the thumb's side of the second."""
_DISTAL = (
    ("Trapezium", "Scaphoid"),
    ("Trapezoid", "Scaphoid"),
    ("Capitate", "Scaphoid"),
    ("Capitate", "Lunate"),
    ("Hamate", "Triquetrum"),
    ("Hamate", "Lunate"),
    ("Hamate", "Pisiform"),
    ("finger-7", "Trapezium"),
    ("finger-7", "Trapezoid"),
    ("finger-11", "Capitate"),
    ("finger-15", "Capitate"),
    ("finger-15", "Hamate"),
    ("finger-19", "Hamate"),
    ("Scaphoid", "Radius"),
    ("Lunate", "Radius"),
    ("Triquetrum", "Ulna"),
    ("Pisiform", "Ulna"),
)
"""The first lies nearer to the fingers than the second."""
_OUTER = (
    *(pair for finger in FINGERS.values() for pair in pairwise(finger)),
    ("finger-3", "Trapezium"),
)
"""The first lies farther from the wrist's centre than the second."""
_RADIAL_ORDER = tuple(pairwise(FINGERS))
_LEVELS = (0, -3, -2, -1)

BROKEN = -0.02
"""A figure below is a rule broken; a little below 0 may be the mask's."""


class Rules(NamedTuple):
    """Pairs of bones, and for each image by how much their order is kept, [images, rules].

    NaN where a bone is not there. The thumb's side is chosen so that most rules hold.
    """

    pairs: tuple[tuple[str, str], ...]
    figures: Floats
    thumb_left: NDArray[np.bool_]
    """[images]: the thumb's side is to the left of the fingers' direction: a right hand."""

    @property
    def broken(self) -> NDArray[np.bool_]:
        """[images, rules]: rules that do not hold."""
        return self.figures < BROKEN


def rules_of(centres: Centres) -> Rules:
    """How the bones of each image keep their order."""
    frame = frames(centres)
    sided_pairs, sided = _sided(centres, frame)
    pairs, figures = _unsided(centres, frame)
    votes = np.sign(np.where(np.isfinite(sided), sided, 0.0)).sum(axis=1)
    sided = sided * np.where(votes < 0, -1.0, 1.0)[:, None]
    return Rules(
        (*sided_pairs, *pairs),
        np.concatenate((sided, figures), axis=1),
        votes >= 0,
    )


def _sided(centres: Centres, frame: Frame) -> tuple[list[tuple[str, str]], Floats]:
    """Rules on what lies to the thumb's side, positive where that is the left of `up`."""
    pairs: list[tuple[str, str]] = []
    figures: list[Floats] = []
    angles = {bone: _angle(_bone(centres, bone), frame) for bone in BONES}
    for one, other in _RADIAL_ORDER:
        for level in _LEVELS:
            pair = FINGERS[one][level], FINGERS[other][level]
            # The thumb has three bones: its tip stands for two levels.
            if pair not in pairs:
                pairs.append(pair)
                figures.append(angles[pair[0]] - angles[pair[1]])
    left = -across(frame.up)
    for one, other in _LATERAL:
        pairs.append((one, other))
        way = _bone(centres, one) - _bone(centres, other)
        figures.append(dot(way, left) / frame.length)
    pairs.append(("Radius", "Ulna"))
    figures.append(_forearm(centres, frame))
    return pairs, np.stack(figures, axis=1)


def _unsided(centres: Centres, frame: Frame) -> tuple[list[tuple[str, str]], Floats]:
    """Rules on what lies farther from the wrist, or nearer to the fingers."""
    pairs: list[tuple[str, str]] = []
    figures: list[Floats] = []
    for outer, inner in _OUTER:
        pairs.append((outer, inner))
        far = [
            np.linalg.norm(_bone(centres, bone) - frame.wrist, axis=1) for bone in (outer, inner)
        ]
        figures.append((far[0] - far[1]) / frame.length)
    for one, other in _DISTAL:
        pairs.append((one, other))
        way = _bone(centres, one) - _bone(centres, other)
        figures.append(dot(way, frame.up) / frame.length)
    return pairs, np.stack(figures, axis=1)


def _forearm(centres: Centres, frame: Frame) -> Floats:
    """Radius to the thumb's side of the Ulna, across the forearm, which a bent wrist turns."""
    way = frame.wrist - middle_of(centres, ("Radius", "Ulna"))
    with np.errstate(invalid="ignore"):
        up = way / np.linalg.norm(way, axis=1)[:, None]
    apart = _bone(centres, "Radius") - _bone(centres, "Ulna")
    return dot(apart, -across(up)) / frame.length


def _angle(points: Floats, frame: Frame) -> Floats:
    """Radians from `up` to the left, seen from the wrist; [images]."""
    way = points - frame.wrist
    return np.arctan2(dot(way, -across(frame.up)), dot(way, frame.up))


def _bone(centres: Centres, bone: str) -> Floats:
    return centres[:, BONES.index(bone)]
