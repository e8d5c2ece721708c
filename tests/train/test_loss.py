"""The loss of a recipe."""

import pytest
import torch
from torch.nn import functional

from handseg.recipe.schema import Loss
from handseg.registry import LOSSES
from handseg.train.loss import SegmentationLoss


def batch(images=4, classes=5, size=12):
    torch.manual_seed(0)
    logits = torch.randn(images, classes, size, size, requires_grad=True)
    targets = (torch.rand(images, classes, size, size) < 0.3).byte()
    # A bone that is absent from an image is labelled all the same.
    targets[0, 0] = 0
    return logits, targets


def gradient(loss, logits, targets, labelled, sizes):
    """Of a batch in parts, each counted for its labelled planes as the trainer does."""
    (tensor,) = torch.autograd.grad(
        sum(
            loss(*part, 0.0) * part[2].sum() / labelled.sum()
            for part in zip(*(t.split(sizes) for t in (logits, targets, labelled)), strict=True)
        ),
        logits,
    )
    return tensor


NAMES = list(LOSSES)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("all_labelled", [True, False])
def test_micro_batches_keep_the_gradient(name, all_labelled):
    logits, targets = batch()
    loss = SegmentationLoss(Loss(**{"bce": 0.0, "dice": 0.0, name: 1.0}))
    labelled = torch.ones(4, 5, dtype=torch.bool)
    if not all_labelled:
        labelled[0, 1:] = labelled[2, 3] = False
    whole = gradient(loss, logits, targets, labelled, [4])
    for sizes in ([1, 1, 1, 1], [2, 2], [3, 1]):
        parts = gradient(loss, logits, targets, labelled, sizes)
        assert torch.allclose(parts, whole, atol=1e-8)


@pytest.mark.parametrize("name", NAMES)
def test_a_class_that_was_not_labelled_has_no_gradient_and_no_say(name):
    logits, targets = batch()
    loss = SegmentationLoss(Loss(**{"bce": 0.0, "dice": 0.0, name: 1.0}))
    labelled = torch.ones(4, 5, dtype=torch.bool)
    labelled[1, 2] = False
    value = loss(logits, targets, labelled, 0.0)
    (tensor,) = torch.autograd.grad(value, logits)
    assert not tensor[1, 2].any()
    assert tensor[1, 1].any()
    other = targets.clone()
    other[1, 2] = 1 - other[1, 2]
    assert loss(logits, other, labelled, 0.0) == value


def test_where_nothing_was_labelled_there_is_no_loss_but_a_gradient_of_zeros():
    logits, targets = batch()
    value = SegmentationLoss(Loss())(logits, targets, torch.zeros(4, 5, dtype=torch.bool), 0.0)
    assert value == 0
    assert not torch.autograd.grad(value, logits)[0].any()


def test_all_labelled_may_be_left_unsaid():
    logits, targets = batch()
    loss = SegmentationLoss(Loss())
    labelled = torch.ones(4, 5, dtype=torch.bool)
    assert torch.equal(loss(logits, targets, None, 0.0), loss(logits, targets, labelled, 0.0))


def test_the_default_is_cross_entropy_and_dice_as_their_formulas_say():
    logits, targets = batch()
    truth = targets.float()
    found = logits.sigmoid()
    overlap, total = (found * truth).sum((2, 3)), (found + truth).sum((2, 3))
    dice = (1 - (2 * overlap + 1) / (total + 1)).mean()
    bce = functional.binary_cross_entropy_with_logits(logits, truth)
    value = SegmentationLoss(Loss())(logits, targets, None, 0.0)
    assert value.item() == pytest.approx((bce + dice).item(), abs=1e-5)


def test_logits_of_half_precision_are_summed_in_float32():
    logits, targets = batch()
    half = logits.detach().bfloat16()
    value = SegmentationLoss(Loss())(half, targets, None, 0.0)
    assert value.dtype == torch.float32
    assert value == SegmentationLoss(Loss())(half.float(), targets, None, 0.0)


def test_a_schedule_stands_for_the_weight_and_is_joined_by_straight_lines():
    spec = Loss(bce=1.0, dice=5.0, schedule={"dice": ((0.0, 0.3), (0.5, 0.9), (1.0, 0.0))})
    loss = SegmentationLoss(spec)
    assert [loss.weight("dice", share) for share in (0.0, 0.25, 0.5, 0.75, 1.0)] == pytest.approx(
        [0.3, 0.6, 0.9, 0.45, 0.0]
    )
    assert loss.weight("bce", 0.7) == 1.0
    logits, targets = batch()
    bce = SegmentationLoss(Loss(dice=0.0))(logits, targets, None, 0.0)
    assert loss(logits, targets, None, 1.0).item() == pytest.approx(bce.item(), abs=1e-6)


def test_a_loss_that_only_a_schedule_names_counts():
    logits, targets = batch()
    loss = SegmentationLoss(Loss(schedule={"focal": ((0.0, 0.0), (1.0, 2.0))}))
    assert loss(logits, targets, None, 0.5) > loss(logits, targets, None, 0.0)


def test_options_reach_the_loss():
    logits, targets = batch()
    values = [
        SegmentationLoss(Loss(bce=0.0, dice=0.0, focal=1.0, options={"focal": {"gamma": gamma}}))(
            logits, targets, None, 0.0
        )
        for gamma in (0.0, 2.0)
    ]
    assert values[0] > values[1]
