"""Logits of a network to masks of the original size."""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from handseg.data.letterbox import Letterbox

CLASSES_AT_ONCE = 8
"""Planes that are upsampled together: 2048² of float32 are 16 MB each."""


def full_size_masks(logits: Tensor, fit: Letterbox, cutoff: float = 0.5) -> Iterator[Tensor]:
    """The masks of one image, a class at a time, on the device of the logits.

    `logits` is `float[classes, size, size]`. Each is upsampled bilinearly to the original size
    before the cutoff, as the competition does: a threshold below that size caps the Dice. Gives
    `uint8[height, width]` of 0 and 1.
    """
    height, width = fit.inner
    # sigmoid(x) > p is x > log(p / (1 - p)).
    bound = math.log(cutoff / (1 - cutoff))
    for some in logits[:, :height, :width].float().split(CLASSES_AT_ONCE):
        full = functional.interpolate(
            some[None], size=fit.source, mode="bilinear", align_corners=False
        )[0]
        yield from (full > bound).byte().unbind()


def host_masks(logits: Tensor, fit: Letterbox, cutoff: float = 0.5) -> Iterator[NDArray[np.uint8]]:
    """The same as arrays in the machine's memory."""
    return (mask.cpu().numpy() for mask in full_size_masks(logits, fit, cutoff))
