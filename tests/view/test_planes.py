"""Counting on bits is counting on masks."""

import numpy as np

from handseg.data.planes import unpack
from handseg.view.overlay import dice_of_planes


def test_dice_of_planes_is_dice_of_the_masks():
    rng = np.random.default_rng(0)
    truth, predicted = (rng.integers(0, 256, (20, 30, 4), dtype=np.uint8) for _ in range(2))
    found = dice_of_planes(truth, predicted, 29)
    for index, (a, b) in enumerate(zip(unpack(truth, 29), unpack(predicted, 29), strict=True)):
        assert found[index] == (2 * (a & b).sum() + 1e-4) / (a.sum() + b.sum() + 1e-4)


def test_a_class_that_is_absent_from_both_has_dice_one():
    empty = np.zeros((4, 4, 1), np.uint8)
    assert dice_of_planes(empty, empty, 3).tolist() == [1, 1, 1]
