"""The first samples of a recipe's training, as its network gets them."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from handseg.data.cache import prepare
from handseg.recipe.schema import Recipe
from handseg.train.augment import Augmentation
from handseg.train.data import TrainingData
from handseg.train.loader import EpochSampler
from handseg.work import Progress


class PreviewSample(NamedTuple):
    """A sample after its augmentation."""

    name: str
    image: NDArray[np.uint8]
    """uint8[size, size]."""
    planes: NDArray[np.uint8]
    """Its masks as bits, uint8[size, size, ceil(classes / 8)]."""


def preview_samples(
    recipe: Recipe, data: TrainingData, count: int, progress: Progress
) -> list[PreviewSample]:
    """The first `count` samples of the first epoch, in its order; only these are read.

    Raises:
        InputError: an image or a label of them cannot be read.
    """
    # As the caches of a training stand: the set's own images in its order, further ones, crops.
    own = set(data.dataset.train)
    training = sorted(data.training, key=lambda sample: sample not in own)
    samples = [*training, *data.crops]
    sampler = EpochSampler.of(recipe, len(training), len(data.crops))
    augmentation = Augmentation(recipe.augment, data.dataset.classes)
    refs = sampler.samples(0)[:count]
    made: list[PreviewSample] = []
    for number, ref in enumerate(refs, 1):
        sample = samples[ref.sample]
        ready = prepare(sample, data.dataset.classes, recipe.data.size)
        image, planes = augmentation(ready.image, ready.planes, ref.seed)
        made.append(PreviewSample(sample.image_name, image, planes))
        progress(number, len(refs), sample.image_name)
    return made
