"""The order of the 29 bones in a hand: rules, the exchange of labels that mends them, lost bones.

Rules are figures that are positive where the order is kept. Their margins were measured on 600
phantom hands, bent wrists among them: each figure stays above +.05, in units of the distance from
the wrist to the fingers' middle or in radians.
"""

from itertools import combinations, pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from handseg.anatomy import BONES, CARPALS, FINGERS, NEIGHBOURS
from handseg.hand.hands import Areas, Centres, Floats, HandFrame, across, dot, frames, middle_of

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

Exchange = tuple[tuple[str, str], ...]
"""Pairs of bones whose labels change places."""

_CARPAL_REACH = 0.6
"""How far a carpal may lie from the wrist's centre, in lengths of the hand's frame: phantoms stay
below .27."""
_NEXT_REACH, _SECOND_REACH = 1.1, 1.5
"""How far a bone may lie from the next of its finger, and the next but one; phantoms stay below .57
and 1."""


class OrderRules(NamedTuple):
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


def order_rules(centres: Centres) -> OrderRules:
    frame = frames(centres)
    sided_pairs, sided = _sided(centres, frame)
    pairs, figures = _unsided(centres, frame)
    votes = np.sign(np.where(np.isfinite(sided), sided, 0.0)).sum(axis=1)
    sided = sided * np.where(votes < 0, -1.0, 1.0)[:, None]
    return OrderRules(
        (*sided_pairs, *pairs),
        np.concatenate((sided, figures), axis=1),
        votes >= 0,
    )


def _sided(centres: Centres, frame: HandFrame) -> tuple[list[tuple[str, str]], Floats]:
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


def _unsided(centres: Centres, frame: HandFrame) -> tuple[list[tuple[str, str]], Floats]:
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


def _forearm(centres: Centres, frame: HandFrame) -> Floats:
    """Radius to the thumb's side of the Ulna, across the forearm, which a bent wrist turns."""
    way = frame.wrist - middle_of(centres, ("Radius", "Ulna"))
    with np.errstate(invalid="ignore"):
        up = way / np.linalg.norm(way, axis=1)[:, None]
    apart = _bone(centres, "Radius") - _bone(centres, "Ulna")
    return dot(apart, -across(up)) / frame.length


def _angle(points: Floats, frame: HandFrame) -> Floats:
    """Radians from `up` to the left, seen from the wrist; [images]."""
    way = points - frame.wrist
    return np.arctan2(dot(way, -across(frame.up)), dot(way, frame.up))


def _bone(centres: Centres, bone: str) -> Floats:
    return centres[:, BONES.index(bone)]


def exchanges() -> dict[str, Exchange]:
    """Exchanges that happen, by the words for them: bones that touch, levels, whole fingers."""
    found: dict[str, Exchange] = {}
    for one, other in pairwise(FINGERS):
        for a, b in zip(reversed(FINGERS[one]), reversed(FINGERS[other]), strict=False):
            found[f"{a} and {b}"] = ((a, b),)
    for a, b in (*NEIGHBOURS, *combinations(CARPALS, 2)):
        found.setdefault(f"{a} and {b}", ((a, b),))
    for one, other in pairwise(FINGERS):
        tips = (FINGERS[one][0], FINGERS[other][0])
        found.setdefault(f"{tips[0]} and {tips[1]}", (tips,))
        rest = zip(reversed(FINGERS[one][1:]), reversed(FINGERS[other][1:]), strict=False)
        found[f"{one} and {other} finger".replace("thumb", "the thumb")] = (tips, *rest)
    return found


def best_exchange(centres: Centres) -> tuple[list[Exchange], list[str], NDArray[np.int64]]:
    """For each image the exchange that leaves the fewest rules broken, its words, and how many."""
    candidates = exchanges()
    rules = [order_rules(_exchanged(centres, pairs)) for pairs in candidates.values()]
    broken = np.stack([rule.broken.sum(axis=1) for rule in rules])
    # Of those that leave as few rules broken, the one that keeps the weakest rule best.
    weakest = np.stack([np.fmin.reduce(rule.figures, axis=1) for rule in rules])
    best = np.lexsort((-weakest, broken), axis=0)[0]
    words, pairs = list(candidates), list(candidates.values())
    chosen = best.tolist()
    return [pairs[at] for at in chosen], [words[at] for at in chosen], broken.min(axis=0)


def _exchanged(centres: Centres, pairs: Exchange) -> Centres:
    order = np.arange(len(BONES))
    for pair in pairs:
        one, other = map(BONES.index, pair)
        order[one], order[other] = order[other], order[one]
    return centres[:, order]


def mirrored(centres: Centres, areas: Areas) -> NDArray[np.bool_]:
    """Images where at least two signs say that the labels are the other hand's.

    The Ulna is larger than the Radius, the tip of the little finger than the thumb's, and the
    little finger stands off wider than the thumb. A hand of mirrored labels is in order else.
    """
    frame = frames(centres)

    def wide(bone: str) -> NDArray[np.float64]:
        way = _bone(centres, bone) - frame.wrist
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
    return np.linalg.norm(_bone(centres, one) - _bone(centres, other), axis=1)
