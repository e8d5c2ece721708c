"""A radiograph with its masks, composed at the resolution of the screen.

Label planes are bits: uint8[H, W, P], class c in bit c % 8 of plane c // 8. They are sampled,
looked up byte by byte and averaged: no picture of the image's own size is ever coloured.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from handseg.rle.set_operations import DICE_EPSILON

Rgb = tuple[int, int, int]

FILL = 0.60
"""Share of the colour where a bone covers a screen pixel and none is chosen."""
FILL_CHOSEN = 0.80
FILL_REST = 0.14
"""Of the other bones when one is chosen: it should be the only saturated thing."""
FILL_ERRORS = 0.85

RIGHT: Rgb = (95, 135, 95)
MISSED: Rgb = (95, 175, 255)
EXTRA: Rgb = (255, 135, 0)
SWAPPED: Rgb = (255, 95, 255)
"""Colours of label against prediction, from the 256 that every terminal has (65, 75, 208, 207):
agreed, missed, too much, and given to the wrong bone."""
MOST_SAMPLES = 4
"""Samples across a pixel of the screen."""


@dataclass(frozen=True)
class ImageRegion:
    """A part of an image, in its pixels: rows `top` to `bottom`, columns `left` to `right`."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.bottom - self.top, self.right - self.left

    @classmethod
    def whole(cls, shape: tuple[int, ...]) -> "ImageRegion":
        return cls(0, 0, shape[0], shape[1])


def fitted(size: tuple[int, int], room: tuple[int, int]) -> tuple[int, int]:
    """The largest height and width within `room` with the aspect of `size`, each at least 1."""
    share = min(room[0] / max(1, size[0]), room[1] / max(1, size[1]))
    return (
        max(1, min(room[0], round(size[0] * share))),
        max(1, min(room[1], round(size[1] * share))),
    )


def shrink_grey(
    image: NDArray[np.uint8], size: tuple[int, int], box: ImageRegion | None = None
) -> NDArray[np.uint8]:
    """A box of a grey image (uint8[H, W]) as uint8[height, width], by the mean of its pixels."""
    from PIL import Image

    box = box or ImageRegion.whole(image.shape)
    picture = Image.fromarray(np.ascontiguousarray(image)).resize(
        (size[1], size[0]),
        Image.Resampling.BOX,
        box=(box.left, box.top, box.right, box.bottom),
        reducing_gap=2.0,
    )
    return np.asarray(picture, np.uint8)


def compose(
    image: NDArray[np.uint8],
    planes: NDArray[np.uint8] | None,
    colours: Sequence[Rgb],
    size: tuple[int, int],
    *,
    chosen: int | None = None,
    only: bool = False,
    box: ImageRegion | None = None,
) -> NDArray[np.uint8]:
    """The image in grey with its masks in their colours.

    Args:
        image: uint8[H, W].
        planes: its masks as bits, uint8[H, W, ceil(classes / 8)].
        colours: one for each class.
        size: (height, width) of the picture in pixels of the screen.
        chosen: the index of a class that alone is saturated and lies above the others.
        only: whether the others are not painted at all.
        box: the part of the image that is shown; by default the whole.

    Returns:
        uint8[height, width, 3].
    """
    box = box or ImageRegion.whole(image.shape)
    canvas = _canvas(image, size, box)
    if planes is None:
        return canvas.astype(np.uint8)
    samples = samples_a_side(box, size)
    sampled = sample(planes, box, size, samples)
    others = [index for index in range(len(colours)) if index != chosen]
    if chosen is None or not only:
        fill = FILL if chosen is None else FILL_REST
        canvas = _painted(canvas, _layer(sampled, colours, others, samples), fill)
    if chosen is not None:
        canvas = _painted(canvas, _layer(sampled, colours, [chosen], samples), FILL_CHOSEN)
    return np.rint(canvas).astype(np.uint8)


def compose_errors(
    image: NDArray[np.uint8],
    truth: NDArray[np.uint8],
    prediction: NDArray[np.uint8],
    size: tuple[int, int],
    *,
    chosen: int | None = None,
    box: ImageRegion | None = None,
) -> NDArray[np.uint8]:
    """The image with prediction against label: agreed, missed, too much, wrong bone.

    Args:
        image, box, size: as for `compose`.
        truth, prediction: masks as bits, uint8[H, W, ceil(classes / 8)] each.
        chosen: the index of the class that is compared; by default all.

    Returns:
        uint8[height, width, 3].
    """
    box = box or ImageRegion.whole(image.shape)
    samples = samples_a_side(box, size)
    labelled = sample(truth, box, size, samples)
    predicted = sample(prediction, box, size, samples)
    if chosen is not None:
        plane, bit = chosen // 8, np.uint8(1 << chosen % 8)
        labelled, predicted = labelled[:, :, plane, None] & bit, predicted[:, :, plane, None] & bit
    missed = (labelled & ~predicted).any(axis=2)
    extra = (predicted & ~labelled).any(axis=2)
    right = (labelled & predicted).any(axis=2) & ~missed & ~extra
    masks = [right, missed & ~extra, extra & ~missed, missed & extra]
    table = np.array([RIGHT, MISSED, EXTRA, SWAPPED], np.float32)
    covered = np.stack(masks, axis=2).astype(np.float32)
    layer = np.concatenate([covered @ table, covered.sum(axis=2, keepdims=True)], axis=2)
    canvas = _painted(_canvas(image, size, box), averaged(layer, samples), FILL_ERRORS)
    return np.rint(canvas).astype(np.uint8)


