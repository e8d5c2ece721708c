"""Where a recipe is found, and that finding and checking one loads nothing heavy."""

import subprocess
import sys

import pytest

from handseg.errors import UsageError
from handseg.recipe import layers
from handseg.recipe.load import load_recipe

HEAVY = ("torch", "albumentations", "transformers", "numpy", "cv2", "pandas", "rich")


def test_a_file_as_typed_comes_before_the_bundled_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert load_recipe("recipes/segformer.toml").bundled
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes/segformer.toml").write_text("[train]\nepochs = 7\n")
    own = load_recipe("recipes/segformer.toml")
    assert (own.recipe.train.epochs, own.bundled, own.name) == (7, False, "segformer")


@pytest.mark.parametrize("name", ["unet", "unet.toml", "recipes/unet", "recipes/unet.toml"])
def test_a_bundled_recipe_is_found_by_any_form_of_its_name(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    loaded = load_recipe(name)
    assert (loaded.name, loaded.bundled) == ("unet", True)


@pytest.mark.parametrize("name", ["recipes/segfomer.toml", "segformr", "mine/segformer.toml"])
def test_a_recipe_that_is_not_there_is_told_with_the_nearest_names(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError) as caught:
        load_recipe(name)
    assert caught.value.exit_code == 2
    assert "segformer" in caught.value.details
    assert caught.value.hints == ("handseg recipes",)


def test_an_installed_package_has_its_own_recipes_and_a_checkout_is_preferred(
    tmp_path, monkeypatch
):
    package = tmp_path / "site-packages" / "handseg"
    monkeypatch.setattr(layers, "_PACKAGE", package)
    assert layers.bundled_folder() == package / "recipes"
    (tmp_path / "site-packages/recipes").mkdir(parents=True)
    (tmp_path / "site-packages/recipes/base.toml").touch()
    assert layers.bundled_folder() == package / "recipes"
    (tmp_path / "site-packages/pyproject.toml").touch()
    assert layers.bundled_folder() == tmp_path / "site-packages" / "recipes"


def test_checking_a_recipe_loads_nothing_heavy():
    code = (
        "import sys; from handseg.recipe.load import load_recipe; load_recipe('segformer');"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
