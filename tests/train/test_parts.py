"""What a training draws from is prepared once for all folds."""

import contextlib
from pathlib import Path

import numpy as np
import pytest

from handseg.crops.cut import cut_crops
from handseg.crops.windows import plan_crops
from handseg.data.crop_manifest import region_folder
from handseg.data.dataset import labelled_training_samples, open_dataset
from handseg.data.fingerprint import fingerprint, sample_files
from handseg.recipe.load import load_recipe
from handseg.reporter import Reporter
from handseg.train.parts import prepare_parts
from handseg.train.world import check_world


@pytest.fixture
def parts_of(tiny_recipe):
    """Prepares the parts of a fold; `said` is what it told."""
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
        world = check_world(loaded, Path("data"))
        return world, prepare_parts(loaded, world, Reporter(said.append, said.append, no_bar))

    prepare.said = said
    return prepare


def test_the_folds_share_prepared_images_and_crops(parts_of):
    first_world, first = parts_of(0)
    images, crops = parts_of.said
    assert images.startswith("preparing 8 images at 64 px: 164 kB of the ")
    assert crops.startswith("preparing 8 crops at 64 px: 164 kB of the ")
    assert str(Path(".handseg").resolve()) in images
    second_world, second = parts_of(1)
    assert not parts_of.said
    assert len(list(Path(".handseg/prepared").iterdir())) == 2
    for world, parts in ((first_world, first), (second_world, second)):
        assert parts.crops.samples == world.crops
        assert {crop.person for crop in parts.crops.samples} == set(world.people)
    both = set(first.crops.samples) & set(second.crops.samples)
    assert both != set(first.crops.samples)
    for crop in both:
        one, other = (p.crops.image(p.crops.samples.index(crop)) for p in (first, second))
        assert np.array_equal(one, other)
