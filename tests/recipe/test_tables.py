"""The shipped tables are what the installed libraries take."""

import json
import runpy
from pathlib import Path
from typing import get_args, get_type_hints

import numpy as np
import pytest

from handseg.recipe import tables as shipped
from handseg.recipe.schema import Optimizer, Transform

SIDE, CLASSES = 48, (0, 7, 9, 22, 31)


@pytest.fixture(scope="module")
def generator():
    return runpy.run_path(str(Path(__file__).with_name("generate_tables.py")))


def test_generating_the_tables_anew_gives_the_shipped_ones(generator):
    for stem, table in generator["tables"]().items():
        text = (generator["TABLES"] / f"{stem}.json").read_text()
        assert json.loads(text) == table, "run python tests/recipe/generate_tables.py"


def test_every_transform_that_moves_labels_moves_each_class_as_if_it_were_alone(generator):
    from handseg.train.augment import Augmentation

    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (SIDE, SIDE), dtype=np.uint8)
    blocks = rng.integers(0, 256, (SIDE // 8, SIDE // 8, 4), dtype=np.uint8)
    planes = blocks.repeat(8, axis=0).repeat(8, axis=1)
    for name, arguments in generator["GEOMETRIC"].items():
        augmentation = Augmentation({name: Transform(name, {**arguments, "p": 1.0})})
        for seed in range(2):
            together = augmentation(image, planes, seed)[1]
            assert together.shape == planes.shape, name
            for number in CLASSES:
                one = (planes[..., number // 8] >> (number % 8) & 1)[..., None]
                alone = augmentation(image, one.repeat(4, axis=2), seed)[1][..., 0]
                bits = together[..., number // 8] >> (number % 8) & 1
                assert np.array_equal(bits, alone), (name, number)


def test_the_adapters_own_arguments_are_kept_from_recipes():
    from handseg.train.augment import OWNED

    assert set(OWNED) <= set(shipped.transforms()["owned"])


def test_every_optimizer_of_the_schema_is_one_of_timm():
    from timm.optim import list_optimizers

    assert set(get_args(get_type_hints(Optimizer)["name"])) <= set(list_optimizers())
