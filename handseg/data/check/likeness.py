"""How well each label of a hand fits each bone of the usual hand, and what would fit better."""

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from handseg.anatomy import BONES, FINGERS
from handseg.data.check.reference import (
    FOREARMS,
    Floats,
    Laid,
    Points,
    Reference,
    evened,
    lay,
    rows_of,
)
from handseg.hand.exchanges import Exchange, exchanges
from handseg.hand.misplaced import Areas

CAP = 60.0
"""A label that is farther off than this (in squares of robust z) is not farther for this."""
_MIRROR_CAP = 25.0
_UNKNOWN_BEND = 0.12
"""Lengths of the hand by which forearm bones may be off where the bend is not known."""
MIRROR: dict[str, str] = {
    **dict(zip(FINGERS["index"], FINGERS["ring"], strict=True)),
    **dict(zip(FINGERS["ring"], FINGERS["index"], strict=True)),
    **{bone: bone for bone in FINGERS["middle"]},
    "finger-1": "finger-16", "finger-16": "finger-1",
    "finger-2": "finger-18", "finger-18": "finger-2",
    "finger-3": "finger-19", "finger-19": "finger-3",
    "Trapezium": "Hamate", "Hamate": "Trapezium",
    "Radius": "Ulna", "Ulna": "Radius",
}  # fmt: skip
"""The bone that a label stands on where a hand was labelled as the other: the thumb has a bone
less than the little finger, and of the small carpals nobody knows."""


class Likeness(NamedTuple):
    """Squares of robust z, [hands, 29 labels, 29 bones]: how far a label is from being a bone."""

    place: Floats
    area: Floats

    @property
    def total(self) -> Floats:
        """Of place and area together, capped."""
        return np.minimum(self.place + self.area, CAP)


def likeness(laid: Laid, usual: Reference) -> Likeness:
    """Hold each label against each bone; `usual` is [hands, 29]."""
    place = _squares(laid.places, usual)
    # Where labels of hand and forearm are mistaken, the forearm's direction is not known.
    hand = np.setdiff1d(np.arange(len(BONES)), FOREARMS)
    bent = _squares(laid.bent, usual, _UNKNOWN_BEND)
    place[:, hand[:, None], FOREARMS] = bent[:, hand[:, None], FOREARMS]
    place[:, np.array(FOREARMS)[:, None], hand] = _squares(laid.bent, usual)[
        :, np.array(FOREARMS)[:, None], hand
    ]
    logs = laid.logs[:, :, None] - usual.logs[:, None]
    return Likeness(place, (logs / usual.log_spread[:, None]) ** 2)


def _squares(places: Points, usual: Reference, least: float = 0.0) -> Floats:
    """[hands, labels, bones]; spreads below `least` are taken for it."""
    away = places[:, :, None] - usual.places[:, None]
    spread = usual.spread[:, None]
    side, along = np.maximum(spread.real, least), np.maximum(spread.imag, least)
    return (away.real / side) ** 2 + (away.imag / along) ** 2


def own(values: Floats) -> Floats:
    """Of each label as the bone that it says, [hands, 29]."""
    bones = np.arange(len(BONES))
    return values[:, bones, bones]


def candidates() -> dict[str, Exchange]:
    """Every exchange of two bones, and those of whole fingers, by the words for them."""
    usual = exchanges()
    words = {frozenset(pairs[0]): word for word, pairs in usual.items() if len(pairs) == 1}
    every = {
        words.get(frozenset(pair), " and ".join(pair)): (pair,) for pair in combinations(BONES, 2)
    }
    return every | {word: pairs for word, pairs in usual.items() if len(pairs) > 1}


def exchange_gains(total: Floats, pairs: Sequence[Exchange]) -> Floats:
    """By how much each exchange makes each hand fit better, [hands, exchanges].

    Bones that are not there gain nothing, nor do whole fingers of which one bone is not.
    """
    fits = own(total)
    gain = fits[:, :, None] + fits[:, None, :] - total - total.transpose(0, 2, 1)
    gains = [
        np.sum([gain[:, BONES.index(a), BONES.index(b)] for a, b in exchange], axis=0)
        for exchange in pairs
    ]
    return np.nan_to_num(np.stack(gains, axis=1), nan=-np.inf)


def mirror_gains(points: Points, areas: Areas, fits: Floats, usual: Reference) -> Floats:
    """By how much each hand fits better, per label, as one that was labelled as the other.

    `points` are upright; `fits` [hands, 29] are the labels' own squares of z; `usual` is [29].
    """
    labels = [BONES.index(label) for label in MIRROR]
    bones = [BONES.index(bone) for bone in MIRROR.values()]
    turned, turned_areas = np.full_like(points, np.nan), np.full_like(areas, np.nan)
    turned[:, bones] = -points[:, labels].conj()
    turned_areas[:, bones] = areas[:, labels]
    laid = lay(turned, turned_areas, usual.places, usual.spread)
    laid = laid._replace(logs=evened(laid.logs, usual.logs))
    found = likeness(laid, rows_of(usual, len(points)))
    other = own(found.place + found.area)[:, bones]
    known = np.isfinite(other) & np.isfinite(fits[:, labels])
    better = np.minimum(fits[:, labels], _MIRROR_CAP) - np.minimum(other, _MIRROR_CAP)
    count: NDArray[np.int64] = known.sum(axis=1)
    with np.errstate(invalid="ignore"):
        return np.where(known, better, 0).sum(axis=1) / count
