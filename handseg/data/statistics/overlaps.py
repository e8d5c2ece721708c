"""Which classes share pixels, and how many; on runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from handseg import rle
from handseg.data.label_masks import ImageMasks
from handseg.rle.geometry import Segments
from handseg.rle.sweeps import sweep

DEEPEST = 3
"""So many bones at one pixel are counted apart."""


class Shared(NamedTuple):
    """Two masks of an image that have pixels in common: classes by their places, and pixels."""

    image: int
    one: int
    other: int
    pixels: int


@dataclass(frozen=True)
class Pair:
    """How two classes overlap in the images in which they do."""

    classes: tuple[str, str]
    images: int
    of_images: int
    """Images that show both."""
    mean_pixels: float
    max_pixels: int
    mean_share: float
    """Of the smaller of the two masks."""
    max_share: float


def shared_pixels(part: ImageMasks, cut: Segments, classes: int) -> list[Shared]:
    """All pairs of masks of each image that overlap; `cut` are the segments of all masks."""
    masks = part.batch.masks()
    boxes = boxes_of(cut, len(masks))
    found: list[Shared] = []
    for image in range(len(part.images)):
        first = image * classes
        for one, other in touching(boxes[first : first + classes]):
            pixels = rle.overlap(masks[first + one], masks[first + other])
            if pixels:
                found.append(Shared(image, one, other, pixels))
    return found


def boxes_of(cut: Segments, masks: int) -> NDArray[np.int64]:
    """int64 [masks, 4]: top, left, bottom, right of each mask; of an empty one, nothing."""
    boxes = np.zeros((masks, 4), dtype=np.int64)
    if not len(cut.owner):
        return boxes
    first = np.flatnonzero(np.diff(cut.owner, prepend=-1))
    boxes[cut.owner[first]] = np.stack(
        (
            np.minimum.reduceat(cut.row, first),
            np.minimum.reduceat(cut.start, first),
            np.maximum.reduceat(cut.row, first) + 1,
            np.maximum.reduceat(cut.end, first),
        ),
        axis=1,
    )
    return boxes


def touching(boxes: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Pairs of boxes, int64 [boxes, 4], that have an area in common."""
    top, left, bottom, right = boxes.T
    rows = np.minimum(bottom[:, None], bottom) > np.maximum(top[:, None], top)
    columns = np.minimum(right[:, None], right) > np.maximum(left[:, None], left)
    return [(one, other) for one, other in np.argwhere(np.triu(rows & columns, 1)).tolist()]


def depths(part: ImageMasks, classes: int) -> NDArray[np.int64]:
    """Pixels that belong to at least 1, 2, … DEEPEST classes, int64 [images, DEEPEST]."""
    images = len(part.images)
    # Masks of one class stand together for the sweep, in the order of images.
    rows = np.repeat(np.arange(images), classes)
    weights = np.ones(len(rows), dtype=np.int64)
    found = [
        sweep(part.batch, rows, weights, np.full(images, depth, dtype=np.int64)).areas()
        for depth in range(DEEPEST)
    ]
    return np.stack(found, axis=1)


def pairs_of(
    shared: Sequence[Shared], areas: NDArray[np.float64], classes: Sequence[str]
) -> list[Pair]:
    """What all images have in common, the largest mean overlap first.

    `areas` float64 [images, classes], NaN where there is no mask.
    """
    grouped: dict[tuple[int, int], list[Shared]] = {}
    for one in shared:
        grouped.setdefault((one.one, one.other), []).append(one)
    there = np.isfinite(areas)
    pairs: list[Pair] = []
    for (a, b), found in grouped.items():
        pixels = np.array([one.pixels for one in found])
        smaller = np.array([min(areas[one.image, a], areas[one.image, b]) for one in found])
        pairs.append(
            Pair(
                (classes[a], classes[b]),
                len(found),
                int((there[:, a] & there[:, b]).sum()),
                float(pixels.mean()),
                int(pixels.max()),
                float((pixels / smaller).mean()),
                float((pixels / smaller).max()),
            )
        )
    return sorted(pairs, key=lambda pair: (-pair.mean_pixels * pair.images, pair.classes))
