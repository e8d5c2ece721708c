"""Findings on the anatomy of hands: bones out of order, exchanged, or far from their place."""

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from handseg.anatomy import BONES, CARPALS, FINGERS
from handseg.rle.submission import Submission
from handseg.score.check.exchanges import best_exchange
from handseg.score.check.finding import Finding
from handseg.score.check.frame import Centres, frames
from handseg.score.check.hand_rules import rules_of
from handseg.score.check.masks import Masks

Areas = NDArray[np.float64]
"""float64 [images, 29] in pixels; NaN where there is none."""

MIRRORED = "an image labelled as the other hand"
EXCHANGED = "two neighbours are exchanged"
OUT_OF_ORDER = "a bone out of order"
FAR_AWAY = "a bone far from its place"

_CARPAL_REACH = 0.6
"""How far a carpal may lie from the wrist's centre, in lengths of the hand's frame: phantoms stay
below .27."""
_NEXT_REACH, _SECOND_REACH = 1.1, 1.5
"""How far a bone may lie from the next of its finger, and the next but one; phantoms stay below .57
and 1."""


class Hands(NamedTuple):
    """The images that have rows, the centres of their bones and their areas."""

    images: list[str]
    centres: Centres
    areas: Areas


def hands_findings(submission: Submission, hands: Hands) -> Iterator[Finding]:
    """What is out of order in each image's hand; silent where too few bones are there to tell."""
    images, centres, areas = hands
    mirrored = _mirrored(centres, areas)
    for at in np.flatnonzero(mirrored).tolist():
        detail = "thumb for little finger, Radius for Ulna: sizes and angles show it"
        yield Finding("warning", "anatomy", MIRRORED, detail, image=images[at])
    far = _far(centres) & ~mirrored[:, None]
    for at, bone in np.argwhere(far).tolist():
        detail = (
            "far from the wrist" if BONES[bone] in CARPALS else "far from the rest of its finger"
        )
        yield _of_bone(submission, FAR_AWAY, detail, images[at], BONES[bone])
    centres = np.where((mirrored[:, None] | far)[:, :, None], np.nan, centres)
    yield from _out_of_order(submission, images, centres)


def hand_measures(masks: Masks) -> Hands:
    """Where the bones of each image lie, by the masks of a submission of bones."""
    images = {image: None for image, _ in masks.keys}
    image_of = {image: at for at, image in enumerate(images)}
    bone_of = {bone: at for at, bone in enumerate(BONES)}
    centres = np.full((len(images), len(BONES), 2), np.nan)
    areas = np.full((len(images), len(BONES)), np.nan)
    for row, (image, cls) in enumerate(masks.keys):
        if masks.area[row]:
            at = image_of[image], bone_of[cls]
            centres[at] = masks.x[row], masks.y[row]
            areas[at] = masks.area[row]
    return Hands(list(images), centres, areas)


def _mirrored(centres: Centres, areas: Areas) -> NDArray[np.bool_]:
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


def _far(centres: Centres) -> NDArray[np.bool_]:
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


def _out_of_order(submission: Submission, images: list[str], centres: Centres) -> Iterator[Finding]:
    rules = rules_of(centres)
    faulty = np.flatnonzero(rules.broken.any(axis=1))
    if not len(faulty):
        return
    pairs, words, left = best_exchange(centres[faulty])
    for at, image in enumerate(faulty.tolist()):
        broken = np.flatnonzero(rules.broken[image]).tolist()
        # The exchange must put the hand in order, or nearly all of it.
        if left[at] <= len(broken) // 4:
            cls = pairs[at][0][0]
            yield _of_bone(submission, EXCHANGED, words[at], images[image], cls)
        else:
            against = [rules.pairs[rule] for rule in broken]
            yield _worst(submission, images[image], against)


def _worst(submission: Submission, image: str, pairs: list[tuple[str, str]]) -> Finding:
    """The bone that most of the broken rules are about."""
    counts = Counter(bone for pair in pairs for bone in pair)
    worst = counts.most_common(1)[0][0]
    others = [one if one != worst else other for one, other in pairs if worst in (one, other)]
    more = ", …" if len(others) > 4 else ""
    detail = f"against {', '.join(others[:4])}{more}"
    return _of_bone(submission, OUT_OF_ORDER, detail, image, worst)


def _of_bone(submission: Submission, reason: str, detail: str, image: str, bone: str) -> Finding:
    line = submission.line(image, bone) if (image, bone) in submission else 0
    return Finding("warning", "anatomy", reason, detail, line, image, bone)
