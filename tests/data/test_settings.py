"""`dataset.toml`."""

import contextlib
import re
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handseg.data.dataset import open_dataset
from handseg.data.labels import read_labels
from handseg.data.settings import Settings, is_inside, read_settings
from handseg.errors import InputError
from handseg.registry import LAYOUTS

BOX = [[10, 10], [50, 10], [50, 40], [10, 40]]


def refusal(folder, text):
    (folder / "dataset.toml").write_text(text)
    with pytest.raises(InputError) as caught:
        read_settings(folder)
    assert "dataset.toml" in caught.value.message
    return str(caught.value)


def test_without_a_file_everything_is_a_default(tmp_path):
    assert read_settings(tmp_path) == Settings()
    assert read_settings(tmp_path / "nowhere") == Settings()


def test_every_key_is_read(tmp_path):
    (tmp_path / "dataset.toml").write_text(
        """
layout = "coco"
classes = ["Trapzium", "Ulna"]
folds = "my/folds.json"
exclude = ["a.png", "b.png", "a.png"]
leave_out = []
labelled = ["Ulna"]
annotations = ["*.coco.json"]
person = 'P\\d+'
side = '_([LR])$'
[aliases]
Trapzium = "Trapezium"
Both = ["Triquetrum", "Pisiform"]
[regions]
wrist = ["Trapzium", "Both"]
fingertip = [["DP1"], ["DP2"]]
"""
    )
    found = read_settings(tmp_path)
    assert found.layout == "coco"
    assert found.exclude == ("a.png", "b.png")
    assert (found.leave_out, found.labelled, found.folds) == ((), ("Ulna",), "my/folds.json")
    assert found.aliases == {"Trapzium": ("Trapezium",), "Both": ("Triquetrum", "Pisiform")}
    assert found.regions == {"wrist": (("Trapzium", "Both"),), "fingertip": (("DP1",), ("DP2",))}


def test_all_faults_are_named_with_their_lines_and_what_was_meant(tmp_path):
    said = refusal(
        tmp_path,
        'layout = "handbones"\npeople = "plane"\nexlude = ["a.png"]\n[regions]\n'
        'wrists = ["Lunate"]\n',
    )
    for line in (
        f":1: layout must be one of {', '.join(LAYOUTS)} (did you mean handbone?), not 'handbones'",
        ":2: people must be plain, not 'plane'",
        ":3: unknown key 'exlude' (did you mean exclude?)",
        ":4: regions must be a table of wrist and fingertip (did you mean wrist?)",
    ):
        assert f"dataset.toml{line}" in said


@pytest.mark.parametrize(
    "text",
    [
        "classes = []",
        "classes = [1]",
        'exclude = "a.png"',
        'folds = "../folds.json"',
        'annotations = ["/etc/*.json"]',
        "person = '('",
        'aliases = "x"',
        "aliases.x = 3",
        "regions.wrist = []",
        "regions.wrist = [[]]",
        "side = 1979-05-27",
    ],
)
def test_a_value_of_another_kind_is_refused(tmp_path, text):
    assert "dataset.toml:1: " in refusal(tmp_path, text)


@pytest.mark.parametrize("text", ["a = ", "[" * 5000, "x = 1\nx = 2", "a = '\x00'"])
def test_no_toml_is_refused_with_its_line(tmp_path, text):
    refusal(tmp_path, text)


def test_a_file_of_megabytes_or_a_folder_is_refused_or_none(tmp_path):
    refusal(tmp_path, "#" * (1 << 21))
    (tmp_path / "dataset.toml").unlink()
    (tmp_path / "dataset.toml").mkdir()
    assert read_settings(tmp_path) == Settings()


@pytest.mark.parametrize("path", ["a", "a/b.json", "a b", "...", "a..b"])
def test_paths_inside_a_folder_are_inside(path):
    assert is_inside(path)


@settings(
    deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    text=st.text(max_size=60)
    | st.lists(
        st.sampled_from(["layout", "classes", "aliases", "person", "[regions]", "exclude", "=",
                         "'coco'", "[]", "{}", '["a"]', "1", "\n", ".", "x", '"""', "[[", "]]"]),
        max_size=12,
    ).map(" ".join)
)  # fmt: skip
def test_any_text_is_settings_or_refused(tmp_path, text):
    (tmp_path / "dataset.toml").write_text(text, encoding="utf-8", errors="replace")
    with contextlib.suppress(InputError):
        assert isinstance(read_settings(tmp_path), Settings)


def test_excluded_images_are_left_out_and_that_is_said(tmp_path, add_hand):
    for place in ("ID001/a", "ID002/b", "ID003/c"):
        add_hand(tmp_path, place)
    (tmp_path / "dataset.toml").write_text('exclude = ["b.png", "gone.png"]')
    dataset = open_dataset(tmp_path)
    assert [sample.image_name for sample in dataset.train] == ["a.png", "c.png"]
    assert "1 image left out by dataset.toml" in dataset.recognised
    assert "1 name that dataset.toml excludes is of no image: gone.png" in dataset.recognised


def test_classes_regions_and_what_was_labelled_hold_for_handbone_too(tmp_path, add_hand):
    add_hand(tmp_path, polygons=[("wrist bone", BOX)])
    (tmp_path / "dataset.toml").write_text(
        'classes = ["wrist bone", "thumb"]\nlabelled = ["wrist bone"]\n'
        'regions.wrist = ["wrist bone"]\naliases.thumb = "finger-1"\n'
    )
    dataset = open_dataset(tmp_path)
    assert dataset.classes == ("wrist bone", "thumb")
    assert dataset.regions == {"wrist": (("wrist bone",),), "fingertip": (("thumb",),)}
    assert dataset.bones == {"thumb": "finger-1"}
    assert read_labels(dataset.train[0], dataset.classes).labelled == (True, False)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('labelled = ["Radios"]', "unknown class 'Radios' (did you mean Radius?)"),
        (
            'regions.wrist = ["Lunat"]',
            "unknown class 'Lunat' (did you mean Lunate?)",
        ),
        ('aliases.Ulna = "Ulnar"', "aliases.Ulna names the unknown bone 'Ulnar'"),
    ],
)
def test_classes_that_the_data_set_does_not_have_are_named(tmp_path, add_hand, text, said):
    add_hand(tmp_path)
    (tmp_path / "dataset.toml").write_text(text)
    with pytest.raises(InputError) as caught:
        open_dataset(tmp_path)
    assert said in caught.value.message


def test_a_pattern_tells_the_person_instead_of_the_folder(tmp_path, add_hand):
    add_hand(tmp_path, "batch1/p7_L")
    add_hand(tmp_path, "batch2/p7_R")
    (tmp_path / "dataset.toml").write_text("person = '(p\\d+)_'")
    assert {sample.person for sample in open_dataset(tmp_path).train} == {"p7"}


def test_the_layout_that_is_named_is_the_only_one_tried(tmp_path, add_hand):
    add_hand(tmp_path)
    (tmp_path / "dataset.toml").write_text('layout = "coco"')
    with pytest.raises(InputError, match="no data set"):
        open_dataset(tmp_path)


def test_the_readme_shows_every_key(tmp_path):
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    [example] = re.findall(r"```toml\n(# data/dataset\.toml\n.*?)```", readme, re.DOTALL)
    (tmp_path / "dataset.toml").write_text(example)
    assert set(tomllib.loads(example)) == {one.name for one in fields(Settings)}
    assert all(vars(read_settings(tmp_path)).values())
