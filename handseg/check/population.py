"""Hands compared with the usual hand of their set: the other hand's labels, exchanges, outliers.

Thresholds were set on phantoms of the seeds 101 to 106 and 20000 to 20029; `benchmarks/check.py`
measures on others.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from handseg.anatomy import BONES, FOREARM
from handseg.check import anatomy, reference
from handseg.check.anatomy import of_bone
from handseg.check.findings import UNLIKE_AREA, Finding
from handseg.check.reference import (
    FEWEST,
    ClassDistance,
    Floats,
    LaidHands,
    Points,
    UsualHand,
    class_distance,
    own_class,
)
from handseg.hand.hands import Hands, frames
from handseg.hand.order import Exchange, exchanges, order_rules
from handseg.hand.pose import LIMIT

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
_ROUNDS = 3
_OFTEN = 0.05
"""Where so many hands have a bone's centre in another's mask, that is no matter."""


BonePairs = Sequence[tuple[str, str]]
"""Bones of a hand of which the first's centre lies in the second's mask."""


def population_findings(hands: Hands, inside: Sequence[BonePairs] = ()) -> list[Finding]:
    """Outliers, ranked by how far out they are; rules of anatomy where there are few hands.

    `inside` are the pairs of each hand, where they are known.
    """
    known = np.isfinite(hands.areas).sum(axis=1) >= LEAST_BONES
    # Without fingers and a wrist a hand points nowhere.
    known &= np.isfinite(frames(hands.centres).length)
    if known.sum() < FEWEST:
        detail = f"{int(known.sum())} hands; medians need {FEWEST}: only the order of bones was"
        few = Finding("note", "anatomy", FEW, f"{detail} looked at")
        rules = anatomy.anatomy_findings(hands)
        return [*([few] if known.any() else []), *rules]
    rows = np.flatnonzero(known)
    pairs = [inside[row] for row in rows.tolist()] if inside else [()] * len(rows)
    return list(_Population(hands.only(rows), pairs).findings())


class _Population:
    """The usual hand and how far each label is from each bone of it."""

    def __init__(self, hands: Hands, inside: Sequence[BonePairs]) -> None:
        self.hands, self.inside = hands, inside
        thumb_left = order_rules(hands.centres).thumb_left
        self.points: Points = reference.upright(hands.centres, thumb_left)
        self.usual: UsualHand = reference.usual_hand(self.points, hands.areas)
        laid = reference.lay(self.points, hands.areas, self.usual.places, self.usual.spread)
        self.laid: LaidHands = laid._replace(logs=reference.evened(laid.logs, self.usual.logs))
        poses = pose_groups(hands.bends, thumb_left)
        self.of_pose: UsualHand = reference.usual_hands_by_pose(self.laid, self.usual, poses)
        self.distance: ClassDistance = class_distance(self.laid, self.of_pose)
        self.explained = np.zeros(hands.areas.shape, dtype=np.bool_)
        """[hands, 29]: labels of which something was said."""

    def findings(self) -> Iterator[Finding]:
        """What explains most comes first, and what it explains is not said again."""
        yield from self._mirrored()
        for _ in range(_ROUNDS):
            yield from self._exchanged()
        yield from self._misplaced()
        yield from self._areas()
        # What no comparison has said, the order of bones may.
        hidden = np.where(self.explained[:, :, None], np.nan, self.hands.centres)
        yield from anatomy.bone_order_findings(self.hands.images, hidden)

    def _mirrored(self) -> Iterator[Finding]:
        fits = own_class(self.distance.place + self.distance.area)
        gains = reference.mirror_gains(self.points, self.hands.areas, fits, self.usual)
        for at in np.flatnonzero(gains > MIRROR_GAIN).tolist():
            detail = "as the other hand its bones lie and measure as those of the set"
            image = self.hands.images[at]
            yield Finding(
                "warning", "anatomy", anatomy.MIRRORED, detail, image=image, weight=gains[at]
            )
            self.explained[at] = True

    def _exchanged(self) -> Iterator[Finding]:
        """The exchange of each hand that makes it fit most better; one a hand and call."""
        possible = reference.possible_exchanges()
        words, pairs = list(possible), list(possible.values())
        total = np.where(self.explained[:, :, None], np.nan, self.distance.total)
        gains = reference.exchange_gains(total, pairs)
        best = gains.argmax(axis=1)
        for at in np.flatnonzero(gains.max(axis=1) > EXCHANGE_GAIN).tolist():
            exchange = pairs[int(best[at])]
            if not self._fit_after(at, exchange):
                continue
            usual = words[int(best[at])] in exchanges()
            reason = anatomy.EXCHANGED if usual else EXCHANGED
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
        away = np.abs(self.laid.places - self.of_pose.places)
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
        logs = self.laid.logs - self.of_pose.logs
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
