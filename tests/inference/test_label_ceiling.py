"""What a network that learned its labels by heart could reach."""

import numpy as np
import pytest
import torch

from handseg.anatomy import BONES
from handseg.data.labels import Labels, class_mask
from handseg.data.planes import Letterbox, label_planes, unpack
from handseg.inference.whole import full_size_masks
from handseg.phantom.phantom import make_polygons

FULL = (2048, 2048)


@pytest.fixture(scope="module")
def hands():
    """The labels of three hands at 2048²."""
    chosen = ((3, "left"), (8, "right"), (21, "left"))
    polygons = [make_polygons(FULL[0], 4, side=side, person=person) for person, side in chosen]
    return [
        Labels({bone: tuple(parts) for bone, parts in hand.items()}, (True,) * len(BONES))
        for hand in polygons
    ]


def dice(one, other):
    return (2 * np.count_nonzero(one & other) + 1e-4) / (
        np.count_nonzero(one) + np.count_nonzero(other) + 1e-4
    )


@pytest.mark.parametrize(("size", "least"), [(512, 0.979), (1024, 0.988)])
def test_a_perfect_label_of_the_training_size_keeps_its_dice_at_the_full_size(hands, size, least):
    scores = []
    for labels in hands:
        fit = Letterbox(FULL, size)
        masks = unpack(label_planes(labels, BONES, FULL, fit), len(BONES))
        logits = torch.from_numpy(masks).float() * 20 - 10
        for bone, mask in zip(BONES, full_size_masks(logits, fit), strict=True):
            scores.append(dice(mask.numpy() > 0, class_mask(labels, bone, FULL) > 0))
    assert np.mean(scores) >= least
