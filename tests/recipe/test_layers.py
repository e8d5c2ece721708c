"""`extends` and `--set`: what is laid over what, and where each value came from."""

import pytest

from handseg.recipe.faults import RecipeError
from handseg.recipe.load import load_recipe

FLIP = '[augment.flip]\ntransform = "HorizontalFlip"\n'
ROTATE = '[augment.rotate]\ntransform = "Affine"\nrotate = [-45, 45]\n'


@pytest.fixture
def write(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write_recipe(name, text):
        (tmp_path / name).write_text(text)
        return name

    return write_recipe


def faults_of(name, sets=()):
    with pytest.raises(RecipeError) as caught:
        load_recipe(name, sets)
    return [str(fault) for fault in caught.value.faults]


def test_tables_are_merged_deep_and_arrays_replaced_whole(write):
    write("base.toml", '[data]\nsize = 512\ncrops = ["wrist", "fingertip"]\n')
    write("own.toml", 'extends = "base.toml"\n[data]\ncrops = ["wrist"]\n')
    data = load_recipe("own.toml").recipe.data
    assert (data.size, data.crops) == (512, ("wrist",))


def test_of_several_bases_the_later_wins_and_a_shared_one_is_read_once(write):
    write("root.toml", "[train]\nseed = 1\nepochs = 1\n")
    write("a.toml", 'extends = "root.toml"\n[train]\nseed = 2\nbatch_size = 2\n')
    write("b.toml", 'extends = "root.toml"\n[train]\nbatch_size = 3\n')
    write("own.toml", 'extends = ["a.toml", "b.toml"]\n')
    train = load_recipe("own.toml").recipe.train
    assert (train.seed, train.epochs, train.batch_size) == (2, 1, 3)


def test_a_base_that_is_not_beside_the_file_is_the_bundled_one(write):
    write("own.toml", 'extends = "segformer.toml"\n[train]\nepochs = 3\n')
    loaded = load_recipe("own.toml")
    assert list(loaded.recipe.augment) == ["flip", "rotate"]
    assert loaded.origin("augment.flip").file.endswith("recipes/base.toml")


def test_an_overridden_entry_of_augment_keeps_its_place_and_false_removes(write):
    write("base.toml", FLIP + ROTATE + '[augment.blur]\ntransform = "Blur"\n')
    write("own.toml", 'extends = "base.toml"\naugment.rotate = false\n[augment.flip]\np = 0.1\n')
    assert list(load_recipe("own.toml").recipe.augment) == ["flip", "blur"]
    assert load_recipe("own.toml").recipe.augment["flip"].arguments == {"p": 0.1}
    again = load_recipe("own.toml", ['augment.rotate={ transform = "Rotate", limit = 9 }'])
    assert list(again.recipe.augment) == ["flip", "rotate", "blur"]
    assert again.recipe.augment["rotate"].arguments == {"limit": 9}


def test_removing_what_is_not_there_is_a_fault(write):
    write("own.toml", FLIP)
    assert faults_of("own.toml", ["augment.flap=false"]) == [
        "--set  augment.flap: there is no such entry to remove (did you mean flip?)"
    ]


def test_a_cycle_is_a_fault_that_shows_its_way(write):
    write("a.toml", 'extends = "b.toml"\n')
    write("b.toml", '\nextends = ["a.toml"]\n')
    assert faults_of("a.toml") == ["b.toml:2  extends: a cycle: a.toml → b.toml → a.toml"]
    write("self.toml", 'extends = "self.toml"\n')
    assert faults_of("self.toml") == ["self.toml:1  extends: a cycle: self.toml → self.toml"]


def test_four_levels_are_read_and_a_fifth_is_a_fault(write):
    write("e.toml", "schema = 1\n")
    for above, below in ("de", "cd", "bc", "ab"):
        write(f"{above}.toml", f'extends = "{below}.toml"\n')
    assert load_recipe("b.toml").recipe == load_recipe("e.toml").recipe
    assert faults_of("a.toml") == ["d.toml:1  extends: more than 4 levels of recipes"]


def test_bases_that_cannot_be_had_are_all_named(write):
    write("own.toml", 'extends = [\n  "no.toml",\n  3,\n]\n')
    assert faults_of("own.toml") == [
        "own.toml:2  extends: there is no no.toml beside own.toml or among the bundled",
        "own.toml:3  extends: must be the name of a recipe, or an array of names",
    ]


def test_a_syntax_error_has_its_line_and_does_not_hide_the_other_faults(write):
    write("base.toml", "[data]\nsize = \n")
    write("own.toml", 'extends = "base.toml"\n[data]\nsiz = 5\n[augment.flip]\np = 0.1\n')
    assert faults_of("own.toml", ["train.epochs=0"]) == [
        "base.toml:2  not valid TOML: invalid value, column 8",
        "own.toml:3  data.siz: unknown key (did you mean size?)",
        "--set  train.epochs: must be a whole number of at least 1, not 0",
    ]


def test_text_that_is_not_utf_8_is_a_fault_and_a_byte_order_mark_is_none(write, tmp_path):
    (tmp_path / "latin.toml").write_bytes(b"schema = 1\n# caf\xe9\n")
    assert faults_of("latin.toml") == ["latin.toml:2  this is not UTF-8 text"]
    (tmp_path / "mark.toml").write_bytes(b"\xef\xbb\xbf[train]\r\nepochs = 7\r\n")
    assert load_recipe("mark.toml").recipe.train.epochs == 7


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ("train.epochs=5", "train.epochs", 5),
        ("train.epochs = 5", "train.epochs", 5),
        ("optimizer.lr=1e-3", "optimizer.lr", 1e-3),
        ("train.ema=false", "train.ema", False),
        ("model.weights=none", "model.weights", "none"),
        ("model.weights=weights/a=b#1.safetensors", "model.weights", "weights/a=b#1.safetensors"),
        ('data.crops=["wrist"]', "data.crops", ("wrist",)),
        ("loss.options.focal={gamma=3}", "loss.options", {"focal": {"gamma": 3}}),
        ("track.wandb=true", "track", {"wandb": True}),
    ],
)
def test_a_value_is_set_as_toml_and_a_bare_word_is_a_string(write, text, key, value):
    write("own.toml", "schema = 1\n")
    loaded = load_recipe("own.toml", [text])
    part = loaded.recipe
    for name in key.split("."):
        part = getattr(part, name)
    assert part == value
    assert str(loaded.origin(text.split("=")[0].strip())) == "--set"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("train.epochs", "--set  'train.epochs' has not the form a.b=value"),
        ("=3", "--set  '=3' has not the form a.b=value"),
        ("a..b=3", "--set  'a..b=3' has not the form a.b=value"),
        ("train.epochs=", '--set  train.epochs: has no value (an empty string is "")'),
        ("data.crops=[wrist]", "--set  data.crops: [wrist] is not valid TOML"),
        ("extends=base.toml", "--set  extends: can only be said in the file"),
        ("train=3", "--set  train: must be a table, not 3"),
        (
            "train.epochs=1\ntrain.seed = 2",
            '--set  train.epochs: must be a whole number of at least 1, not "1\ntrain.seed = 2"',
        ),
    ],
)
def test_a_set_that_cannot_be_is_a_fault_that_names_it(write, text, fault):
    write("own.toml", "schema = 1\n")
    assert faults_of("own.toml", [text]) == [fault]


def test_a_fault_inside_a_set_value_is_not_blamed_on_the_file_that_holds_its_table(write):
    write("own.toml", "[loss.options]\nfocal = { gamma = 2.0 }\n")
    assert faults_of("own.toml", ["loss.options={ focal = { gama = 1 } }"]) == [
        "--set  loss.options.focal.gama: there is no such argument (did you mean gamma?)"
    ]
