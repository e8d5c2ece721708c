"""The masks of labels, some images at a time: areas and centres without decoding any."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from handseg.reporter import Progress, silent
from handseg.rle.batch import BatchedRuns, parse_batch
from handseg.rle.geometry import segments, shapes

if TYPE_CHECKING:
    from handseg.rle.submission import Submission

_AT_ONCE = 16
"""Images whose masks are read in one go: some megabytes of runs."""


class ImageMasks(NamedTuple):
    """All masks of some images: those of the first, class by class, then those of the next, ….

    `widths` are the images' in pixels. A class without a row has an empty mask.
    """

    images: tuple[str, ...]
    widths: tuple[int, ...]
    batch: BatchedRuns


def image_masks(
    labels: "Submission",
    sizes: Mapping[str, tuple[int, int]],
    classes: Sequence[str],
    progress: Progress = silent,
) -> Iterator[ImageMasks]:
    """The masks of some images, by their (height, width), and classes of a submission.

    Raises InputError, with file, line, image and class, for run lengths at fault.
    """
    images = tuple(sizes)
    for first in range(0, len(images), _AT_ONCE):
        part = images[first : first + _AT_ONCE]
        keys = [(image, cls) for image in part for cls in classes]
        texts = labels.texts(labels.rows(keys))
        parsed = parse_batch(texts, [sizes[image] for image, _ in keys])
        for mask, error in parsed.faults:
            raise labels.fault(keys[mask], error).error()
        yield ImageMasks(part, tuple(sizes[image][1] for image in part), parsed.runs)
        progress(first + len(part), len(images), part[-1])


def measured(part: ImageMasks) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Areas [images, classes] and centres [images, classes, 2] in pixels; NaN where empty."""
    masks, images = part.batch.masks(), len(part.images)
    classes = len(masks) // images
    found = shapes(segments(masks, np.repeat(part.widths, classes).tolist()), len(masks))
    areas = np.where(found.area > 0, found.area, np.nan).reshape(images, classes)
    return areas, np.stack((found.x, found.y), axis=1).reshape(images, classes, 2)
