"""The metrics that masks can be compared by: names, meanings, and how they are measured.

Those of areas come from overlaps of runs. One that would divide by nothing is settled as the
competition's Dice is: two empty masks agree (1), an empty mask and another do not (0).

The outline of a mask is those of its pixels that have a neighbour above, below, left or right that
is not in it; beyond the image nothing is in a mask. Distances are Euclidean, between the centres
of pixels, in pixels, from each pixel of an outline to the nearest of the other outline. These are
the definitions of MONAI (`compute_hausdorff_distance`, `compute_surface_dice` without subvoxels)
and of Metrics Reloaded (Maier-Hein, Reinke et al., Nature Methods 2024). Masks are decoded in the
box that holds both.

An overlap of bones is a mask too: the pixels of two classes at once. What is predicted of it is
compared with what the label has of it, on runs.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from handseg import anatomy, rle
from handseg.errors import UsageError, did_you_mean
from handseg.rle import Runs
from handseg.rle.aligned import Overlaps
from handseg.rle.geometry import Segments, segments
from handseg.rle.submission import Submission
from handseg.score.means import Values, column_means
from handseg.work import Progress, silent, threads

TOLERANCE = 2.0
"""Pixels between outlines that count as agreement."""
PERCENTILE = 95
Pair = tuple[str, str]
Masks = dict[str, rle.Runs]
"""The masks of one image, by class."""


@dataclass(frozen=True)
class Metric:
    """How a value is read: `digits` after the point, and whether more is better."""

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
"""A value of images and of pairs of classes; the others are those of classes."""


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
    return not set(SURFACE).isdisjoint(metrics)


def iou(counts: Overlaps) -> Values:
    """|A∩B| / |A∪B|, [keys]."""
    return _share(counts.overlap, counts.area_a + counts.area_b - counts.overlap)


def precision(counts: Overlaps) -> Values:
    """|A∩B| / |A| with A the prediction, [keys]; 0 where only the label has pixels."""
    return _share(counts.overlap, counts.area_a, counts.area_b)


def recall(counts: Overlaps) -> Values:
    """|A∩B| / |B| with B the label, [keys]; 0 where only the prediction has pixels."""
    return _share(counts.overlap, counts.area_b, counts.area_a)


OF_AREAS: dict[str, Callable[[Overlaps], Values]] = {
    "dice": Overlaps.dice,
    "iou": iou,
    "precision": precision,
    "recall": recall,
}
"""Metrics of areas and overlaps, prediction first: float64 [keys]."""


class Box(NamedTuple):
    """Rows from `top` and columns from `left` to before `bottom` and `right`."""

    top: int
    left: int
    bottom: int
    right: int

    def around(self, other: "Box") -> "Box":
        """The smallest box that holds both."""
        low = (min(pair) for pair in zip(self[:2], other[:2], strict=True))
        high = (max(pair) for pair in zip(self[2:], other[2:], strict=True))
        return Box(*low, *high)


def box_of(cut: Segments) -> Box:
    """The smallest box that holds the segments of one mask; there must be one."""
    top, bottom = int(cut.row[0]), int(cut.row[-1]) + 1  # runs are sorted
    return Box(top, int(cut.start.min()), bottom, int(cut.end.max()))


def crop(cut: Segments, box: Box) -> NDArray[np.uint8]:
    """The mask inside `box`, which holds all segments: uint8 [height, width] of 0 and 1."""
    steps = np.zeros((box.bottom - box.top, box.right - box.left + 1), dtype=np.int8)
    rows = cut.row - box.top
    # Segments of one row neither overlap nor touch: no place is written twice.
    steps[rows, cut.start - box.left] = 1
    steps[rows, cut.end - box.left] = -1
    return np.cumsum(steps, axis=1, dtype=np.int8)[:, :-1].view(np.uint8)


class OutlineDistances(NamedTuple):
    """From each pixel of an outline to the other outline, in pixels, float32 [n] and [m]."""

    of_a: NDArray[np.float32]
    of_b: NDArray[np.float32]

    def hd95(self) -> float:
        """The larger of the two 95th percentiles (linear between ranks), one of each direction.

        0 where both masks are empty, NaN where one is: nothing is far from an outline that is not.
        """
        if not len(self.of_a) and not len(self.of_b):
            return 0.0
        if not len(self.of_a) or not len(self.of_b):
            return float("nan")
        return float(max(np.percentile(one, PERCENTILE) for one in self))

    def nsd(self, tolerance: float = TOLERANCE) -> float:
        """The share of the pixels of both outlines that are within `tolerance` of the other one.

        Surface Dice, or normalised surface distance (Nikolov et al. 2021, "Clinically applicable
        segmentation of head and neck anatomy for radiotherapy"). 1 where both masks are empty,
        0 where one is.
        """
        total = len(self.of_a) + len(self.of_b)
        return sum(int((one <= tolerance).sum()) for one in self) / total if total else 1.0


def outline_distances(a: Runs, b: Runs, width: int) -> OutlineDistances:
    """The distances between the outlines of two masks in an image of `width` pixels a row.

    Where one mask is empty, the distances of the other are infinite.
    """
    if not len(a) or not len(b):
        return OutlineDistances(_endless(a, width), _endless(b, width))
    cut_a, cut_b = segments([a], [width]), segments([b], [width])
    box = box_of(cut_a).around(box_of(cut_b))
    outline_a, outline_b = (_outline(crop(cut, box)) for cut in (cut_a, cut_b))
    return OutlineDistances(_distances(outline_a, outline_b), _distances(outline_b, outline_a))


def surface_metrics(
    predicted: Submission,
    labels: Submission,
    keys: Sequence[tuple[str, str]],
    sizes: Mapping[str, tuple[int, int]],
    progress: Progress = silent,
) -> dict[str, Values]:
    """`hd95` and `nsd` of the masks of (image, class) `keys`, float64 [keys] each.

    `sizes` are (height, width) of every image. Raises InputError, with file, line, image and class,
    for run lengths at fault or past the end of the image.
    """

    def measure(key: tuple[str, str]) -> tuple[float, float]:
        size = sizes[key[0]]
        ours, theirs = predicted.runs(*key, size), labels.runs(*key, size)
        distances = outline_distances(ours, theirs, size[1])
        return distances.hd95(), distances.nsd()

    values = np.empty((len(keys), 2))
    with threads() as pool:
        for place, pair in enumerate(pool.map(measure, keys)):
            values[place] = pair
            progress(place + 1, len(keys), keys[place][0])
    return {"hd95": values[:, 0], "nsd": values[:, 1]}


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
    of_pairs: Values
    of_images: Values

    def by_pair(self) -> dict[Pair, PairDice]:
        """For each pair its mean Dice and the number of images that have such an overlap."""
        counts = (~np.isnan(self.of_pairs)).sum(axis=0).tolist()
        means = column_means(self.of_pairs).tolist()
        return dict(zip(self.pairs, map(PairDice, means, counts), strict=True))


def touching_pairs(
    labels: Submission,
    classes: Sequence[str],
    class_of: Mapping[str, str],
    images: Sequence[str],
) -> tuple[Pair, ...]:
    """The pairs of classes that touch: those of the anatomy, else those that overlap in labels.

    `class_of` is the class that each bone is.
    """
    known = tuple(
        (class_of[a], class_of[b]) for a, b in anatomy.NEIGHBOURS if a in class_of and b in class_of
    )
    if known:
        return known
    found: set[Pair] = set()
    for image in images:
        masks = {cls: labels.runs(image, cls) for cls in classes}
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
                of_pairs[row, column] = _dice_of_overlap(_shared(ours, pair), _shared(theirs, pair))
        of_images[row] = _dice_of_overlap(_held_twice(ours), _held_twice(theirs))
        progress(row + 1, len(labelled), image)
    return OverlapScores(pairs, of_pairs, of_images)


def _share(
    part: NDArray[np.int64], whole: NDArray[np.int64], other: NDArray[np.int64] | None = None
) -> Values:
    """`part / whole`; where there is no whole, 1 if there is no `other` either, else 0."""
    empty = np.ones(len(whole)) if other is None else (other == 0).astype(np.float64)
    return np.divide(part, whole, out=empty, where=whole > 0)


def _outline(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The pixels of a mask that have a neighbour outside, uint8 of 0 and 1."""
    import cv2

    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    # Beyond the box there is nothing of the mask.
    inner = cv2.erode(mask, cross, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    return mask - np.asarray(inner, np.uint8)


def _distances(outline: NDArray[np.uint8], other: NDArray[np.uint8]) -> NDArray[np.float32]:
    import cv2

    # Exact Euclidean distances to the nearest 0 (Felzenszwalb and Huttenlocher 2012).
    away = cv2.distanceTransform(1 - other, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(away, np.float32)[outline != 0]


def _endless(runs: Runs, width: int) -> NDArray[np.float32]:
    """A distance to nothing for each pixel of an outline."""
    if not len(runs):
        return np.empty(0, np.float32)
    cut = segments([runs], [width])
    return np.full(int(_outline(crop(cut, box_of(cut))).sum()), np.inf, np.float32)


def _shared(masks: Masks, pair: Pair) -> rle.Runs:
    a, b = masks[pair[0]], masks[pair[1]]
    if not len(a) or not len(b) or a[-1, 1] <= b[0, 0] or b[-1, 1] <= a[0, 0]:
        return rle.empty()  # most pairs: one ends above the other
    return rle.intersect(a, b)


def _held_twice(masks: Masks) -> rle.Runs:
    return rle.vote(list(masks.values()), threshold=1)


def _dice_of_overlap(predicted: rle.Runs, label: rle.Runs) -> float:
    if not len(predicted) and not len(label):
        return float("nan")
    return rle.dice(predicted, label)
