"""A smoke run: a few images of a world, so that everything is done once and quickly."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

from handseg.data.dataset import Sample
from handseg.train.world import World


def limited(world: World, training: int | None, validation: int | None = None) -> World:
    """At most so many images to train on, and to validate on (as many where not said).

    The rest of the data set is as if it were not there, so that only these images are prepared; its
    fingerprint and its folds stay what they are. None is no limit.
    """
    if training is None:
        return world
    chosen = few(world.training, training)
    held_out = few(world.validation, training if validation is None else validation)
    people = {sample.person for sample in chosen}
    crops = few([crop for crop in world.crops if crop.person in people], training)
    named = {*chosen, *held_out}
    own = tuple(sample for sample in world.dataset.train if sample in named)
    return replace(
        world,
        dataset=replace(world.dataset, train=own),
        training=chosen,
        crops=crops,
        every_crop=crops,
        validation=held_out,
    )


def few(samples: Sequence[Sample], most: int) -> tuple[Sample, ...]:
    """At most so many samples, of the first people who fit whole; of one, some, where none fits.

    The order of the samples stays, and the same samples give the same few.
    """
    kept: list[Sample] = []
    for _, of_person in groupby(sorted(samples, key=order), lambda sample: sample.person):
        whole = list(of_person)
        if len(kept) + len(whole) <= most:
            kept += whole
    chosen = set(kept or sorted(samples, key=order)[:most])
    return tuple(sample for sample in samples if sample in chosen)


def order(sample: Sample) -> tuple[str, str]:
    """People together, each one's images by name."""
    return sample.person, sample.image_name


def smoke_name(recipe: str, limit: int | None) -> str:
    """What a run is named and listed after: a smoke run is none of the recipe itself."""
    return recipe if limit is None else f"{recipe}-limit{limit}"
