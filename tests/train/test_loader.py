"""Batches of prepared samples."""

from pathlib import Path

import numpy as np
import pytest
import torch

from handseg.data.cache import build_cache
from handseg.data.dataset import open_dataset
from handseg.data.planes import pack, unpack
from handseg.recipe.schema import Transform
from handseg.train.augment import Augmentation
from handseg.train.loader import (
    EpochLoader,
    EpochSampler,
    TrainingSamples,
    unpack_planes,
    worker_count,
)

ROTATE = {"rotate": Transform("Affine", {"rotate": [-20, 20], "p": 0.8})}


@pytest.fixture
def loader_of(workplace):
    dataset = open_dataset(Path("data"))
    prepared = build_cache(dataset.train, dataset.classes, 64)
    parts = [prepared.only(dataset.train[:5]), prepared.only(dataset.train[5:])]

    def make(workers=0):
        order = EpochSampler(0, 5, 3, 0.3, None, 3)
        return EpochLoader(TrainingSamples(parts, Augmentation(ROTATE)), order, workers, pin=False)

    return make


def equal(one, other):
    return all(torch.equal(*pair) for pair in zip(one, other, strict=True))


def test_a_batch_holds_images_bit_planes_and_what_was_labelled(loader_of):
    batch = next(loader_of().epoch(0))
    assert (batch.images.shape, batch.images.dtype) == ((3, 64, 64), torch.uint8)
    assert (batch.planes.shape, batch.planes.dtype) == ((3, 64, 64, 4), torch.uint8)
    assert batch.labelled.shape == (3, 29)
    assert batch.labelled.all()


def test_an_epoch_from_a_batch_on_is_the_rest_of_it_bit_for_bit(loader_of):
    loader = loader_of()
    whole = list(loader.epoch(3))
    assert len(whole) == 2
    assert all(equal(*pair) for pair in zip(loader.epoch(3, 1), whole[1:], strict=True))
    assert list(loader.epoch(3, 2)) == []
    assert not equal(next(loader.epoch(4)), whole[0])


def test_loader_processes_change_nothing_even_after_an_epoch_was_left(loader_of):
    alone, helped = loader_of(), loader_of(workers=1)
    next(helped.epoch(0))
    for epoch in (0, 1):
        assert all(
            equal(*pair) for pair in zip(helped.epoch(epoch), alone.epoch(epoch), strict=True)
        )


def test_a_batch_is_its_samples_one_by_one(loader_of):
    loader = loader_of()
    refs = next(loader.sampler.batches(0))
    batch = next(loader.epoch(0))
    for row, ref in enumerate(refs):
        for part, made in zip(batch, loader.samples[ref], strict=True):
            assert torch.equal(part[row], torch.from_numpy(made))


def test_parts_of_a_batch_are_the_batch_again(loader_of):
    batch = next(loader_of().epoch(0))
    parts = list(batch.split(2))
    assert [len(part.images) for part in parts] == [2, 1]
    assert torch.equal(torch.cat([part.planes for part in parts]), batch.planes)


@pytest.mark.parametrize("classes", [1, 8, 9, 29, 70])
def test_bits_unpack_on_the_device_as_they_do_in_memory(classes):
    masks = np.random.default_rng(0).integers(0, 2, (classes, 6, 7), dtype=np.uint8)
    planes = pack(masks, (6, 7), classes)
    unpacked = unpack_planes(torch.from_numpy(planes)[None], classes)
    assert torch.equal(unpacked[0], torch.from_numpy(masks))
    assert np.array_equal(unpack(planes, classes), masks)


def test_a_network_on_the_cpu_has_it_to_itself():
    assert worker_count("auto", torch.device("cpu")) == 0
    assert 1 <= worker_count("auto", torch.device("cuda")) <= 8
    assert worker_count(3, torch.device("cpu")) == 3
