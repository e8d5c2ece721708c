"""Findings on the anatomy of hands: bones out of order, exchanged, or far from their place.

What every hand must be like; no other hand is asked.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from handseg.anatomy import BONES, CARPALS
from handseg.check.findings import Finding
from handseg.hand.hands import Centres, Hands
from handseg.hand.order import best_exchange, far_from_place, mirrored, order_rules
from handseg.text import shown

MIRRORED = "an image labelled as the other hand"
EXCHANGED = "two neighbours are exchanged"
OUT_OF_ORDER = "a bone out of order"
FAR_AWAY = "a bone far from its place"


def anatomy_findings(hands: Hands) -> Iterator[Finding]:
    """What is out of order in each image's hand; silent where too few bones are there to tell.

    `cls` of a finding is the bone.
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
            yield of_bone(EXCHANGED, words[at], images[image], pairs[at][0][0])
        else:
            yield _worst(images[image], [rules.pairs[rule] for rule in broken])


def _worst(image: str, pairs: list[tuple[str, str]]) -> Finding:
    """The bone that most of the broken rules are about."""
    counts = Counter(bone for pair in pairs for bone in pair)
    worst = counts.most_common(1)[0][0]
    others = [one if one != worst else other for one, other in pairs if worst in (one, other)]
    return of_bone(OUT_OF_ORDER, f"against {shown(others, 4)}", image, worst)
