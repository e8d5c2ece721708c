"""Every mask of the labels measured in one reading: areas, overlaps, positions; on runs."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from handseg import rle
from handseg.data.label_masks import ImageMasks, image_masks
from handseg.formats.submission import labelled_classes
from handseg.reporter import Progress, silent
from handseg.rle.geometry import Segments, segments
from handseg.rle.set_operations import weighted_vote
from handseg.rle.submission import Submission

CELLS = 48
"""Cells a side of a heat map, whatever the size of the image."""

Heat = NDArray[np.float64]
"""float64 [classes, CELLS, CELLS]: the share of a cell's area that a class covers on average."""
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


@dataclass(frozen=True)
class MaskStatistics:
    """What the masks of labelled images are like; arrays are [images, classes]."""

    images: tuple[str, ...]
    classes: tuple[str, ...]
    pixels: NDArray[np.int64]
    """int64 [images]: of the whole image."""
    areas: NDArray[np.float64]
    """In pixels; NaN where there is no mask."""
    labelled: NDArray[np.bool_]
    depths: NDArray[np.int64]
    """int64 [images, 3]: pixels that belong to at least one, two, three classes."""
    pairs: tuple[Pair, ...]
    heat: Heat
    """The mean over the images in which a class was labelled."""

    @property
    def shares(self) -> NDArray[np.float64]:
        return self.areas / self.pixels[:, None]

    @property
    def foreground(self) -> float:
        """The share of the image that is bone, mean over images; NaN without images."""
        return float((self.depths[:, 0] / self.pixels).mean()) if len(self.images) else math.nan

    def deep_share(self, classes: int) -> float:
        """The share of all foreground pixels that belong to at least so many classes, 1 to 3."""
        whole = int(self.depths[:, 0].sum())
        return int(self.depths[:, classes - 1].sum()) / whole if whole else 0.0


def measure_masks(
    labels: Submission, classes: Sequence[str], progress: Progress = silent
) -> MaskStatistics:
    """Read each mask once; raises InputError for run lengths at fault."""
    images = tuple(labels.sizes)
    shape = len(images), len(classes)
    areas = np.full(shape, np.nan)
    depth = np.zeros((len(images), DEEPEST), dtype=np.int64)
    heat = np.zeros((len(classes), CELLS, CELLS))
    shared: list[Shared] = []
    first = 0
    for part in image_masks(labels, labels.sizes, classes, progress):
        rows = slice(first, first + len(part.images))
        cut = segments(part.batch.masks(), np.repeat(part.widths, len(classes)).tolist())
        pixels = np.bincount(cut.owner, cut.end - cut.start, areas[rows].size)
        areas[rows] = np.where(pixels > 0, pixels, np.nan).reshape(areas[rows].shape)
        depth[rows] = depths(part, len(classes))
        heat += heat_of(part, cut, labels.sizes, len(classes))
        shared += [
            one._replace(image=one.image + first) for one in shared_pixels(part, cut, len(classes))
        ]
        first = rows.stop
    known = labelled_classes(labels, images, classes)
    whole = np.array([height * width for height, width in labels.sizes.values()], dtype=np.int64)
    heat /= np.maximum(1, known.sum(axis=0))[:, None, None]
    pairs = tuple(pairs_of(shared, areas, classes))
    return MaskStatistics(images, tuple(classes), whole, areas, known, depth, pairs, heat)


def heat_of(
    part: ImageMasks, cut: Segments, sizes: Mapping[str, tuple[int, int]], classes: int
) -> Heat:
    """The sum over the images of a part."""
    heights = np.repeat([sizes[image][0] for image in part.images], classes)
    covered = coverage(cut, len(part.images) * classes, heights)
    return covered.reshape(len(part.images), classes, CELLS, CELLS).sum(axis=0)


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
    # Masks of one class stand together for the vote, in the order of images.
    rows = np.repeat(np.arange(images), classes)
    weights = np.ones(len(rows), dtype=np.int64)
    found = [
        weighted_vote(part.batch, rows, weights, np.full(images, depth, dtype=np.int64)).areas()
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


def coverage(cut: Segments, masks: int, heights: NDArray[np.int64]) -> Heat:
    """The covered share of each cell, float64 [masks, CELLS, CELLS].

    `heights` int64 [masks] are those of the masks' images. Columns are shared out exactly; a row of
    pixels belongs to the cell that holds its middle.
    """
    height = heights[cut.owner]
    row = ((cut.row + 0.5) * CELLS / height).astype(np.int64)
    line = cut.owner * CELLS + row
    edges = np.zeros(masks * CELLS * (CELLS + 2))
    for columns, sign in ((cut.start, 1.0), (cut.end, -1.0)):
        place = columns * CELLS / cut.width
        cell = place.astype(np.int64)
        inside = place - cell
        # From an edge on, what is to its right is covered: the edge's own cell in part.
        at = line * (CELLS + 2) + cell
        edges += sign * np.bincount(at, 1 - inside, len(edges))
        edges += sign * np.bincount(at + 1, inside, len(edges))
    covered = np.cumsum(edges.reshape(masks, CELLS, CELLS + 2), axis=2)[:, :, :CELLS]
    return covered / rows_of_cells(heights)[:, :, None]


def rows_of_cells(heights: NDArray[np.int64]) -> NDArray[np.float64]:
    """How many rows of pixels belong to each row of cells, at least 1; [masks, CELLS]."""
    found = np.empty((len(heights), CELLS))
    for height in np.unique(heights).tolist():
        rows = ((np.arange(height) + 0.5) * CELLS / height).astype(np.int64)
        found[heights == height] = np.maximum(1, np.bincount(rows, minlength=CELLS))
    return found


@dataclass(frozen=True)
class ClassRow:
    """Areas of a class in pixels over the images that show it; None where none does."""

    name: str
    images: int
    """That show it."""
    of_images: int
    """In which it was labelled."""
    mean: float | None
    median: float | None
    spread: float | None
    """The standard deviation."""
    smallest: float | None
    largest: float | None
    share: float | None
    """Mean share of the image."""
    relative_spread: float | None
    """Standard deviation of the share, as a share of its mean: sizes of images do not count."""


def class_rows(figures: MaskStatistics) -> list[ClassRow]:
    return [_row(figures, column) for column in range(len(figures.classes))]


def _row(figures: MaskStatistics, column: int) -> ClassRow:
    areas, shares = figures.areas[:, column], figures.shares[:, column]
    there = np.isfinite(areas)
    known = int(figures.labelled[:, column].sum())
    name = figures.classes[column]
    if not there.any():
        return ClassRow(name, 0, known, *[None] * 7)
    areas, shares = areas[there], shares[there]
    return ClassRow(
        name,
        len(areas),
        known,
        float(areas.mean()),
        float(np.median(areas)),
        float(areas.std()),
        float(areas.min()),
        float(areas.max()),
        float(shares.mean()),
        float(shares.std() / shares.mean()),
    )
