"""Two recipes differ in values, not in how they are written."""

import pytest

from handseg.errors import UsageError
from handseg.recipe.faults import RecipeError
from handseg.recipe.load import load_recipe, recipe_differences, recipe_values


@pytest.fixture
def write(tmp_path):
    def make(name, *sets):
        path = tmp_path / name
        path.write_text(load_recipe("recipes/unet.toml", sets).to_toml())
        return path

    return make


def test_only_what_differs_is_listed_in_the_order_of_the_recipe(write):
    a = write("a.toml", "train.seed=3", "data.size=512")
    b = write("b.toml", "data.size=256", "model.options.decoder_attention_type='scse'")
    found = [(one.key, one.a, one.b) for one in recipe_differences(a, b)]
    assert found == [
        ("data.size", "512", "256"),
        ("train.seed", "3", "0"),
        ("model.options.decoder_attention_type", None, '"scse"'),
    ]


def test_a_transform_that_one_lacks_is_listed_by_its_values(write):
    a, b = write("a.toml"), write("b.toml", "augment.flip=false")
    found = recipe_differences(a, b)
    assert found
    assert all(one.key.startswith("augment.flip.") and one.b is None for one in found)


def test_a_value_that_is_not_written_is_the_default(tmp_path, write):
    whole = write("a.toml")
    bare = tmp_path / "bare.toml"
    lines = whole.read_text().splitlines()
    bare.write_text("\n".join(line for line in lines if not line.startswith("seed =")))
    assert recipe_differences(whole, bare) == []
    assert recipe_values(bare)["train.seed"] == "0"


def test_a_recipe_that_cannot_be_read_is_said(tmp_path, write):
    broken = tmp_path / "broken.toml"
    broken.write_text("schema = ")
    with pytest.raises(RecipeError):
        recipe_differences(write("a.toml"), broken)
    with pytest.raises(UsageError):
        recipe_differences(write("a.toml"), tmp_path / "none.toml")
