"""One step: what it does with losses, gradients and memory, without a training around it."""

import math

import pytest
import torch
from torch import nn

from handseg.inference.device import MicroBatchSize
from handseg.models.library import Answer, Network
from handseg.models.segmenter import Normalizer, Segmenter
from handseg.recipe.schema import Data, Optimizer, Recipe, Train
from handseg.train import step as steps
from handseg.train.loader import TrainingBatch, part_sizes
from handseg.train.step import RollbackError, Stepper

SIDE = 8
GREY = Data(channels=1, normalize="image")


def through(module, images, auxiliary):
    return Answer(module(images))


@pytest.fixture
def stepper():
    """Makes a stepper of a network of two layers and a norm."""

    def make(precision="fp32", optimizer="adamw", size=4, **train):
        torch.manual_seed(0)
        network = nn.Sequential(
            nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.Conv2d(4, 2, 1)
        )
        model = Segmenter(Network(network, through, (network[2],), ("0",)), Normalizer(GREY))
        recipe = Recipe(
            train=Train(precision=precision, ema=False, **train),
            optimizer=Optimizer(name=optimizer, lr=0.1),
        )
        model.train()
        return Stepper(recipe, model, torch.device("cpu"), MicroBatchSize(size))

    return make


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(1)
    images = torch.randint(0, 256, (4, SIDE, SIDE), generator=generator).to(torch.uint8)
    planes = torch.randint(0, 4, (4, SIDE, SIDE, 1), generator=generator).to(torch.uint8)
    return TrainingBatch(images, planes, torch.ones(4, 2, dtype=torch.bool))


def tensors(stepper):
    return {name: tensor.clone() for name, tensor in stepper.model.state_dict().items()}


def moved(before, after):
    return [name for name in before if not torch.equal(before[name], after[name])]


@pytest.fixture
def half(monkeypatch):
    """Let a CPU take steps as in fp16: with a scaler, though it computes in float32."""
    monkeypatch.setattr(
        steps, "autocast", lambda device, precision: torch.autocast("cpu", enabled=False)
    )


@pytest.mark.parametrize("optimizer", ["adamw", "sgd", "lion"])
def test_in_fp16_a_loss_that_is_not_finite_moves_nothing_though_its_gradient_is(
    stepper, batch, half, monkeypatch, optimizer
):
    taker = stepper("fp16", optimizer)
    real = taker.loss.forward
    # The sum overflows, the gradient does not.
    monkeypatch.setattr(taker.loss, "forward", lambda *given: real(*given) + math.inf)
    before = tensors(taker)
    result = taker.training_step(batch, 0, 0.0)
    assert result.is_bad
    assert moved(before, tensors(taker)) == []
    monkeypatch.setattr(taker.loss, "forward", real)
    assert not taker.training_step(batch, 1, 0.0).is_bad
    assert any("weight" in name for name in moved(before, tensors(taker)))
    assert all(torch.isfinite(tensor).all() for tensor in tensors(taker).values())


def test_in_fp16_an_endless_gradient_is_passed_over_and_scaled_less_and_no_fault(
    stepper, batch, half
):
    taker = stepper("fp16")
    before, scale = tensors(taker), taker.scaler.get_scale()
    hook = next(taker.model.parameters()).register_hook(lambda gradient: gradient * math.inf)
    result = taker.training_step(batch, 0, 0.0)
    hook.remove()
    assert not result.is_bad
    assert [name for name in moved(before, tensors(taker)) if "running" not in name] == [
        "network.1.num_batches_tracked"
    ]
    assert taker.scaler.get_scale() == scale / 2


def test_in_fp16_an_endless_gradient_that_no_scale_explains_is_a_fault(stepper, batch, half):
    taker = stepper("fp16")
    taker.scaler = torch.amp.GradScaler("cpu", init_scale=0.5)
    next(taker.model.parameters()).register_hook(lambda gradient: gradient * math.inf)
    before = tensors(taker)
    assert taker.training_step(batch, 0, 0.0).is_bad
    assert moved(before, tensors(taker)) == []


def test_without_memory_for_the_norm_of_the_gradient_the_training_goes_back(
    stepper, batch, monkeypatch
):
    def fail(*given):
        raise torch.OutOfMemoryError("2 GiB wanted")

    taker = stepper()
    monkeypatch.setattr(steps, "clip_grad_norm_", fail)
    with pytest.raises(RollbackError) as caught:
        taker.training_step(batch, 0, 0.0)
    assert not caught.value.slower
    assert taker.micro_batch.size == 2


def test_another_error_while_the_weights_move_is_raised_as_it_is(stepper, batch, monkeypatch):
    def fail(*given):
        raise RuntimeError("a kernel is missing")

    taker = stepper()
    monkeypatch.setattr(taker.optimizer, "step", fail)
    with pytest.raises(RuntimeError, match="a kernel is missing"):
        taker.training_step(batch, 0, 0.0)
    assert taker.micro_batch.size == 4


@pytest.mark.parametrize(
    ("count", "size", "least", "parts"),
    [
        (8, 8, 1, [8]),
        (8, 3, 1, [3, 3, 2]),
        (7, 3, 1, [3, 3, 1]),
        (7, 3, 2, [3, 2, 2]),
        (9, 4, 2, [4, 3, 2]),
        (5, 2, 2, [2, 3]),
        (3, 2, 2, [3]),
        (4, 1, 2, [2, 2]),
        (1, 4, 2, [1]),
    ],
)
def test_no_part_has_fewer_images_than_a_network_learns_from(count, size, least, parts):
    assert part_sizes(count, size, least) == parts


@pytest.mark.parametrize(("size", "least"), [(1, 1), (3, 1), (3, 2), (2, 2)])
def test_a_gradient_in_parts_is_that_of_the_whole_batch(stepper, batch, size, least):
    # Four images, all masks of one unlabelled; and a batch of parts that are not alike.
    whole = TrainingBatch(*(torch.cat([part, part[:3]]) for part in batch))
    whole.labelled[1] = False

    def gradient(size, least):
        made = stepper(size=size)
        made.micro_batch.least = least
        made.model.network[1].eval()  # BatchNorm's own statistics are those of a part.
        loss = made.backward(whole, 0, 0.0)
        return loss, torch.cat([p.grad.flatten() for p in made.model.parameters()])

    loss, expected = gradient(7, 1)
    in_parts, found = gradient(size, least)
    assert torch.allclose(in_parts, loss)
    assert torch.allclose(found, expected, atol=1e-7)
