"""Findings on the anatomy of hands: rules that each must obey, and outliers of their set.

By itself a hand has bones out of order, exchanged, or far from their place. Compared with the
reference hand of its set it has labels that fit better as the other hand's, on another bone, or
exchanged, and unusual places and areas. Thresholds were set on phantoms of the seeds 101 to 106
and 20000 to 20029; `benchmarks/check.py` measures on others.

A hand is aligned with the reference by turning, scaling and moving it so that most bones fit (least
squares, bones that do not fit weighted down); left hands are mirrored first. Medians and MADs make
the reference, since the faults sit inside the population. Distances are squares of robust z.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from handseg.anatomy import BONES, CARPALS, FINGERS, FOREARM
from handseg.check.findings import FEWEST, TO_SIGMA, UNLIKE_AREA, Finding
from handseg.hand.hands import LIMIT, Areas, Centres, Hands, frames, nan_median
from handseg.hand.order import (
    Exchange,
    best_exchange,
    exchanges,
    far_from_place,
    mirrored,
    order_rules,
)
from handseg.text import shown

Floats = NDArray[np.float64]
Points = NDArray[np.complex128]
"""x + iy of bones, [hands, 29]; NaN where there is none."""

Number = TypeVar("Number", np.float64, np.complex128)
BonePairs = Sequence[tuple[str, str]]
"""Bones of a hand of which the first's centre lies in the second's mask."""

MIRRORED = "an image labelled as the other hand"
NEIGHBOURS_EXCHANGED = "two neighbours are exchanged"
OUT_OF_ORDER = "a bone out of order"
FAR_AWAY = "a bone far from its place"
WRONG_BONE = "a label on the wrong bone"
EXCHANGED = "two labels are exchanged"
PLACE = "a place unlike that of the class in other images"
FEW = "too few whole hands to compare them"

LEAST_BONES = 8
"""Bones of a hand below which it is not compared."""
MIRROR_GAIN = 2.0
"""Squares of z a label by which a hand must fit better as the other: clean ones fit worse by 9."""
EXCHANGE_GAIN = 20.0
"""Squares of z by which an exchange must make a hand fit better: clean hands lose 3 at least."""
FITS, FITS_AFTER = 25.0, 50.0
"""Squares of z up to which a label may well be of a bone, and up to which it may be where an
exchange explains the hand: its wrist may be bent."""
FAR, FAR_SHIFT = 10.0, 0.04
"""Robust z, and lengths from wrist to fingers, of an unusual place; z is at
most 8.6 in clean hands."""
AREA_Z, AREA_FACTOR = 8.0, 1.6
"""Robust z and factor of an area that is unusual."""
CUT_FACTOR = 6.0
"""The image's border cuts forearms: they may be so much smaller."""
_EXCHANGES = 3
"""Exchanges that are looked for in each hand."""
_OFTEN = 0.05
"""Where so many hands have a bone's centre in another's mask, that is no matter."""

_LEAST_SHIFT, _LEAST_LOG = 0.008, 0.06
"""Spreads below are taken for these: lengths of the hand's frame, and logarithms of areas."""
_LEAST_FOREARM = 0.1
"""The image's border cuts forearms: that moves their centres along them."""
_ROUNDS, _REWEIGHTED = 4, 6
_STEEPEST = np.radians(50)
"""A forearm that is bent by more is left where it is."""
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


def anatomy_findings(hands: Hands) -> Iterator[Finding]:
    """What is out of order in each image's hand, by rules that every hand obeys (`hand.order`).

    Silent where too few bones are there to tell. `cls` of a finding is the bone.
    """
    images, centres = hands.images, hands.centres
    other_hand = mirrored(centres, hands.areas)
    for at in np.flatnonzero(other_hand).tolist():
        detail = "thumb for little finger, Radius for Ulna: sizes and angles show it"
        yield Finding("warning", "anatomy", MIRRORED, detail, image=images[at])
    far = far_from_place(centres) & ~other_hand[:, None]
    for at, bone in np.argwhere(far).tolist():
        detail = (
            "far from the wrist" if BONES[bone] in CARPALS else "far from the rest of its finger"
        )
        yield of_bone(FAR_AWAY, detail, images[at], BONES[bone])
    centres = np.where((other_hand[:, None] | far)[:, :, None], np.nan, centres)
    yield from bone_order_findings(images, centres)


