"""The usual hand of a set, and how far each label of a hand is from being each of its bones.

A hand is laid on the reference by turning, scaling and moving it so that most bones fit (least
squares, bones that do not fit weighted down); left hands are mirrored first. Medians and MADs make
the reference, since the faults sit inside the population. Distances are squares of robust z.
"""

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from handseg.anatomy import BONES, CARPALS, FINGERS, FOREARM
from handseg.hand.hands import Areas, Centres, frames, nan_median
from handseg.hand.order import Exchange, exchanges

Floats = NDArray[np.float64]
Points = NDArray[np.complex128]
"""x + iy of bones, [hands, 29]; NaN where there is none."""

Number = TypeVar("Number", np.float64, np.complex128)

TO_SIGMA = 1.4826
"""Makes the median of absolute deviations the standard deviation of a normal distribution."""
_LEAST_SHIFT, _LEAST_LOG = 0.008, 0.06
"""Spreads below are taken for these: lengths of the hand's frame, and logarithms of areas."""
_LEAST_FOREARM = 0.1
"""The image's border cuts forearms: that moves their centres along them."""
_ROUNDS, _REWEIGHTED = 4, 6
_STEEPEST = np.radians(50)
"""A forearm that is bent by more is left where it is."""
FEWEST = 8
"""Hands below which they are no population."""
FEWEST_OF_POSE = 15
"""Hands below which a pose has no reference of its own."""
FOREARMS = [BONES.index(bone) for bone in FOREARM]
_CARPALS = [BONES.index(bone) for bone in CARPALS]
LEVELS = (
    *([BONES.index(finger[level]) for finger in FINGERS.values()] for level in (0, -2, -1)),
    [BONES.index(finger[1]) for name, finger in FINGERS.items() if name != "thumb"],
    _CARPALS,
    FOREARMS,
)
"""Bones that move about as much: tips, proximal and middle phalanges, metacarpals, ..."""
_SHARED = 20
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
less than the little finger, and for the small carpals none is known."""


class UsualHand(NamedTuple):
    """The usual hand: places of bones (thumb to the left, fingers up), spreads, logs of areas.

    [29], or [hands, 29] where hands differ in their pose. `spread` holds the standard deviations to
    the side (real) and along the hand (imaginary).
    """

    places: Points
    spread: Points
    logs: Floats
    log_spread: Floats


class LaidHands(NamedTuple):
    """Hands laid on a reference: places and logarithms of areas in its units, [hands, 29]."""

    places: Points
    """The forearm is turned to where the reference's points."""
    logs: Floats
    bent: Points
    """Places with the forearm as it is."""


def upright(centres: Centres, thumb_left: NDArray[np.bool_]) -> Points:
    points = centres[:, :, 0] + 1j * centres[:, :, 1]
    return np.where(thumb_left[:, None], points, -points.conj())


def usual_hand(points: Points, areas: Areas) -> UsualHand:
    """The usual hand of hands that are `upright`."""
    places, spread = _first_places(points), np.full(len(BONES), 0.03 + 0.03j)
    laid = LaidHands(points, areas, points)
    for _ in range(_ROUNDS):
        laid = lay(points, areas, places, spread)
        places = median_place(laid.places)
        spread = robust_spread(laid.places, places)
    logs = nan_median(laid.logs)
    return _with_areas(laid._replace(logs=evened(laid.logs, logs)), places, spread)


def usual_hands_by_pose(laid: LaidHands, usual: UsualHand, poses: NDArray[np.int64]) -> UsualHand:
    """For each hand the usual one of its pose, [hands, 29]; of all where a pose has few hands."""
    found = same_for_all(usual, len(poses))
    for pose in np.unique(poses).tolist():
        rows = poses == pose
        if not FEWEST_OF_POSE <= rows.sum() < len(poses):
            continue
        same = LaidHands(laid.places[rows], laid.logs[rows], laid.bent[rows])
        places = _or(median_place(same.places), usual.places)
        own = _with_areas(same, places, _or(robust_spread(same.places, places), usual.spread))
        found.places[rows], found.spread[rows] = own.places, own.spread
        found.logs[rows] = _or(own.logs, usual.logs)
        found.log_spread[rows] = _or(own.log_spread, usual.log_spread)
    return found


