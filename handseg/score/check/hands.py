"""Findings on the anatomy of the hands that a submission masks."""

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from handseg.anatomy import BONES
from handseg.data.check.anatomy import (
    EXCHANGED,
    FAR_AWAY,
    MIRRORED,
    OUT_OF_ORDER,
    anatomy_findings,
)
from handseg.data.check.finding import Finding
from handseg.hand.frame import Centres
from handseg.hand.misplaced import Areas
from handseg.rle.submission import Submission
from handseg.score.check.masks import Masks

__all__ = [
    "EXCHANGED",
    "FAR_AWAY",
    "MIRRORED",
    "OUT_OF_ORDER",
    "Hands",
    "hand_measures",
    "hands_findings",
]


class Hands(NamedTuple):
    """The images that have rows, the centres of their bones and their areas."""

    images: list[str]
    centres: Centres
    areas: Areas


def hands_findings(submission: Submission, hands: Hands) -> Iterator[Finding]:
    """What is out of order in each image's hand, with the line of the row that says so."""
    for finding in anatomy_findings(*hands):
        place = finding.image, finding.cls
        line = submission.line(*place) if place in submission else 0
        yield replace(finding, line=line)


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