def of_bone(reason: str, detail: str, image: str, bone: str, weight: float = 0.0) -> Finding:
    return Finding("warning", "anatomy", reason, detail, image=image, cls=bone, weight=weight)


def bone_order_findings(images: Sequence[str], centres: Centres) -> Iterator[Finding]:
    """Hands in which bones are out of order, with the exchange that mends it where there is one."""
    rules = order_rules(centres)
    faulty = np.flatnonzero(rules.broken.any(axis=1))
    if not len(faulty):
        return
    pairs, words, left = best_exchange(centres[faulty])
    for at, image in enumerate(faulty.tolist()):
        broken = np.flatnonzero(rules.broken[image]).tolist()
        # The exchange must put the hand in order, or nearly all of it.
        if left[at] <= len(broken) // 4:
            yield of_bone(NEIGHBOURS_EXCHANGED, words[at], images[image], pairs[at][0][0])
        else:
            yield _most_blamed(images[image], [rules.pairs[rule] for rule in broken])


def _most_blamed(image: str, pairs: list[tuple[str, str]]) -> Finding:
    """The bone that most of the broken rules are about."""
    counts = Counter(bone for pair in pairs for bone in pair)
    worst = counts.most_common(1)[0][0]
    others = [one if one != worst else other for one, other in pairs if worst in (one, other)]
    return of_bone(OUT_OF_ORDER, f"against {shown(others, 4)}", image, worst)


def population_findings(hands: Hands, inside: Sequence[BonePairs] = ()) -> list[Finding]:
    """Hands, labels, places and areas unlike those of the set; rules of anatomy for few hands.

    Args:
        hands: areas in pixels [hands, 29], centres [hands, 29, 2]; NaN for a bone that is absent.
        inside: for each hand the bones whose centre lies in another's mask, where that is known.

    Returns:
        Findings of which the heaviest (`weight`, in squares of robust z or in z) is farthest out.
    """
    known = np.isfinite(hands.areas).sum(axis=1) >= LEAST_BONES
    # Without fingers and a wrist a hand points nowhere.
    known &= np.isfinite(frames(hands.centres).length)
    if known.sum() < FEWEST:
        detail = f"{int(known.sum())} hands; medians need {FEWEST}: only the order of bones was"
        few = Finding("note", "anatomy", FEW, f"{detail} looked at")
        rules = anatomy_findings(hands)
        return [*([few] if known.any() else []), *rules]
    rows = np.flatnonzero(known)
    pairs = [inside[row] for row in rows.tolist()] if inside else [()] * len(rows)
    return list(_Population(hands.only(rows), pairs).findings())


