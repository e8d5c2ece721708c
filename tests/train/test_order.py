"""The order of samples as a pure function."""

from dataclasses import replace

import pytest

from handseg.train.loader import EpochSampler

ORDER = EpochSampler(seed=3, whole=20, crops=30, crop_share=0.5, crop_epochs=None, batch_size=4)


def indices(order, epoch):
    return [ref.sample for batch in order.batches(epoch) for ref in batch]


def test_the_same_seed_and_epoch_give_the_same_draws_and_others_do_not():
    assert ORDER.samples(4) == replace(ORDER).samples(4)
    assert ORDER.samples(4) != ORDER.samples(5)
    assert ORDER.samples(4) != replace(ORDER, seed=4).samples(4)


@pytest.mark.parametrize("first", [0, 1, 7, 9, 10])
def test_batches_from_a_number_on_are_the_rest_of_the_epoch(first):
    assert list(ORDER.batches(2, first)) == list(ORDER.batches(2))[first:]


def test_an_epoch_shows_every_image_once_and_as_many_crops_as_their_share_says():
    drawn = [ref.sample for ref in ORDER.samples(0)]
    assert sorted(index for index in drawn if index < 20) == list(range(20))
    crops = [index for index in drawn if index >= 20]
    assert len(crops) == len(set(crops)) == 20
    assert max(crops) < 50


@pytest.mark.parametrize(
    ("share", "crops", "expected"),
    [(0.0, 30, 0), (0.2, 30, 5), (0.4, 30, 13), (0.9, 30, 30), (1.0, 30, 30), (0.4, 0, 0)],
)
def test_the_crop_share_is_of_the_epoch_s_samples_and_never_more_than_there_are(
    share, crops, expected
):
    order = replace(ORDER, crop_share=share, crops=crops)
    assert sum(ref.sample >= 20 for ref in order.samples(0)) == expected == order.crops_in(0)


def test_crops_come_in_the_first_epochs_only_where_the_recipe_says_so():
    order = replace(ORDER, crop_epochs=2)
    assert [order.crops_in(epoch) for epoch in range(4)] == [20, 20, 0, 0]
    assert [order.batches_in(epoch) for epoch in range(4)] == [10, 10, 5, 5]
    assert order.steps(4) == 30 == sum(len(list(order.batches(epoch))) for epoch in range(4))


def test_every_batch_is_full_unless_the_whole_set_is_smaller():
    order = replace(ORDER, whole=18, crops=0)
    assert [len(batch) for batch in order.batches(0)] == [4] * 4
    assert len({sample for epoch in range(9) for sample in indices(order, epoch)}) == 18
    assert [len(batch) for batch in replace(order, whole=3).batches(0)] == [3]


def test_a_sample_is_augmented_anew_in_every_epoch():
    seeds = [{ref.sample: ref.seed for ref in ORDER.samples(epoch)} for epoch in (0, 1)]
    assert all(seeds[0][sample] != seeds[1][sample] for sample in range(20))
