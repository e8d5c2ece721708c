"""What is counted on label planes: Dice of each class, and where a class lies."""

import numpy as np
from numpy.typing import NDArray

from handseg.view.geometry import Box

EPS = 1e-4
"""As in the competition's metric."""


def class_mask(planes: NDArray[np.uint8], index: int) -> NDArray[np.bool_]:
    """The mask of one class, bool[H, W]."""
    return (planes[:, :, index // 8] >> np.uint8(index % 8) & 1).astype(np.bool_)


def dice_of_planes(
    truth: NDArray[np.uint8], prediction: NDArray[np.uint8], classes: int
) -> NDArray[np.float64]:
    """Dice of each class, float64[classes], at the resolution of the planes.

    A guide for the eye: the metric is counted at the original size.
    """
    shared = _areas(truth & prediction, classes)
    total = _areas(truth, classes) + _areas(prediction, classes)
    return (2 * shared + EPS) / (total + EPS)


def _areas(planes: NDArray[np.uint8], classes: int) -> NDArray[np.float64]:
    """Pixels of each class: a histogram of each plane's bytes tells all of its bits."""
    bits = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1, bitorder="little")
    found = [
        np.bincount(planes[:, :, plane].ravel(), minlength=256) @ bits.astype(np.int64)
        for plane in range(planes.shape[2])
    ]
    return np.concatenate(found)[:classes].astype(np.float64)


def box_of(mask: NDArray[np.bool_]) -> Box | None:
    """The smallest box that holds a mask; None where it is empty."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not rows.size:
        return None
    return Box(int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1)
