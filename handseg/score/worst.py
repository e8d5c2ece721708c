"""The worst images of each class."""

from typing import NamedTuple

import numpy as np

from handseg.score.predictions import ScoredSubmission


class WorstImage(NamedTuple):
    """One of the worst images of a class, with the line of its row in the CSV, if it has one."""

    cls: str
    image: str
    dice: float
    line: int | None


def worst_images(scored: ScoredSubmission, count: int) -> list[WorstImage]:
    """Up to `count` images of each class, those with the lowest Dice first."""
    dice, submission = scored.scores.dice, scored.submission
    found: list[WorstImage] = []
    for column, cls in enumerate(scored.truth.classes):
        order = np.argsort(dice[:, column], kind="stable")  # NaN, the unlabelled, comes last
        for row in order[:count].tolist():
            value, image = float(dice[row, column]), scored.images[row]
            if np.isnan(value):
                break
            line = submission.line(image, cls) if (image, cls) in submission else None
            found.append(WorstImage(cls, image, value, line))
    return found
