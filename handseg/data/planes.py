"""Label planes as bits: class `c` is bit `c % 8` of plane `c // 8`.

29 classes are 4 bytes a pixel, so that a geometric augmentation with nearest interpolation and zero
fill moves all of them at once and exactly. Interpolating these bytes would be a bug.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from handseg.data.labels import Labels, class_mask
from handseg.data.letterbox import Letterbox

Planes = NDArray[np.uint8]
"""`uint8[height, width, ceil(classes / 8)]`."""


def plane_count(classes: int) -> int:
    return -(-classes // 8)


def pack(masks: Iterable[NDArray[np.uint8]], size: tuple[int, int], classes: int) -> Planes:
    """`classes` masks `uint8[height, width]` of 0 and 1 as bits."""
    planes = np.zeros((plane_count(classes), *size), np.uint8)
    for index, mask in enumerate(masks):
        planes[index // 8] |= mask << np.uint8(index % 8)
    return np.ascontiguousarray(np.moveaxis(planes, 0, -1))


def unpack(planes: Planes, classes: int) -> NDArray[np.uint8]:
    """Bits as `uint8[classes, height, width]` of 0 and 1."""
    split = np.ascontiguousarray(np.moveaxis(planes, -1, 0))
    masks = np.empty((classes, *planes.shape[:2]), np.uint8)
    for index in range(classes):
        np.bitwise_and(split[index // 8] >> np.uint8(index % 8), 1, out=masks[index])
    return masks


def label_planes(
    labels: Labels, classes: tuple[str, ...], source: tuple[int, int], letterbox: Letterbox
) -> Planes:
    """The label of a full-size image as bits at another size.

    A pixel belongs to a bone when at least half of its area does; nearest neighbours would cost
    .01 of Dice at 512 px.
    """
    masks = (letterbox.mask(class_mask(labels, name, source)) for name in classes)
    return pack(masks, (letterbox.size, letterbox.size), len(classes))
