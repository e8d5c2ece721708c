"""Dice inside the overlaps of bones: of each pair that touches, and of all of an image.

An overlap is a mask too: the pixels of two classes at once. What is predicted of it is compared
with what the label has of it, on runs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import numpy as np

from handseg import anatomy, rle
from handseg.reporter import Progress, silent
from handseg.rle.submission import Submission
from handseg.score.means import Figures, column_means
from handseg.score.truth import GroundTruth

Pair = tuple[str, str]
Masks = dict[str, rle.Runs]
"""The masks of one image, by class."""


class PairDice(NamedTuple):
    """The mean Dice inside the overlap of two bones; NaN where no image has one."""

    dice: float
    images: int


@dataclass(frozen=True)
class OverlapScores:
    """Dice inside the overlaps of each image.

    `of_pairs` is float64 [images, pairs], NaN where neither the prediction nor the label has the
    two bones overlap or one of them was not labelled; `of_images` float64 [images] is that of all
    pixels that belong to two bones or more, NaN where there are none.
    """

    pairs: tuple[Pair, ...]
    of_pairs: Figures
    of_images: Figures

    def by_pair(self) -> dict[Pair, PairDice]:
        """For each pair its mean Dice and the number of images that have such an overlap."""
        counts = (~np.isnan(self.of_pairs)).sum(axis=0).tolist()
        means = column_means(self.of_pairs).tolist()
        return dict(zip(self.pairs, map(PairDice, means, counts), strict=True))


def touching_pairs(truth: GroundTruth, images: Sequence[str]) -> tuple[Pair, ...]:
    """The pairs of classes that touch: those of the anatomy, else those that overlap in labels."""
    class_of, classes = truth.class_of, truth.classes
    known = tuple(
        (class_of[a], class_of[b]) for a, b in anatomy.NEIGHBOURS if a in class_of and b in class_of
    )
    if known:
        return known
    found: set[Pair] = set()
    for image in images:
        masks = {cls: truth.labels.runs(image, cls) for cls in classes}
        for pair in combinations(classes, 2):
            if pair not in found and len(_shared(masks, pair)):
                found.add(pair)
    return tuple(pair for pair in combinations(classes, 2) if pair in found)


def overlap_scores(
    predicted: Submission,
    labels: Submission,
    labelled: dict[str, tuple[str, ...]],
    pairs: tuple[Pair, ...],
    progress: Progress = silent,
) -> OverlapScores:
    """Compare the overlaps of the images in `labelled`, which names their labelled classes.

    Raises InputError, with file, line, image and class, for run lengths at fault.
    """
    of_pairs = np.full((len(labelled), len(pairs)), np.nan)
    of_images = np.full(len(labelled), np.nan)
    for row, (image, classes) in enumerate(labelled.items()):
        size = labels.sizes.get(image)
        ours = {cls: predicted.runs(image, cls, size) for cls in classes}
        theirs = {cls: labels.runs(image, cls, size) for cls in classes}
        for column, pair in enumerate(pairs):
            if pair[0] in ours and pair[1] in ours:
                of_pairs[row, column] = _dice(_shared(ours, pair), _shared(theirs, pair))
        of_images[row] = _dice(_held_twice(ours), _held_twice(theirs))
        progress(row + 1, len(labelled), image)
    return OverlapScores(pairs, of_pairs, of_images)


def _shared(masks: Masks, pair: Pair) -> rle.Runs:
    a, b = masks[pair[0]], masks[pair[1]]
    if not len(a) or not len(b) or a[-1, 1] <= b[0, 0] or b[-1, 1] <= a[0, 0]:
        return rle.empty()  # most pairs: one ends above the other
    return rle.intersect(a, b)


def _held_twice(masks: Masks) -> rle.Runs:
    return rle.vote(list(masks.values()), threshold=1)


def _dice(predicted: rle.Runs, label: rle.Runs) -> float:
    if not len(predicted) and not len(label):
        return float("nan")
    return rle.dice(predicted, label)
