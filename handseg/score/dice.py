"""The competition's Dice of images and classes, and of a submission on its run lengths."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from handseg import rle
from handseg.progress import Progress, silent
from handseg.rle.submission import Submission

if TYPE_CHECKING:
    from handseg.data.labels import SampleLabels


@dataclass(frozen=True)
class Scores:
    """Dice of each image and class: `dice` is float64 [images, classes], NaN where unlabelled."""

    images: tuple[str, ...]
    classes: tuple[str, ...]
    dice: NDArray[np.float64]

    def by_class(self) -> dict[str, float]:
        """The mean over the images for each class; NaN for a class that no image has labelled."""
        means = _means(self.dice)
        return dict(zip(self.classes, means.tolist(), strict=True))

    def mean(self) -> float:
        """The mean over the images for each class, then over the classes (the competition's)."""
        return mean_of_classes(self.by_class())

    def worst_class(self) -> str | None:
        """The class with the lowest mean; None where nothing was labelled."""
        return next((cls for cls, _ in worst_first(self.by_class())), None)


def mean_of_classes(by_class: Mapping[str, float]) -> float:
    """The mean over the classes that have a Dice; NaN where none has."""
    known = [value for value in by_class.values() if math.isfinite(value)]
    return math.fsum(known) / len(known) if known else math.nan


def worst_first(by_class: Mapping[str, float]) -> list[tuple[str, float]]:
    """(class, Dice) of the classes that have a Dice, the lowest first."""
    known = [(cls, value) for cls, value in by_class.items() if math.isfinite(value)]
    return sorted(known, key=lambda scored: scored[1])


def score_submission(
    submission: Submission,
    labels: "Mapping[str, SampleLabels]",
    classes: Sequence[str],
    progress: Progress = silent,
) -> Scores:
    """Dice of the submission for every image in `labels` and every class, in their order.

    A row that is missing is an empty mask; an unlabelled class gives NaN. Raises InputError, with
    file, line, image and class, for run lengths at fault and runs past the end of the image.
    """
    dice = np.full((len(labels), len(classes)), np.nan)
    for row, (image, label) in enumerate(labels.items()):
        progress(row, len(labels), image)
        for column, cls in enumerate(classes):
            if label.labelled[column]:
                predicted = submission.runs(image, cls, label.size)
                dice[row, column] = rle.dice(predicted, label.runs[column])
    progress(len(labels), len(labels))
    return Scores(tuple(labels), tuple(classes), dice)


def _means(dice: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean of each column over what is not NaN; NaN where there is nothing."""
    known = ~np.isnan(dice)
    counts = known.sum(axis=0)
    sums = np.where(known, dice, 0.0).sum(axis=0)
    return np.divide(sums, counts, out=np.full(len(counts), np.nan), where=counts > 0)
