"""Faults of a recipe in its three layers, through the command: said with their place, no trace."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from handseg.cli.main import application


def traces():
    """All files of the working folder but the remembered hashes of its images."""
    files = {path.as_posix() for path in Path().rglob("*") if path.is_file()}
    return files - {".handseg/hashes.json"}


@pytest.fixture
def type_train(workplace):
    """Type `handseg train`, which is to fail and to leave nothing."""

    def run(*words, code):
        before = traces()
        done = CliRunner().invoke(application("train"), ["train", *words])
        assert (done.exit_code, done.stdout) == (code, ""), done.stderr
        assert done.stderr.count("error:") == 1
        assert "Traceback" not in done.stderr
        assert traces() == before
        assert not Path("runs").exists()
        return done.stderr

    return run


def write(text, name="mine.toml"):
    Path(name).write_text(text)
    return name


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[train]\nepoch = 3", "mine.toml:2  train.epoch: unknown key (did you mean"),
        ("[trian]\nepochs = 3", "mine.toml:1  trian: unknown key (did you mean train"),
        ("[train]\nepochs = 'many'", "mine.toml:2  train.epochs: must be a whole number"),
        ("[train]\nepochs = 0", "mine.toml:2  train.epochs: must be a whole number of at least 1"),
        ("[data]\nsize = [1, 2]", "mine.toml:2  data.size: must be a whole number"),
        ("data = 3", "mine.toml:1  data: must be a table"),
        ("[data]\ncrops = ['wirst']", "mine.toml:2  data.crops[0]: must be"),
        ("[data]\nfold = 'some'", "mine.toml:2  data.fold: must be"),
        ("[model]\nencoder = 'mit-b9'", "mine.toml:2  model.encoder:"),
        ("[model]\nlibrary = 'smp'", "mine.toml:2  model."),
        ("[data]\nsize = 1000", "mine.toml:2  data.size: segformer needs a multiple of 32"),
        ("[train]\nbatch_size = 2\nmicro_batch = 4", "mine.toml:3  train.micro_batch: must be at"),
        ("[loss]\nbce = 0\ndice = 0", "some weight must be above zero"),
        (
            "[augment.flip]\ntransform = 'HorizontalFlop'",
            "mine.toml:2  augment.flip.transform: albumentations has no transform HorizontalFlop "
            "(did you mean HorizontalFlip?)",
        ),
        (
            "[augment.turn]\ntransform = 'Affine'\nrotates = [-5, 5]",
            "mine.toml:3  augment.turn.rotates: there is no such argument (did you mean rotate?)",
        ),
        (
            "[augment.turn]\ntransform = 'Affine'\nrotate = 'far'",
            "mine.toml:3  augment.turn.rotate: must be",
        ),
        (
            "[augment.noise]\ntransform = 'GaussNoise'\nstd_range = [2.0, 1.0]",
            "mine.toml:1  augment.noise: GaussNoise: ",
        ),
        ("extends = 'mine.toml'", "mine.toml:1  extends: a cycle: mine.toml → mine.toml"),
        ("extends = 'nothing.toml'", "mine.toml:1  extends: there is no nothing.toml beside"),
        ("[train\nepochs = 3", "mine.toml:1  not valid TOML"),
        ("schema = 9", "mine.toml:1  schema:"),
    ],
)
def test_a_fault_has_its_file_line_and_the_right_word(type_train, text, said):
    assert said in type_train(write(text), code=2)


def test_a_cycle_over_several_files_shows_its_way(type_train):
    write("extends = 'two.toml'", "one.toml")
    write("extends = 'one.toml'", "two.toml")
    said = type_train("one.toml", code=2)
    assert "two.toml:1  extends: a cycle: one.toml → two.toml → one.toml" in said


def test_all_faults_of_a_layer_are_told_at_once_with_those_of_the_command_line(type_train):
    text = "[train]\nepoch = 3\nbatch_size = 'two'\n[data]\nsise = 64\n"
    said = type_train(write(text), "--set", "train.ema=7", code=2)
    assert "the recipe mine.toml has 4 faults" in said
    for place in ("mine.toml:2", "mine.toml:3", "mine.toml:5", "--set  train.ema"):
        assert place in said


def test_a_base_of_the_recipe_is_blamed_for_its_own_faults(type_train):
    write("[train]\nepochs = -1", "common.toml")
    said = type_train(write("extends = 'common.toml'\n[data]\nsize = 'x'"), code=2)
    assert "common.toml:2  train.epochs" in said
    assert "mine.toml:3  data.size" in said


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("segfromer", "did you mean segformer"),
        ("nowhere/mine.toml", "there is no recipe nowhere/mine.toml"),
        ("data", "data is a folder: name a recipe"),
        ("", "there is no recipe"),
    ],
)
def test_what_is_no_recipe_is_said(type_train, name, said):
    assert said in type_train(name, code=2)


def test_a_folder_is_answered_with_the_recipes_in_it(type_train):
    Path("mine").mkdir()
    write("", "mine/unet.toml")
    assert "recipes in it: unet.toml" in type_train("mine", code=2)


@pytest.mark.parametrize("content", [b"\x89PNG\r\n\x1a\n\0\0\xff\xfe", b"\0\0\0\0", b"\xff"])
def test_a_binary_file_is_no_recipe(type_train, content):
    Path("mine.toml").write_bytes(content)
    assert "mine.toml:1" in type_train("mine.toml", code=2)


def test_a_fold_that_is_not_there_is_told_where_it_was_said(type_train, tiny_recipe):
    text = tiny_recipe.read_text().replace("[data]\n", "[data]\nfold = 9\n")
    tiny_recipe.write_text(text)
    line = text.splitlines().index("fold = 9") + 1
    said = type_train("tiny.toml", code=2)
    assert f"tiny.toml:{line}  data.fold: there is no fold 9" in said
    assert "are 0 to 3" in said
    assert "there is no fold 7" in type_train("tiny.toml", "--fold", "7", code=2)


def test_crops_that_are_not_there_are_exit_3_with_the_command_that_makes_them(
    type_train, tiny_recipe
):
    said = type_train("tiny.toml", "--set", "data.crops=['wrist', 'fingertip']", code=3)
    assert "→ handseg crop --regions wrist,fingertip" in said


def test_no_data_set_is_exit_3(type_train, tiny_recipe):
    assert "elsewhere" in type_train("tiny.toml", "--data", "elsewhere", code=3)


def test_weights_that_cannot_be_had_are_exit_1_with_file_place_and_what_to_type(
    tiny_recipe, monkeypatch
):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    done = CliRunner().invoke(
        application("train"), ["train", "tiny.toml", "--set", "model.weights=nvidia/mit-b0"]
    )
    assert done.exit_code == 1
    for part in ("nvidia/mit-b0 cannot be had", "looked in ", "--set model.weights=none"):
        assert part in done.stderr
    # They are asked for before anything is prepared; folds are the data set's, not the run's.
    assert traces() == {*before_training(), "data/folds.json"}


def test_weights_of_a_file_that_fits_nothing_name_the_file(tiny_recipe):
    Path("weights.safetensors").write_bytes(b"no tensors")
    words = ("tiny.toml", "--set", "model.weights=weights.safetensors")
    done = CliRunner().invoke(application("train"), ["train", *words])
    assert done.exit_code == 1
    assert "weights.safetensors" in done.stderr
    assert traces() == {*before_training(), "weights.safetensors", "data/folds.json"}


def before_training():
    """What the working folder holds from the start."""
    return {"tiny.toml", *(name for name in traces() if name.startswith("data/t"))} | {
        "data/phantom.json"
    }
