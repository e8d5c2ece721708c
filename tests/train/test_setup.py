"""What a training draws from is prepared once for all folds."""

import contextlib
from pathlib import Path

import numpy as np
import pytest

from handseg.crops import cut_crops, plan_crops
from handseg.data.crop_manifest import region_folder
from handseg.data.dataset import labelled_training_samples, open_dataset
from handseg.data.fingerprint import fingerprint, sample_files
from handseg.recipe.load import load_recipe
from handseg.train.augment import Augmentation
from handseg.train.data import find_data
from handseg.train.loader import TrainingSamples
from handseg.train.preview import preview_samples
from handseg.train.setup import pick_device, prepare_setup
from handseg.work import Reporter, silent


@pytest.fixture
def setup_of(tiny_recipe):
    """Prepares the setup of a fold; `said` is what it told."""
    dataset = open_dataset(Path("data"))
    samples = labelled_training_samples(dataset)
    source = fingerprint(sample_files(samples), dataset.root)
    planned = plan_crops(samples, dataset.classes, "wrist")
    cut_crops(region_folder(dataset, "wrist"), "wrist", planned, dataset.classes, source)
    said = []

    @contextlib.contextmanager
    def no_bar(title):
        yield lambda done, total, note="": None

    def prepare(fold):
        said.clear()
        loaded = load_recipe(str(tiny_recipe), [f"data.fold={fold}", "data.crops=['wrist']"])
        data = find_data(loaded, Path("data"))
        reporter = Reporter(said.append, said.append, no_bar)
        device = pick_device(loaded)
        return prepare_setup(loaded, data, device, Path("runs"), reporter, may_shrink=True)

    prepare.said = said
    return prepare


def test_the_folds_share_prepared_images_and_crops(setup_of):
    first = setup_of(0)
    images, crops = setup_of.said
    assert images.startswith("preparing 8 images at 64 px: 164 kB of the ")
    assert crops.startswith("preparing 8 crops at 64 px: 164 kB of the ")
    assert str(Path(".handseg").resolve()) in images
    second = setup_of(1)
    assert not setup_of.said
    assert len(list(Path(".handseg/prepared").iterdir())) == 2
    for setup in (first, second):
        assert setup.crops.samples == setup.data.crops
        assert {crop.person for crop in setup.crops.samples} == set(setup.data.people)
    both = set(first.crops.samples) & set(second.crops.samples)
    assert both != set(first.crops.samples)
    for crop in both:
        one, other = (p.crops.image(p.crops.samples.index(crop)) for p in (first, second))
        assert np.array_equal(one, other)


def test_a_preview_shows_the_first_samples_of_the_training_as_they_are(setup_of, tiny_recipe):
    setup = setup_of(1)
    recipe = setup.recipe
    samples = TrainingSamples([*setup.images, setup.crops], Augmentation(recipe.augment))
    refs = setup.sampler().samples(0)
    found = preview_samples(recipe, setup.data, 20, silent)
    assert len(found) == len(refs) == 10
    assert {ref.sample < 6 for ref in refs} == {True, False}
    for sample, ref in zip(found, refs, strict=True):
        image, planes, _ = samples[ref]
        assert sample.name == samples.image_name(ref.sample)
        assert np.array_equal(sample.image, image)
        assert np.array_equal(sample.planes, planes)
