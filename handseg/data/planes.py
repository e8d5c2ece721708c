"""What a network sees of a sample: the image in its square, the label as planes of bits.

Class `c` is bit `c % 8` of plane `c // 8`.

29 classes are 4 bytes a pixel, so that a geometric augmentation with nearest interpolation and zero
fill moves all of them at once and exactly. Interpolating these bytes would be a bug.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from handseg.data.images import image_size, read_image
from handseg.data.labels import Labels, class_mask


@dataclass(frozen=True)
class Letterbox:
    """The longer edge becomes `size`, the shorter keeps the aspect; zeros fill right and below.

    Centres of pixels stay aligned, as in bilinear resizing without aligned corners.
    """

    source: tuple[int, int]
    size: int

    @property
    def inner(self) -> tuple[int, int]:
        """`(height, width)` of the part of the square that shows the image."""
        scale = self.size / max(self.source)
        height, width = (max(1, round(edge * scale)) for edge in self.source)
        return height, width

    def image(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """`uint8[height, width]` of the source size as `uint8[size, size]`."""
        return self.pad(self.resize(image))

    def mask(self, mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """A mask of 0 and 1 as one of `[size, size]`, by the majority of each pixel's area."""
        # 254 keeps an exact half (127) exact, where 255 would round.
        return self.pad((self.resize(mask * np.uint8(254)) >= 127).astype(np.uint8))

    def resize(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        import cv2

        height, width = self.inner
        if (height, width) == image.shape:
            return image
        shrinks = self.size < max(self.source)
        method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(image, (width, height), interpolation=method), np.uint8)

    def pad(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        height, width = image.shape
        if height == width == self.size:
            return image
        return np.pad(image, ((0, self.size - height), (0, self.size - width)))


def read_letterboxed(path: Path, size: int) -> tuple[Letterbox, NDArray[np.uint8]]:
    letterbox = Letterbox(image_size(path), size)
    return letterbox, letterbox.image(read_image(path, size))


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