def same_for_all(usual: UsualHand, hands: int) -> UsualHand:
    """The same reference for each of so many hands, [hands, 29]."""
    return UsualHand(
        np.tile(usual.places, (hands, 1)),
        np.tile(usual.spread, (hands, 1)),
        np.tile(usual.logs, (hands, 1)),
        np.tile(usual.log_spread, (hands, 1)),
    )


def evened(logs: Floats, usual: Floats) -> Floats:
    """Logarithms of areas [hands, 29] without what all bones of a hand share: thick bones."""
    return logs - nan_median(logs - usual, axis=1)[:, None]


def _with_areas(laid: LaidHands, places: Points, spread: Points) -> UsualHand:
    logs = nan_median(laid.logs)
    log_spread = steadied(nan_median(np.abs(laid.logs - logs)), len(laid.logs))
    return UsualHand(places, spread, logs, np.maximum(log_spread, _LEAST_LOG))


def _or(values: NDArray[Number], instead: NDArray[Number]) -> NDArray[Number]:
    return np.where(np.isfinite(values), values, instead)


def lay(points: Points, areas: Areas, places: Points, spread: Points) -> LaidHands:
    """Lay each hand on the places by the bones that fit; the forearm follows, unbent."""
    turn, shift = _fitted(points, places, spread)
    laid = (points - shift[:, None]) / turn[:, None]
    bent = laid.copy()
    laid[:, FOREARMS] = _unbent(laid[:, FOREARMS], places)
    return LaidHands(laid, np.log(areas) - 2 * np.log(np.abs(turn))[:, None], bent)


def median_place(points: Points) -> Points:
    """Of each column, to the side and along apart; NaN where there is nothing."""
    return nan_median(points.real) + 1j * nan_median(points.imag)


def robust_spread(points: Points, middle: Points) -> Points:
    """Robust standard deviations of columns to the side and along."""
    away = points - middle
    side, along = (
        np.maximum(steadied(nan_median(np.abs(part)), len(points)), _LEAST_SHIFT)
        for part in (away.real, away.imag)
    )
    along[FOREARMS] = np.maximum(along[FOREARMS], _LEAST_FOREARM)
    return side + 1j * along


def steadied(deviations: Floats, hands: int) -> Floats:
    """Standard deviations from MADs [29] of so many hands.

    The MAD of few hands is often much too small: that of the bones of the same level counts as
    `_SHARED` hands more.
    """
    own = TO_SIGMA * deviations
    steady = own.copy()
    for level in LEVELS:
        shared = float(nan_median(own[level]))
        squares = hands * own[level] ** 2 + _SHARED * shared**2
        steady[level] = np.sqrt(squares / (hands + _SHARED))
    return steady


def _first_places(points: Points) -> Points:
    stacked = np.stack((points.real, points.imag), axis=2)
    frame = frames(stacked)
    wrist = frame.wrist[:, 0] + 1j * frame.wrist[:, 1]
    up = frame.up[:, 0] + 1j * frame.up[:, 1]
    # `up` becomes -i: rows count downwards.
    return median_place((points - wrist[:, None]) / (1j * up * frame.length)[:, None])


def _fitted(points: Points, places: Points, spread: Points) -> tuple[Points, Points]:
    """The factor (turn and scale) and the shift of each hand, complex [hands]."""
    sigma = np.sqrt((spread.real**2 + spread.imag**2) / 2)
    sigma = np.where(np.isfinite(sigma), sigma, 1.0)
    known = np.isfinite(points.real) & np.isfinite(places.real)
    known[:, FOREARMS] = False
    p, m = np.where(known, points, 0), np.where(known, places, 0)
    weights = known / sigma**2
    turn = shift = np.full(len(points), np.nan + 0j)
    for _ in range(_REWEIGHTED):
        total = weights.sum(axis=1)
        p0, m0 = (weights * p).sum(axis=1) / total, (weights * m).sum(axis=1) / total
        dm = m - m0[:, None]
        turn = (weights * dm.conj() * (p - p0[:, None])).sum(axis=1)
        turn = turn / (weights * np.abs(dm) ** 2).sum(axis=1)
        shift = p0 - turn * m0
        away = np.abs((p - shift[:, None]) / turn[:, None] - m) / sigma
        weights = known / sigma**2 / (1 + (away / 2) ** 2)
    return turn, shift


