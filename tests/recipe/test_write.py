"""A resolved recipe is read to the same recipe."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handseg.recipe.layers import bundled_files, read_layers
from handseg.recipe.load import load_recipe
from handseg.recipe.parse import parse
from handseg.recipe.schema import MeanStd, Recipe, Transform
from handseg.recipe.write import to_toml

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**62), 2**62)
VALUES = st.recursive(
    st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
ARGUMENTS = st.dictionaries(TEXT.filter(lambda key: key not in ("p", "transform")), VALUES)
SHARES = st.floats(0, 1)
RECIPES = st.builds(
    lambda options, augment, normalize, init, ema, curve, crops: replace(
        Recipe(),
        model=replace(Recipe().model, options=options, init=init),
        data=replace(Recipe().data, normalize=normalize, crops=crops, extra=(init or "x",)),
        augment=augment,
        loss=replace(Recipe().loss, schedule={"dice": curve}, options={"focal": options}),
        train=replace(Recipe().train, ema=ema),
    ),
    options=st.dictionaries(TEXT, VALUES, max_size=3),
    augment=st.dictionaries(TEXT, st.builds(Transform, TEXT, ARGUMENTS), max_size=3),
    normalize=st.sampled_from(["image", MeanStd((0.5,), (0.25,)), MeanStd((0.1,) * 3, (2.0,) * 3)]),
    init=st.none() | TEXT,
    ema=st.just(False) | st.floats(0.001, 0.9999),
    curve=st.lists(st.tuples(SHARES, SHARES), max_size=3).map(tuple),
    crops=st.lists(st.sampled_from(["wrist", "fingertip"])).map(tuple),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(recipe=RECIPES, comment=TEXT)
def test_any_recipe_is_read_as_it_was_written(tmp_path: Path, recipe: Recipe, comment: str):
    file = tmp_path / "recipe.toml"
    file.write_text(to_toml(recipe, comments=(comment,)), encoding="utf-8", newline="")
    layers = read_layers(file, [])
    read, _ = parse(layers)
    assert layers.faults == []
    assert read == recipe
    assert list(read.augment) == list(recipe.augment)


@pytest.mark.parametrize("path", bundled_files(), ids=lambda path: path.stem)
def test_every_bundled_recipe_is_sound_and_repeats_itself_when_resolved(path, tmp_path):
    loaded = load_recipe(str(path), ["train.epochs=5"])
    (tmp_path / "recipe.toml").write_text(loaded.to_toml(), encoding="utf-8")
    again = load_recipe(str(tmp_path / "recipe.toml"))
    assert again.recipe == loaded.recipe
    assert loaded.to_toml().startswith("# handseg train ")
    assert "--set train.epochs=5\n" in loaded.to_toml()


def test_a_line_end_in_a_set_value_stays_inside_the_comment(tmp_path):
    (tmp_path / "r.toml").write_text("schema = 1\n")
    loaded = load_recipe(str(tmp_path / "r.toml"), ['model.init="a\\nb"', "data.extra=['''\n''']"])
    (tmp_path / "again.toml").write_text(loaded.to_toml())
    assert load_recipe(str(tmp_path / "again.toml")).recipe == loaded.recipe


def test_a_run_begun_from_another_is_read_again(tmp_path):
    (tmp_path / "r.toml").write_text('[model]\ninit = "runs/a"\n')
    loaded = load_recipe(str(tmp_path / "r.toml"))
    (tmp_path / "again.toml").write_text(loaded.to_toml())
    assert load_recipe(str(tmp_path / "again.toml")).recipe == loaded.recipe
