"""The competition's Dice of images and classes."""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from handseg.score.means import column_means, mean_of_known


@dataclass(frozen=True)
class Scores:
    """Dice of each image and class: `dice` is float64 [images, classes], NaN where unlabelled."""

    images: tuple[str, ...]
    classes: tuple[str, ...]
    dice: NDArray[np.float64]
    not_bones: Collection[str] = ()
    """Classes that the mean leaves out."""
    both_empty: NDArray[np.bool_] | None = None
    """bool [images, classes]: where label and prediction are empty, which is a Dice of 1."""

    def by_class(self) -> dict[str, float]:
        """The mean over the images for each class; NaN for a class that no image has labelled."""
        return dict(zip(self.classes, column_means(self.dice).tolist(), strict=True))

    def mean(self) -> float:
        """The mean over the images for each class, then over the classes (the competition's)."""
        return mean_of_classes(self.by_class(), self.not_bones)

    def empty_masks(self) -> int:
        """Masks of the mean that are empty in label and prediction; 0 where that is not known."""
        if self.both_empty is None:
            return 0
        return int(self.both_empty[:, [cls not in self.not_bones for cls in self.classes]].sum())

    def worst_class(self) -> str | None:
        return next((cls for cls, _ in worst_first(self.by_class(), self.not_bones)), None)


def mean_of_classes(by_class: Mapping[str, float], not_bones: Collection[str] = ()) -> float:
    """The mean over the classes that have a Dice and are bones; NaN where none has."""
    return mean_of_known(value for cls, value in by_class.items() if cls not in not_bones)


def worst_first(
    by_class: Mapping[str, float], not_bones: Collection[str] = ()
) -> list[tuple[str, float]]:
    """(class, Dice) of the classes that have a Dice and are bones, the lowest first."""
    known = [
        (cls, value)
        for cls, value in by_class.items()
        if math.isfinite(value) and cls not in not_bones
    ]
    return sorted(known, key=lambda scored: scored[1])