def _unbent(forearm: Points, places: Points) -> Points:
    """Radius and Ulna turned about the wrist to where the reference's forearm points."""
    carpals = places[_CARPALS]
    wrist = np.mean(carpals[np.isfinite(carpals)])
    with np.errstate(invalid="ignore"):
        way = np.mean(forearm, axis=1) - wrist
        usual = np.mean(places[FOREARMS]) - wrist
        angle = np.angle(usual / way)
    turns = np.isfinite(angle) & (np.abs(angle) < _STEEPEST)
    turn = np.where(turns, np.exp(1j * np.where(turns, angle, 0)), 1)
    return wrist + (forearm - wrist) * turn[:, None]


class ClassDistance(NamedTuple):
    """Squares of robust z, [hands, 29 labels, 29 bones]: how far a label is from being a bone."""

    place: Floats
    area: Floats

    @property
    def total(self) -> Floats:
        return np.minimum(self.place + self.area, CAP)


def class_distance(laid: LaidHands, usual: UsualHand) -> ClassDistance:
    """How far each label is from each bone; `usual` is [hands, 29]."""
    place = _squares(laid.places, usual)
    # Where labels of hand and forearm are mistaken, the forearm's direction is not known.
    hand = np.setdiff1d(np.arange(len(BONES)), FOREARMS)
    bent = _squares(laid.bent, usual, _UNKNOWN_BEND)
    place[:, hand[:, None], FOREARMS] = bent[:, hand[:, None], FOREARMS]
    place[:, np.array(FOREARMS)[:, None], hand] = _squares(laid.bent, usual)[
        :, np.array(FOREARMS)[:, None], hand
    ]
    logs = laid.logs[:, :, None] - usual.logs[:, None]
    return ClassDistance(place, (logs / usual.log_spread[:, None]) ** 2)


def _squares(places: Points, usual: UsualHand, least: float = 0.0) -> Floats:
    """[hands, labels, bones]; spreads below `least` are taken for it."""
    away = places[:, :, None] - usual.places[:, None]
    spread = usual.spread[:, None]
    side, along = np.maximum(spread.real, least), np.maximum(spread.imag, least)
    return (away.real / side) ** 2 + (away.imag / along) ** 2


def own_class(values: Floats) -> Floats:
    """Of each label as the bone that it says, [hands, 29]."""
    bones = np.arange(len(BONES))
    return values[:, bones, bones]


def possible_exchanges() -> dict[str, Exchange]:
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
    fits = own_class(total)
    gain = fits[:, :, None] + fits[:, None, :] - total - total.transpose(0, 2, 1)
    gains = [
        np.sum([gain[:, BONES.index(a), BONES.index(b)] for a, b in exchange], axis=0)
        for exchange in pairs
    ]
    return np.nan_to_num(np.stack(gains, axis=1), nan=-np.inf)


def mirror_gains(points: Points, areas: Areas, fits: Floats, usual: UsualHand) -> Floats:
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
    found = class_distance(laid, same_for_all(usual, len(points)))
    other = own_class(found.place + found.area)[:, bones]
    known = np.isfinite(other) & np.isfinite(fits[:, labels])
    better = np.minimum(fits[:, labels], _MIRROR_CAP) - np.minimum(other, _MIRROR_CAP)
    count: NDArray[np.int64] = known.sum(axis=1)
    with np.errstate(invalid="ignore"):
        return np.where(known, better, 0).sum(axis=1) / count
