"""What is counted on label planes: the Dice of each class."""

import numpy as np
from numpy.typing import NDArray

from handseg.rle.set_operations import DICE_EPSILON


def dice_of_planes(
    truth: NDArray[np.uint8], prediction: NDArray[np.uint8], classes: int
) -> NDArray[np.float64]:
    """Dice of each class, float64[classes], at the resolution of the planes.

    A guide for the eye: the metric is counted at the original size.
    """
    shared = _areas(truth & prediction, classes)
    total = _areas(truth, classes) + _areas(prediction, classes)
    return (2 * shared + DICE_EPSILON) / (total + DICE_EPSILON)


def _areas(planes: NDArray[np.uint8], classes: int) -> NDArray[np.float64]:
    """Pixels of each class: a histogram of each plane's bytes tells all of its bits."""
    bits = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1, bitorder="little")
    found = [
        np.bincount(planes[:, :, plane].ravel(), minlength=256) @ bits.astype(np.int64)
        for plane in range(planes.shape[2])
    ]
    return np.concatenate(found)[:classes].astype(np.float64)
