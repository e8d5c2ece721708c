"""How an image of any shape sits in the square that a network sees."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


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
        if (height, width) == self.source:
            return image
        shrinks = self.size < max(self.source)
        method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(image, (width, height), interpolation=method), np.uint8)

    def pad(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        height, width = image.shape
        if height == width == self.size:
            return image
        return np.pad(image, ((0, self.size - height), (0, self.size - width)))