class _Population:
    """The reference hand and how far each label is from each bone of it."""

    def __init__(self, hands: Hands, inside: Sequence[BonePairs]) -> None:
        self.hands, self.inside = hands, inside
        thumb_left = order_rules(hands.centres).thumb_left
        points = hands.centres[:, :, 0] + 1j * hands.centres[:, :, 1]
        self.points: Points = np.where(thumb_left[:, None], points, -points.conj())
        self.reference: ReferenceHand = reference_hand(self.points, hands.areas)
        aligned = align_hands(
            self.points, hands.areas, self.reference.places, self.reference.spread
        )
        self.aligned: AlignedHands = aligned._replace(
            logs=without_thickness(aligned.logs, self.reference.logs)
        )
        poses = pose_groups(hands.bends, thumb_left)
        self.of_pose: ReferenceHand = reference_hands_by_pose(self.aligned, self.reference, poses)
        self.distance: ClassDistance = class_distance(self.aligned, self.of_pose)
        self.explained = np.zeros(hands.areas.shape, dtype=np.bool_)
        """[hands, 29]: labels of which something was said."""

    def findings(self) -> Iterator[Finding]:
        """What explains most comes first, and what it explains is not said again."""
        yield from self._mirrored()
        for _ in range(_EXCHANGES):
            yield from self._exchanged()
        yield from self._misplaced()
        yield from self._areas()
        # What no comparison has said, the order of bones may.
        hidden = np.where(self.explained[:, :, None], np.nan, self.hands.centres)
        yield from bone_order_findings(self.hands.images, hidden)

    def _mirrored(self) -> Iterator[Finding]:
        fits = own_class(self.distance.place + self.distance.area)
        gains = mirror_gains(self.points, self.hands.areas, fits, self.reference)
        for at in np.flatnonzero(gains > MIRROR_GAIN).tolist():
            detail = "as the other hand its bones lie and measure as those of the set"
            image = self.hands.images[at]
            yield Finding("warning", "anatomy", MIRRORED, detail, image=image, weight=gains[at])
            self.explained[at] = True

    def _exchanged(self) -> Iterator[Finding]:
        """The exchange of each hand that makes it fit most better; one a hand and call."""
        possible = possible_exchanges()
        words, pairs = list(possible), list(possible.values())
        total = np.where(self.explained[:, :, None], np.nan, self.distance.total)
        gains = exchange_gains(total, pairs)
        best = gains.argmax(axis=1)
        for at in np.flatnonzero(gains.max(axis=1) > EXCHANGE_GAIN).tolist():
            exchange = pairs[int(best[at])]
            if not self._fit_after(at, exchange):
                continue
            usual = words[int(best[at])] in exchanges()
            reason = NEIGHBOURS_EXCHANGED if usual else EXCHANGED
            bone, gain = exchange[0][0], float(gains[at, best[at]])
            yield of_bone(reason, words[int(best[at])], self.hands.images[at], bone, gain)
            bones = {bone for pair in exchange for bone in pair}
            # One bone of the forearm in the hand turns the other with it.
            bones |= set(FOREARM) if bones & set(FOREARM) else set()
            self.explained[at, [BONES.index(bone) for bone in bones]] = True

    def _fit_after(self, at: int, exchange: Exchange) -> bool:
        """Whether all labels lie well after the exchange."""
        places = [(BONES.index(one), BONES.index(other)) for one, other in exchange]
        total = self.distance.total[at]
        return all(max(total[one, other], total[other, one]) < FITS_AFTER for one, other in places)

    def _misplaced(self) -> Iterator[Finding]:
        z = np.sqrt(own_class(self.distance.place))
        away = np.abs(self.aligned.places - self.of_pose.places)
        on = self._lies_on()
        with np.errstate(invalid="ignore"):
            out = (z > FAR) & (away > FAR_SHIFT) & ~self.explained
        for at, bone in np.argwhere(out).tolist():
            other = on[at].get(BONES[bone]) or self._fits_as(at, bone)
            far = f"{away[at, bone]:.0%} of the hand's length off (robust z {z[at, bone]:.0f})"
            reason, detail = (WRONG_BONE, f"on the {other}, {far}") if other else (PLACE, far)
            yield of_bone(reason, detail, self.hands.images[at], BONES[bone], float(z[at, bone]))
            self.explained[at, bone] = True

    def _lies_on(self) -> list[Mapping[str, str]]:
        """Of each hand the bones whose centre lies in the mask of one where it does not belong."""
        times = Counter(pair for pairs in self.inside for pair in pairs)
        most = max(1, _OFTEN * len(self.inside))
        return [
            {one: other for one, other in pairs if times[one, other] <= most}
            for pairs in self.inside
        ]

    def _fits_as(self, at: int, bone: int) -> str | None:
        """The bone that a label fits well, whose own label is not there or somewhere else."""
        total = self.distance.total[at, bone]
        if not np.isfinite(total).any():
            return None
        best = int(np.nanargmin(total))
        return BONES[best] if best != bone and total[best] < FITS else None

    def _areas(self) -> Iterator[Finding]:
        logs = self.aligned.logs - self.of_pose.logs
        z = logs / self.of_pose.log_spread
        smallest = np.full(len(BONES), -np.log(AREA_FACTOR))
        smallest[[BONES.index(bone) for bone in FOREARM]] = -np.log(CUT_FACTOR)
        with np.errstate(invalid="ignore"):
            out = (np.abs(z) > AREA_Z) & ((logs > np.log(AREA_FACTOR)) | (logs < smallest))
        for at, bone in np.argwhere(out & ~self.explained).tolist():
            factor, far = float(np.exp(logs[at, bone])), float(z[at, bone])
            pixels = self.hands.areas[at, bone]
            detail = f"{pixels:,.0f} pixels, {factor:.2g} times the usual (robust z {far:+.0f})"
            yield of_bone(UNLIKE_AREA, detail, self.hands.images[at], BONES[bone], abs(far))
            self.explained[at, bone] = True


