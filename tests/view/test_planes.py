"""Counting on bits is counting on masks."""

import numpy as np

from handseg.view.geometry import Box
from handseg.view.planes import box_of, class_mask, dice_of_planes


def test_dice_of_planes_is_dice_of_the_masks():
    rng = np.random.default_rng(0)
    truth, predicted = (rng.integers(0, 256, (20, 30, 4), dtype=np.uint8) for _ in range(2))
    found = dice_of_planes(truth, predicted, 29)
    for index in range(29):
        a, b = class_mask(truth, index), class_mask(predicted, index)
        assert found[index] == (2 * (a & b).sum() + 1e-4) / (a.sum() + b.sum() + 1e-4)


def test_a_class_that_is_absent_from_both_has_dice_one():
    empty = np.zeros((4, 4, 1), np.uint8)
    assert dice_of_planes(empty, empty, 3).tolist() == [1, 1, 1]


def test_the_box_of_a_mask_just_holds_it():
    mask = np.zeros((9, 9), bool)
    assert box_of(mask) is None
    mask[2:4, 5:8] = True
    assert box_of(mask) == Box(2, 5, 4, 8)
