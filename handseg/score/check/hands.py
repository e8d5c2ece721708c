"""Findings on the anatomy of hands: bones out of order, exchanged, or far from their place."""

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from handseg.anatomy import BONES, CARPALS
from handseg.hand.exchanges import best_exchange
from handseg.hand.frame import Centres
from handseg.hand.misplaced import Areas, far_from_place, mirrored
from handseg.hand.order import rules_of
from handseg.rle.submission import Submission
from handseg.score.check.finding import Finding
from handseg.score.check.masks import Masks

MIRRORED = "an image labelled as the other hand"
EXCHANGED = "two neighbours are exchanged"
OUT_OF_ORDER = "a bone out of order"
FAR_AWAY = "a bone far from its place"


class Hands(NamedTuple):
    """The images that have rows, the centres of their bones and their areas."""

    images: list[str]
    centres: Centres
    areas: Areas


def hands_findings(submission: Submission, hands: Hands) -> Iterator[Finding]:
    """What is out of order in each image's hand; silent where too few bones are there to tell."""
    images, centres, areas = hands
    other_hand = mirrored(centres, areas)
    for at in np.flatnonzero(other_hand).tolist():
        detail = "thumb for little finger, Radius for Ulna: sizes and angles show it"
        yield Finding("warning", "anatomy", MIRRORED, detail, image=images[at])
    far = far_from_place(centres) & ~other_hand[:, None]
    for at, bone in np.argwhere(far).tolist():
        detail = (
            "far from the wrist" if BONES[bone] in CARPALS else "far from the rest of its finger"
        )
        yield _of_bone(submission, FAR_AWAY, detail, images[at], BONES[bone])
    centres = np.where((other_hand[:, None] | far)[:, :, None], np.nan, centres)
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
