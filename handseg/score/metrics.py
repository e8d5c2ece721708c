"""The figures that masks can be compared by: their names, what they mean, those that need areas.

A metric that would divide by nothing is settled as the competition's Dice is: two empty masks agree
(1), an empty mask and another do not (0).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from handseg.errors import UsageError, did_you_mean
from handseg.rle.aligned import Overlaps
from handseg.score.means import Figures


@dataclass(frozen=True)
class Metric:
    """How a figure is read: `digits` after the point, and whether more is better."""

    name: str
    meaning: str
    digits: int = 4
    more_is_better: bool = True

    def words(self, value: float) -> str:
        return "–" if np.isnan(value) else f"{value:.{self.digits}f}"

    def signed(self, difference: float) -> str:
        return "–" if np.isnan(difference) else f"{difference:+z.{self.digits}f}"


IMAGES = Metric("images", "how many images have it", 0)
DICE = Metric("dice", "the competition's: twice the overlap by the sum of the areas")
METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        DICE,
        Metric("iou", "the overlap by the area of both together"),
        Metric("precision", "the share of the predicted pixels that the label has"),
        Metric("recall", "the share of the label's pixels that were predicted"),
        Metric("hd95", "95 % Hausdorff distance of the outlines, pixels", 2, more_is_better=False),
        Metric("nsd", "the share of the outlines that are within 2 pixels of each other"),
        Metric("overlap", "Dice of the pixels that belong to two bones or more"),
    )
}
SURFACE = ("hd95", "nsd")
OVERLAP = "overlap"
"""A figure of images and of pairs of classes; the others are those of classes."""


def parse_metrics(text: str) -> tuple[str, ...]:
    """The metrics that a list with commas names, in the order of `METRICS`, Dice always.

    Raises UsageError for a name that is none.
    """
    named = [name.strip().lower() for name in text.split(",") if name.strip()]
    for name in named:
        if name not in METRICS:
            raise UsageError(
                f"there is no metric {name!r}{did_you_mean(name, METRICS)}",
                details="\n".join(f"{one.name:<10} {one.meaning}" for one in METRICS.values()),
            )
    return tuple(name for name in METRICS if name in named or name == DICE.name)


def needs_sizes(metrics: Sequence[str]) -> bool:
    """Whether one of the metrics needs to know where rows of pixels end."""
    return not set(SURFACE).isdisjoint(metrics)


def iou(counts: Overlaps) -> Figures:
    """|A∩B| / |A∪B|, [keys]."""
    return _share(counts.overlap, counts.area_a + counts.area_b - counts.overlap)


def precision(counts: Overlaps) -> Figures:
    """|A∩B| / |A| with A the prediction, [keys]; 0 where only the label has pixels."""
    return _share(counts.overlap, counts.area_a, counts.area_b)


def recall(counts: Overlaps) -> Figures:
    """|A∩B| / |B| with B the label, [keys]; 0 where only the prediction has pixels."""
    return _share(counts.overlap, counts.area_b, counts.area_a)


OF_AREAS: dict[str, Callable[[Overlaps], Figures]] = {
    "dice": Overlaps.dice,
    "iou": iou,
    "precision": precision,
    "recall": recall,
}
"""Metrics of areas and overlaps, prediction first: float64 [keys]."""


def _share(
    part: NDArray[np.int64], whole: NDArray[np.int64], other: NDArray[np.int64] | None = None
) -> Figures:
    """`part / whole`; where there is no whole, 1 if there is no `other` either, else 0."""
    empty = np.ones(len(whole)) if other is None else (other == 0).astype(np.float64)
    return np.divide(part, whole, out=empty, where=whole > 0)