def dice_of_planes(
    truth: NDArray[np.uint8], prediction: NDArray[np.uint8], classes: int
) -> NDArray[np.float64]:
    """Dice of each class, float64[classes], at the resolution of the planes.

    A guide for the eye: the metric is counted at the original size.
    """
    shared = _areas(truth & prediction, classes)
    total = _areas(truth, classes) + _areas(prediction, classes)
    return (2 * shared + DICE_EPSILON) / (total + DICE_EPSILON)


def samples_a_side(box: ImageRegion, size: tuple[int, int]) -> int:
    """How many samples across a screen pixel are enough: half of the image pixels, 1 to 4."""
    per_pixel = max(box.size[0] / size[0], box.size[1] / size[1])
    return min(MOST_SAMPLES, max(1, math.ceil(per_pixel / 2)))


def sample(
    planes: NDArray[np.uint8], box: ImageRegion, size: tuple[int, int], samples: int
) -> NDArray[np.uint8]:
    """Nearest pixels of `planes` (uint8[H, W, P]) for a screen of `size`, `samples` squared each.

    Returns uint8[height · samples, width · samples, P]. Masks are sampled and averaged afterwards:
    bits cannot be interpolated.
    """
    rows = _centres(box.top, box.bottom, size[0] * samples, planes.shape[0])
    columns = _centres(box.left, box.right, size[1] * samples, planes.shape[1])
    return planes[rows[:, None], columns[None, :]]


def _centres(start: int, end: int, count: int, limit: int) -> NDArray[np.intp]:
    centres = start + (np.arange(count) + 0.5) * (end - start) / count
    return np.clip(centres.astype(np.intp), 0, limit - 1)


def averaged(values: NDArray[np.float32], samples: int) -> NDArray[np.float32]:
    """The mean of each block of `samples` × `samples` of float32[h · s, w · s, n]."""
    height, width = values.shape[0] // samples, values.shape[1] // samples
    blocks = values.reshape(height, samples, width, samples, -1)
    return blocks.mean(axis=(1, 3), dtype=np.float32)


def _canvas(
    image: NDArray[np.uint8], size: tuple[int, int], box: ImageRegion
) -> NDArray[np.float32]:
    grey = shrink_grey(image, size, box).astype(np.float32)
    return np.repeat(grey[:, :, None], 3, axis=2)


def _layer(
    sampled: NDArray[np.uint8], colours: Sequence[Rgb], classes: Sequence[int], samples: int
) -> NDArray[np.float32]:
    """Colour × coverage and coverage, float32[height, width, 4], of some classes.

    Where classes overlap, their colours are mixed.
    """
    total = np.zeros((*sampled.shape[:2], 4), np.float32)
    for plane in range(sampled.shape[2]):
        table = _lookup(plane, colours, classes)
        if table.any():
            total += table[sampled[:, :, plane]]
    count = total[:, :, 3:]
    return averaged(np.divide(total, count, out=total, where=count > 0), samples)


def _lookup(plane: int, colours: Sequence[Rgb], classes: Sequence[int]) -> NDArray[np.float32]:
    """For each byte of a plane the sum of the colours of its classes and their number, [256, 4]."""
    table = np.zeros((256, 4), np.float32)
    values = np.arange(256)
    for index in classes:
        if index // 8 == plane:
            table[(values >> index % 8 & 1) == 1] += (*colours[index], 1)
    return table


def _painted(
    canvas: NDArray[np.float32], layer: NDArray[np.float32], fill: float
) -> NDArray[np.float32]:
    # The layer over the canvas at `fill`, less where it covers a pixel in part.
    painted = canvas + fill * (layer[:, :, :3] - canvas * layer[:, :, 3:])
    return painted.astype(np.float32, copy=False)


def _areas(planes: NDArray[np.uint8], classes: int) -> NDArray[np.float64]:
    """Pixels of each class: a histogram of each plane's bytes tells all of its bits."""
    bits = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1, bitorder="little")
    found = [
        np.bincount(planes[:, :, plane].ravel(), minlength=256) @ bits.astype(np.int64)
        for plane in range(planes.shape[2])
    ]
    return np.concatenate(found)[:classes].astype(np.float64)
