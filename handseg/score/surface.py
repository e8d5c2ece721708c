"""Distances between the outlines of two masks: 95 % Hausdorff distance and surface Dice.

The outline of a mask is those of its pixels that have a neighbour above, below, left or right that
is not in it; beyond the image nothing is in a mask. Distances are Euclidean, between the centres
of pixels, in pixels, from each pixel of an outline to the nearest of the other outline. These are
the definitions of MONAI (`compute_hausdorff_distance`, `compute_surface_dice` without subvoxels)
and of Metrics Reloaded (Maier-Hein, Reinke et al., Nature Methods 2024). Masks are decoded in the
box that holds both.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from handseg.reporter import Progress, silent
from handseg.rle import Runs
from handseg.rle.geometry import Segments, segments
from handseg.rle.submission import Submission
from handseg.score.means import Figures

TOLERANCE = 2.0
"""Pixels between outlines that count as agreement."""
PERCENTILE = 95


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


def box_of(pieces: Segments) -> Box:
    """The smallest box that holds the segments of one mask; there must be one."""
    top, bottom = int(pieces.row[0]), int(pieces.row[-1]) + 1  # runs are sorted
    return Box(top, int(pieces.start.min()), bottom, int(pieces.end.max()))


def crop(pieces: Segments, box: Box) -> NDArray[np.uint8]:
    """The mask inside `box`, which holds all pieces: uint8 [height, width] of 0 and 1."""
    steps = np.zeros((box.bottom - box.top, box.right - box.left + 1), dtype=np.int8)
    rows = pieces.row - box.top
    # Pieces of one row neither overlap nor touch: no place is written twice.
    steps[rows, pieces.start - box.left] = 1
    steps[rows, pieces.end - box.left] = -1
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
    pieces_a, pieces_b = segments([a], [width]), segments([b], [width])
    box = box_of(pieces_a).around(box_of(pieces_b))
    outline_a, outline_b = (_outline(crop(pieces, box)) for pieces in (pieces_a, pieces_b))
    return OutlineDistances(_distances(outline_a, outline_b), _distances(outline_b, outline_a))


def surface_metrics(
    predicted: Submission,
    labels: Submission,
    keys: Sequence[tuple[str, str]],
    sizes: Mapping[str, tuple[int, int]],
    progress: Progress = silent,
) -> dict[str, Figures]:
    """`hd95` and `nsd` of the masks of (image, class) `keys`, float64 [keys] each.

    `sizes` are (height, width) of every image. Raises InputError, with file, line, image and class,
    for run lengths at fault or past the end of the image.
    """
    from handseg.threads import threads

    def measure(key: tuple[str, str]) -> tuple[float, float]:
        size = sizes[key[0]]
        ours, theirs = predicted.runs(*key, size), labels.runs(*key, size)
        distances = outline_distances(ours, theirs, size[1])
        return distances.hd95(), distances.nsd()

    figures = np.empty((len(keys), 2))
    with threads() as pool:
        for place, pair in enumerate(pool.map(measure, keys)):
            figures[place] = pair
            progress(place + 1, len(keys), keys[place][0])
    return {"hd95": figures[:, 0], "nsd": figures[:, 1]}


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
    pieces = segments([runs], [width])
    return np.full(int(_outline(crop(pieces, box_of(pieces))).sum()), np.inf, np.float32)