def pose_groups(bends: Floats, thumb_left: NDArray[np.bool_]) -> NDArray[np.int64]:
    """-1 and 1 for wrists bent to either side, 0 for straight and unknown ones."""
    # Mirrored as the hands are, so that a bend to the thumb is one on both sides.
    degrees = np.where(thumb_left, bends, -bends)
    with np.errstate(invalid="ignore"):
        return (degrees > LIMIT).astype(np.int64) - (degrees < -LIMIT).astype(np.int64)


class ReferenceHand(NamedTuple):
    """The usual hand of a set: places of bones, thumb to the left and fingers up; logs of areas.

    [29], or [hands, 29] where hands differ in their pose. `spread` holds the standard deviations to
    the side (real) and along the hand (imaginary).
    """

    places: Points
    spread: Points
    logs: Floats
    log_spread: Floats


class AlignedHands(NamedTuple):
    """Hands aligned on a reference: places and logarithms of areas in its units, [hands, 29]."""

    places: Points
    """The forearm is turned to where the reference's points."""
    logs: Floats
    bent: Points
    """Places with the forearm as it is."""


def reference_hand(points: Points, areas: Areas) -> ReferenceHand:
    """The reference of hands that are upright."""
    places, spread = _first_places(points), np.full(len(BONES), 0.03 + 0.03j)
    aligned = AlignedHands(points, areas, points)
    for _ in range(_ROUNDS):
        aligned = align_hands(points, areas, places, spread)
        places = median_place(aligned.places)
        spread = robust_spread(aligned.places, places)
    logs = nan_median(aligned.logs)
    return _with_areas(aligned._replace(logs=without_thickness(aligned.logs, logs)), places, spread)


def reference_hands_by_pose(
    aligned: AlignedHands, reference: ReferenceHand, poses: NDArray[np.int64]
) -> ReferenceHand:
    """For each hand the reference of its pose, [hands, 29]; of all where a pose has few hands."""
    found = same_for_all(reference, len(poses))
    for pose in np.unique(poses).tolist():
        rows = poses == pose
        if not FEWEST_OF_POSE <= rows.sum() < len(poses):
            continue
        same = AlignedHands(aligned.places[rows], aligned.logs[rows], aligned.bent[rows])
        places = _or(median_place(same.places), reference.places)
        own = _with_areas(same, places, _or(robust_spread(same.places, places), reference.spread))
        found.places[rows], found.spread[rows] = own.places, own.spread
        found.logs[rows] = _or(own.logs, reference.logs)
        found.log_spread[rows] = _or(own.log_spread, reference.log_spread)
    return found


def same_for_all(reference: ReferenceHand, hands: int) -> ReferenceHand:
    """The same reference for each of so many hands, [hands, 29]."""
    return ReferenceHand(
        np.tile(reference.places, (hands, 1)),
        np.tile(reference.spread, (hands, 1)),
        np.tile(reference.logs, (hands, 1)),
        np.tile(reference.log_spread, (hands, 1)),
    )


def without_thickness(logs: Floats, reference: Floats) -> Floats:
    """Logarithms of areas [hands, 29] without what all bones of a hand share: thick bones."""
    return logs - nan_median(logs - reference, axis=1)[:, None]


def _with_areas(aligned: AlignedHands, places: Points, spread: Points) -> ReferenceHand:
    logs = nan_median(aligned.logs)
    log_spread = pooled_deviations(nan_median(np.abs(aligned.logs - logs)), len(aligned.logs))
    return ReferenceHand(places, spread, logs, np.maximum(log_spread, _LEAST_LOG))


def _or(values: NDArray[Number], instead: NDArray[Number]) -> NDArray[Number]:
    return np.where(np.isfinite(values), values, instead)


