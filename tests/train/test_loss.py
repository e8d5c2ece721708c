"""The loss of a recipe."""

import math

import pytest
import torch
from torch.nn import functional

from handseg.recipe.schedule import loss_weight
from handseg.recipe.schema import Loss
from handseg.registry import LOSSES, PIXEL_LOSSES
from handseg.train.loss import SegmentationLoss, edge_distances


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


def one(name, logits, targets, **words):
    spec = Loss(**{"bce": 0.0, "dice": 0.0, name: 1.0, **words})
    return SegmentationLoss(spec, "abcde"[: targets.shape[1]])(logits, targets, None, 0.0)


def overlapping(size=16):
    """Two bones that overlap, and one that is absent."""
    targets = torch.zeros(1, 3, size, size, dtype=torch.uint8)
    targets[0, 0, 3:9, 3:9] = 1
    targets[0, 1, 6:13, 6:13] = 1
    return targets


@pytest.mark.parametrize("name", NAMES)
def test_a_loss_is_least_where_the_logits_are_the_truth(name):
    targets = overlapping()
    truth = torch.where(targets > 0, 9.0, -9.0)
    least = one(name, truth, targets)
    torch.manual_seed(1)
    for _ in range(4):
        wrong = truth * torch.where(torch.rand_like(truth) < 0.2, -1.0, 1.0)
        assert one(name, wrong, targets) > least


@pytest.mark.parametrize("name", ["bce", "dice", "boundary", "topk"])
@pytest.mark.parametrize("words", [{}, {"class_weights": {"a": 3.0}, "overlap_weight": 2.0}])
def test_a_gradient_is_that_of_finite_differences(name, words):
    targets = overlapping()[..., 4:12, 4:12]
    logits = torch.randn(1, 3, *targets.shape[2:], requires_grad=True)
    (found,) = torch.autograd.grad(one(name, logits, targets, **words), logits)
    for place in [(0, 0, 2, 2), (0, 1, 4, 5), (0, 2, 0, 0)]:
        step = torch.zeros_like(logits)
        step[place] = 0.02
        rise = one(name, logits + step, targets, **words) - one(
            name, logits - step, targets, **words
        )
        assert found[place].item() == pytest.approx(rise.item() / 0.04, abs=2e-5)


def test_distances_are_negative_inside_and_in_sides_of_the_image_at_every_size():
    small, large = torch.zeros(2, 64, 64), torch.zeros(2, 512, 512)
    small[0, 16:48, 8:24] = 1
    large[0, 128:384, 64:192] = 1
    maps = edge_distances(small)
    assert maps[0, 32, 15].item() == pytest.approx(-7.5 / 64)
    assert maps[0, 32, 40].item() == pytest.approx(16.5 / 64)
    assert not maps[1].any()
    again = functional.avg_pool2d(edge_distances(large)[:, None], 8)[:, 0]
    assert torch.allclose(again, maps, atol=0.7 / 64)


def test_the_worst_pixels_are_those_of_each_plane():
    targets = overlapping(10)
    logits = torch.zeros(1, 3, 10, 10)
    logits[0, 0, 0, :5] = 6.0
    found = one("topk", logits, targets, options={"topk": {"share": 0.1}})
    assert found.item() == pytest.approx((5 * math.log1p(math.exp(6)) + 25 * math.log(2)) / 30)


def test_classes_count_by_their_weights_and_those_of_weight_0_not_at_all():
    logits, targets = batch(classes=3)
    values = [one("dice", logits[:, [n]], targets[:, [n]]).item() for n in range(3)]
    found = one("dice", logits, targets, class_weights={"a": 4.0, "c": 0.0})
    assert found.item() == pytest.approx((4 * values[0] + values[1]) / 3, rel=1e-5)
    nothing = one("dice", logits, targets, class_weights={"a": 0.0, "b": 0.0, "c": 0.0})
    assert not torch.autograd.grad(nothing, logits)[0].any()


@pytest.mark.parametrize("name", PIXEL_LOSSES)
def test_pixels_of_two_bones_count_as_often_as_they_should(name):
    targets = overlapping()
    logits = torch.zeros(targets.shape, requires_grad=True)
    whole = {"topk": {"share": 1.0}} if name == "topk" else {}
    once, thrice = (
        torch.autograd.grad(
            one(name, logits, targets, overlap_weight=weight, options=whole), logits
        )[0]
        for weight in (1.0, 3.0)
    )
    both = targets.sum(1, keepdim=True).expand_as(targets) > 1
    assert both.sum() == 3 * 9
    assert torch.allclose(thrice[both], 3 * once[both], rtol=1e-4)
    assert torch.allclose(thrice[~both], once[~both], rtol=1e-4)


def test_weights_of_classes_and_pixels_keep_the_gradient_of_micro_batches():
    logits, targets = batch()
    words = {"class_weights": {"a": 3.0, "d": 0.0}, "overlap_weight": 2.0, "topk": 1.0}
    loss = SegmentationLoss(Loss(**words), "abcde")
    labelled = torch.ones(4, 5, dtype=torch.bool)
    labelled[0, :3] = False
    whole = gradient(loss, logits, targets, labelled, [4])
    assert torch.allclose(gradient(loss, logits, targets, labelled, [1, 3]), whole, atol=1e-8)


def test_a_schedule_stands_for_the_weight_and_is_joined_by_straight_lines():
    spec = Loss(bce=1.0, dice=5.0, schedule={"dice": ((0.0, 0.3), (0.5, 0.9), (1.0, 0.0))})
    loss = SegmentationLoss(spec)
    assert [
        loss_weight(spec, "dice", share) for share in (0.0, 0.25, 0.5, 0.75, 1.0)
    ] == pytest.approx([0.3, 0.6, 0.9, 0.45, 0.0])
    assert loss_weight(spec, "bce", 0.7) == 1.0
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
