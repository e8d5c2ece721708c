"""Where a picture lies on the screen, and which of its pixels a screen pixel shows."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MOST_SAMPLES = 4


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
