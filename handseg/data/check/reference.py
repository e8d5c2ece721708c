"""The usual hand of a set: where bones lie and how large they are, and how far hands differ.

A hand is laid on the reference by turning, scaling and moving it so that most bones fit (least
squares, bones that do not fit weighted down); left hands are mirrored first. Medians and MADs make
the reference, since the faults sit inside the population.
"""

from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from handseg.anatomy import BONES, CARPALS, FINGERS, FOREARM
from handseg.hand.frame import Centres, frames
from handseg.hand.misplaced import Areas

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


class Reference(NamedTuple):
    """The usual hand: places of bones (thumb to the left, fingers up), spreads, logs of areas.

    [29], or [hands, 29] where hands differ in their pose. `spread` holds the standard deviations to
    the side (real) and along the hand (imaginary).
    """

    places: Points
    spread: Points
    logs: Floats
    log_spread: Floats


class Laid(NamedTuple):
    """Hands laid on a reference: places and logarithms of areas in its units, [hands, 29]."""

    places: Points
    """The forearm is turned to where the reference's points."""
    logs: Floats
    bent: Points
    """Places with the forearm as it is."""


def upright(centres: Centres, thumb_left: NDArray[np.bool_]) -> Points:
    """Centres with the thumb to the left."""
    points = centres[:, :, 0] + 1j * centres[:, :, 1]
    return np.where(thumb_left[:, None], points, -points.conj())


def reference_of(points: Points, areas: Areas) -> Reference:
    """The usual hand of hands that are `upright`."""
    places, spread = _first_places(points), np.full(len(BONES), 0.03 + 0.03j)
    laid = Laid(points, areas, points)
    for _ in range(_ROUNDS):
        laid = lay(points, areas, places, spread)
        places = median(laid.places)
        spread = spread_of(laid.places, places)
    logs = middle_of(laid.logs)
    return _with_areas(laid._replace(logs=evened(laid.logs, logs)), places, spread)


def posed_reference(laid: Laid, usual: Reference, poses: NDArray[np.int64]) -> Reference:
    """For each hand the usual one of its pose, [hands, 29]; of all where a pose has few hands."""
    found = rows_of(usual, len(poses))
    for pose in np.unique(poses).tolist():
        rows = poses == pose
        if not FEWEST_OF_POSE <= rows.sum() < len(poses):
            continue
        same = Laid(laid.places[rows], laid.logs[rows], laid.bent[rows])
        places = _or(median(same.places), usual.places)
        own = _with_areas(same, places, _or(spread_of(same.places, places), usual.spread))
        found.places[rows], found.spread[rows] = own.places, own.spread
        found.logs[rows] = _or(own.logs, usual.logs)
        found.log_spread[rows] = _or(own.log_spread, usual.log_spread)
    return found


def rows_of(usual: Reference, hands: int) -> Reference:
    """The same reference for each of so many hands, [hands, 29]."""
    return Reference(
        np.tile(usual.places, (hands, 1)),
        np.tile(usual.spread, (hands, 1)),
        np.tile(usual.logs, (hands, 1)),
        np.tile(usual.log_spread, (hands, 1)),
    )


def evened(logs: Floats, usual: Floats) -> Floats:
    """Logarithms of areas [hands, 29] without what all bones of a hand share: thick bones."""
    return logs - middle_of(logs - usual, axis=1)[:, None]


def _with_areas(laid: Laid, places: Points, spread: Points) -> Reference:
    logs = middle_of(laid.logs)
    log_spread = steadied(middle_of(np.abs(laid.logs - logs)), len(laid.logs))
    return Reference(places, spread, logs, np.maximum(log_spread, _LEAST_LOG))


def _or(values: NDArray[Number], instead: NDArray[Number]) -> NDArray[Number]:
    return np.where(np.isfinite(values), values, instead)


def lay(points: Points, areas: Areas, places: Points, spread: Points) -> Laid:
    """Lay each hand on the places by the bones that fit; the forearm follows, unbent."""
    turn, shift = _fitted(points, places, spread)
    laid = (points - shift[:, None]) / turn[:, None]
    bent = laid.copy()
    laid[:, FOREARMS] = _unbent(laid[:, FOREARMS], places)
    return Laid(laid, np.log(areas) - 2 * np.log(np.abs(turn))[:, None], bent)


def middle_of(values: Floats, axis: int = 0) -> Floats:
    """The median of what is there; NaN, without a warning, where nothing is."""
    absent = np.asarray(np.isnan(values).all(axis=axis))
    filled = np.where(np.expand_dims(absent, axis), 0.0, values)
    return np.where(absent, np.nan, np.nanmedian(filled, axis=axis))


def median(points: Points) -> Points:
    """Of each column, to the side and along apart; NaN where there is nothing."""
    return middle_of(points.real) + 1j * middle_of(points.imag)


def spread_of(points: Points, middle: Points) -> Points:
    """Robust standard deviations of columns to the side and along."""
    away = points - middle
    side, along = (
        np.maximum(steadied(middle_of(np.abs(part)), len(points)), _LEAST_SHIFT)
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
        shared = float(middle_of(own[level]))
        squares = hands * own[level] ** 2 + _SHARED * shared**2
        steady[level] = np.sqrt(squares / (hands + _SHARED))
    return steady


def _first_places(points: Points) -> Points:
    stacked = np.stack((points.real, points.imag), axis=2)
    frame = frames(stacked)
    wrist = frame.wrist[:, 0] + 1j * frame.wrist[:, 1]
    up = frame.up[:, 0] + 1j * frame.up[:, 1]
    # `up` becomes -i: rows count downwards.
    return median((points - wrist[:, None]) / (1j * up * frame.length)[:, None])


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
