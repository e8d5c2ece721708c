"""Layer 1: keys, types, ranges and choices."""

import pytest

from handseg.recipe.faults import RecipeError
from handseg.recipe.load import load_recipe
from handseg.recipe.schema import MeanStd, Recipe


@pytest.fixture
def faults(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def faults_of(text):
        (tmp_path / "r.toml").write_text(text)
        with pytest.raises(RecipeError) as caught:
            load_recipe("r.toml")
        return [str(fault) for fault in caught.value.faults]

    return faults_of


def read(tmp_path, text):
    (tmp_path / "r.toml").write_text(text)
    return load_recipe(str(tmp_path / "r.toml")).recipe


def test_an_empty_recipe_is_the_schemas_defaults(tmp_path):
    assert read(tmp_path, "") == Recipe()


def test_all_faults_of_the_layer_are_told_at_once_each_with_its_line(faults):
    text = (
        "[model]\nencodr = 'x'\n[data]\nsize = '512'\ncrops = [\n 'wrist',\n 'wirst',\n]\n[trainn]"
    )
    assert faults(text) == [
        "r.toml:2  model.encodr: unknown key (did you mean encoder?)",
        'r.toml:4  data.size: must be a whole number of at least 32, not "512"',
        'r.toml:7  data.crops[1]: must be "wrist" or "fingertip", not "wirst" '
        "(did you mean wrist?)",
        "r.toml:9  trainn: unknown key (did you mean train?)",
    ]


def test_the_error_ends_with_the_command_lines_code_and_counts_the_faults(faults, tmp_path):
    (tmp_path / "r.toml").write_text("a = 1\nb = 2\n")
    with pytest.raises(RecipeError) as caught:
        load_recipe("r.toml")
    assert caught.value.exit_code == 2
    assert str(caught.value).splitlines()[0] == "the recipe r.toml has 2 faults"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[train]\nepochs = true", "must be a whole number of at least 1, not true"),
        ("[train]\nepochs = 3.0", "must be a whole number of at least 1, not 3.0"),
        ("[train]\ncompile = 1", "must be true or false, not 1"),
        ("[train]\nema = true", "must be a number above 0 and below 1 or false, not true"),
        ("[optimizer]\nlr = nan", "must be a number above 0, not nan"),
        (f"[optimizer]\nlr = {10**400}", "must be a number above 0, not 1000"),
        ("[data]\nworkers = -1", 'must be a whole number of at least 0 or "auto", not -1'),
        ("[data]\nchannels = 2", "must be 1 or 3, not 2"),
        ("[data]\nnormalize = 'imagnet'", '{ mean = …, std = … }, not "imagnet" (did you mean ima'),
        ("[data]\nnormalize = { mean = [0.5] }", "std is missing"),
        ("[data]\nnormalize = { mean = [0.5], std = [0] }", "must be a number above 0, not 0"),
        ("[data]\nextra = 'more'", 'must be an array, not "more"'),
        ("[model]\nprior = 1", "must be a number above 0 and below 1, not 1"),
        ("model = 3", "must be a table, not 3"),
        ("[train]\nlr = 1", "unknown key (did you mean optimizer.lr?)"),
        ("[augment.flip]\np = 0.5", "transform is missing"),
        ("[augment.flip]\ntransform = 'Rotate'\np = 2", "must be a number of at least 0 and of at"),
        ("[augment.flip]\ntransform = 'Rotate'\nlimit = 1979-05-27", "has no meaning here"),
        ("[loss.schedule]\ndice = [[0, 1, 2]]", "must have 2 elements, not 3"),
        ("[track]\nwand = true", "unknown key (did you mean wandb?)"),
        ("schema = 2", "is 2; this handseg knows up to 1"),
    ],
)
def test_a_value_that_does_not_fit_is_told_what_would(faults, text, message):
    (fault,) = faults(text)
    assert message in fault


def test_a_whole_number_stands_for_a_number(tmp_path):
    recipe = read(tmp_path, "[optimizer]\nlr = 1\n[data]\nnormalize = { mean = [0], std = [1] }")
    assert isinstance(recipe.optimizer.lr, float)
    assert recipe.data.normalize == MeanStd((0.0,), (1.0,))


def test_a_run_that_goes_on_warns_of_keys_it_does_not_know(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "recipe.toml").write_text("[train]\nepochs = 3\nwarp = 9\n[gone]\na = 1\n")
    loaded = load_recipe("recipe.toml", ["train.epochs=4"], resumed=True)
    assert loaded.recipe.train.epochs == 4
    assert loaded.warnings == (
        "recipe.toml:4  gone: this handseg does not know it",
        "recipe.toml:3  train.warp: this handseg does not know it",
    )


def test_a_run_that_goes_on_refuses_what_would_make_it_another(tmp_path):
    (tmp_path / "recipe.toml").write_text("[train]\nepochs = 3\n")
    sets = ["early_stop.patience=3", "data.size=512", "checkpoint.kep=1"]
    with pytest.raises(RecipeError) as caught:
        load_recipe(str(tmp_path / "recipe.toml"), sets, resumed=True)
    unknown, refused = caught.value.faults
    assert unknown.message == "unknown key (did you mean keep?)"
    assert (refused.key, refused.file) == ("data.size", "--set")
    assert "only train.epochs, train.micro_batch" in refused.message
