"""Every mask of the labels measured in one reading: areas, overlaps, positions."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from handseg.data.label_masks import ImageMasks, image_masks
from handseg.data.labelled import labelled_classes
from handseg.data.statistics.heat import CELLS, Heat, coverage
from handseg.data.statistics.overlaps import (
    DEEPEST,
    Pair,
    Shared,
    depths,
    pairs_of,
    shared_pixels,
)
from handseg.reporter import Progress, silent
from handseg.rle.geometry import Segments, segments
from handseg.rle.submission import Submission


@dataclass(frozen=True)
class MaskFigures:
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
        """Areas as shares of the image."""
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
) -> MaskFigures:
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
        cut = cut_of(part, len(classes))
        areas[rows] = areas_of(cut, (len(part.images), len(classes)))
        depth[rows] = depths(part, len(classes))
        heat += heat_of(part, cut, labels.sizes, len(classes))
        shared += [
            one._replace(image=one.image + first) for one in shared_pixels(part, cut, len(classes))
        ]
        first = rows.stop
    known = labelled_classes(labels, images, classes)
    pixels = np.array([height * width for height, width in labels.sizes.values()], dtype=np.int64)
    heat /= np.maximum(1, known.sum(axis=0))[:, None, None]
    pairs = tuple(pairs_of(shared, areas, classes))
    return MaskFigures(images, tuple(classes), pixels, areas, known, depth, pairs, heat)


def cut_of(part: ImageMasks, classes: int) -> Segments:
    """The segments of all masks of a part."""
    return segments(part.batch.masks(), np.repeat(part.widths, classes).tolist())


def areas_of(cut: Segments, shape: tuple[int, int]) -> NDArray[np.float64]:
    """Pixels of each mask, float64 [images, classes]; NaN where there are none."""
    areas = np.bincount(cut.owner, cut.end - cut.start, shape[0] * shape[1]).reshape(shape)
    return np.where(areas > 0, areas, np.nan)


def heat_of(
    part: ImageMasks, cut: Segments, sizes: Mapping[str, tuple[int, int]], classes: int
) -> Heat:
    """The sum over the images of a part."""
    heights = np.repeat([sizes[image][0] for image in part.images], classes)
    covered = coverage(cut, len(part.images) * classes, heights)
    return covered.reshape(len(part.images), classes, CELLS, CELLS).sum(axis=0)
