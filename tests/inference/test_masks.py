"""Logits to masks, against the same written down pixel by pixel."""

import math

import numpy as np
import pytest
import torch

from handseg.data.planes import Letterbox
from handseg.inference.whole import full_size_masks, host_masks


def bilinear(plane, height, width):
    """Bilinear interpolation with aligned centres, as its definition has it."""
    made = np.zeros((height, width))
    for row in range(height):
        for column in range(width):
            y = (row + 0.5) * plane.shape[0] / height - 0.5
            x = (column + 0.5) * plane.shape[1] / width - 0.5
            y, x = max(y, 0.0), max(x, 0.0)
            top, left = int(y), int(x)
            bottom = min(top + 1, plane.shape[0] - 1)
            right = min(left + 1, plane.shape[1] - 1)
            above = plane[top, left] * (1 - (x - left)) + plane[top, right] * (x - left)
            below = plane[bottom, left] * (1 - (x - left)) + plane[bottom, right] * (x - left)
            made[row, column] = above * (1 - (y - top)) + below * (y - top)
    return made


@pytest.mark.parametrize("source", [(40, 40), (48, 30), (21, 44), (16, 16), (7, 9)])
@pytest.mark.parametrize("cutoff", [0.5, 0.3, 0.9])
def test_masks_are_the_probabilities_at_full_size_above_the_cutoff(source, cutoff):
    torch.manual_seed(1)
    # More planes than are upsampled at once.
    logits = torch.randn(11, 16, 16) * 3
    fit = Letterbox(source, 16)
    masks = list(full_size_masks(logits, fit, cutoff))
    assert len(masks) == 11
    height, width = fit.inner
    for plane, mask in zip(logits.numpy(), masks, strict=True):
        full = bilinear(plane[:height, :width].astype(np.float64), *source)
        expected = 1 / (1 + np.exp(-full)) > cutoff
        assert (mask.dtype, tuple(mask.shape)) == (torch.uint8, source)
        near = np.abs(full - math.log(cutoff / (1 - cutoff))) < 1e-4
        assert np.array_equal(mask.numpy()[~near].astype(bool), expected[~near])


def test_what_lies_outside_of_the_image_changes_no_mask():
    logits = torch.randn(3, 16, 16)
    fit = Letterbox((20, 50), 16)
    filled = logits.clone()
    filled[:, fit.inner[0] :] = 50
    for one, other in zip(host_masks(logits, fit), host_masks(filled, fit), strict=True):
        assert np.array_equal(one, other)


def test_logits_of_half_precision_are_cut_in_float32():
    logits = torch.randn(2, 16, 16).bfloat16()
    fit = Letterbox((33, 33), 16)
    for one, other in zip(host_masks(logits, fit), host_masks(logits.float(), fit), strict=True):
        assert isinstance(one, np.ndarray)
        assert np.array_equal(one, other)


def test_a_pixel_at_the_cutoff_is_background():
    assert not next(full_size_masks(torch.zeros(1, 8, 8), Letterbox((8, 8), 8))).any()