def align_hands(points: Points, areas: Areas, places: Points, spread: Points) -> AlignedHands:
    """Lay each hand on the places by the bones that fit; the forearm follows, unbent."""
    turn, shift = _fitted(points, places, spread)
    aligned = (points - shift[:, None]) / turn[:, None]
    bent = aligned.copy()
    aligned[:, FOREARMS] = _unbent(aligned[:, FOREARMS], places)
    return AlignedHands(aligned, np.log(areas) - 2 * np.log(np.abs(turn))[:, None], bent)


def median_place(points: Points) -> Points:
    """Of each column, to the side and along apart; NaN where there is nothing."""
    return nan_median(points.real) + 1j * nan_median(points.imag)


def robust_spread(points: Points, middle: Points) -> Points:
    """Robust standard deviations of columns to the side and along."""
    away = points - middle
    side, along = (
        np.maximum(pooled_deviations(nan_median(np.abs(part)), len(points)), _LEAST_SHIFT)
        for part in (away.real, away.imag)
    )
    along[FOREARMS] = np.maximum(along[FOREARMS], _LEAST_FOREARM)
    return side + 1j * along


def pooled_deviations(deviations: Floats, hands: int) -> Floats:
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


def class_distance(aligned: AlignedHands, reference: ReferenceHand) -> ClassDistance:
    """How far each label is from each bone; `reference` is [hands, 29]."""
    place = _squares(aligned.places, reference)
    # Where labels of hand and forearm are mistaken, the forearm's direction is not known.
    hand = np.setdiff1d(np.arange(len(BONES)), FOREARMS)
    bent = _squares(aligned.bent, reference, _UNKNOWN_BEND)
    place[:, hand[:, None], FOREARMS] = bent[:, hand[:, None], FOREARMS]
    place[:, np.array(FOREARMS)[:, None], hand] = _squares(aligned.bent, reference)[
        :, np.array(FOREARMS)[:, None], hand
    ]
    logs = aligned.logs[:, :, None] - reference.logs[:, None]
    return ClassDistance(place, (logs / reference.log_spread[:, None]) ** 2)


def _squares(places: Points, reference: ReferenceHand, least: float = 0.0) -> Floats:
    """[hands, labels, bones]; spreads below `least` are taken for it."""
    away = places[:, :, None] - reference.places[:, None]
    spread = reference.spread[:, None]
    side, along = np.maximum(spread.real, least), np.maximum(spread.imag, least)
    return (away.real / side) ** 2 + (away.imag / along) ** 2


def own_class(values: Floats) -> Floats:
    """Of each label as the bone that it says, [hands, 29]."""
    bones = np.arange(len(BONES))
    return values[:, bones, bones]


def possible_exchanges() -> dict[str, Exchange]:
    """Every exchange of two bones, and those of whole fingers, by the words for them."""
    known = exchanges()
    words = {frozenset(pairs[0]): word for word, pairs in known.items() if len(pairs) == 1}
    every = {
        words.get(frozenset(pair), " and ".join(pair)): (pair,) for pair in combinations(BONES, 2)
    }
    return every | {word: pairs for word, pairs in known.items() if len(pairs) > 1}


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


def mirror_gains(points: Points, areas: Areas, fits: Floats, reference: ReferenceHand) -> Floats:
    """By how much each hand fits better, per label, as one that was labelled as the other.

    `points` are upright; `fits` [hands, 29] are the labels' own squares of z; `reference` is [29].
    """
    labels = [BONES.index(label) for label in MIRROR]
    bones = [BONES.index(bone) for bone in MIRROR.values()]
    turned, turned_areas = np.full_like(points, np.nan), np.full_like(areas, np.nan)
    turned[:, bones] = -points[:, labels].conj()
    turned_areas[:, bones] = areas[:, labels]
    aligned = align_hands(turned, turned_areas, reference.places, reference.spread)
    aligned = aligned._replace(logs=without_thickness(aligned.logs, reference.logs))
    found = class_distance(aligned, same_for_all(reference, len(points)))
    other = own_class(found.place + found.area)[:, bones]
    known = np.isfinite(other) & np.isfinite(fits[:, labels])
    better = np.minimum(fits[:, labels], _MIRROR_CAP) - np.minimum(other, _MIRROR_CAP)
    count: NDArray[np.int64] = known.sum(axis=1)
    with np.errstate(invalid="ignore"):
        return np.where(known, better, 0).sum(axis=1) / count
