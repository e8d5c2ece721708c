"""All statistics of a data set: hands, people, grey values, labels at fault, other classes."""

import contextlib
import json

import numpy as np
import pytest
from PIL import Image

from handseg.cli.stats import statistics_json
from handseg.data.dataset import open_dataset
from handseg.phantom.writing import write_phantoms
from handseg.statistics import fact_rows, gather, intensity_of

ULNA = [[10, 10], [19, 10], [19, 19], [10, 19]]


@contextlib.contextmanager
def no_bar(title):
    yield lambda done, total, note="": None


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HANDSEG_CACHE", str(tmp_path / "cache"))


def statistics(folder, **words):
    return gather(open_dataset(folder), no_bar, **words)


def test_hands_are_counted_in_training_and_test(tmp_path):
    write_phantoms(tmp_path / "data", people=16, size=192, seed=5, test_people=8)
    found = statistics(tmp_path / "data")
    train, test = found.splits
    assert [split.name for split in found.splits] == ["train", "test"]
    assert sum(train.hands.values()) == sum(test.hands.values()) == 16
    for split in (train, test):
        for side in ("left", "right"):
            assert sum(n for kind, n in split.hands.items() if kind[0] == side) == 8
        assert split.balance.people == 8
        assert split.images_a_person == {2: 8}
    # Phantoms bend more wrists in the test split, as the competition does.
    assert test.balance.bent_share > train.balance.bent_share
    assert found.masks_of == "train"
    assert found.have_hands


def test_without_training_images_masks_are_those_of_the_test(tmp_path, add_hand):
    add_hand(tmp_path / "data", "ID001/a", [("Ulna", ULNA)], split="test")
    found = statistics(tmp_path / "data")
    assert found.masks_of == "test"
    assert [split.labelled for split in found.splits] == [1]


def test_images_without_labels_have_sizes_and_grey_values(tmp_path, add_hand):
    add_hand(tmp_path / "data", "ID001/a", None, size=(40, 50))
    add_hand(tmp_path / "data", "ID001/b", None, size=(40, 60))
    add_hand(tmp_path / "data", "ID002/c", None, size=(40, 60))
    found = statistics(tmp_path / "data")
    [split] = found.splits
    assert (found.masks, found.classes, split.hands) == (None, (), {})
    assert split.sizes == {(40, 60): 2, (40, 50): 1}
    assert split.images_a_person == {1: 1, 2: 1}
    assert split.intensity.images == 3
    json.dumps(statistics_json(found), allow_nan=False)


def test_a_label_at_fault_is_left_out_and_named(tmp_path, add_hand):
    add_hand(tmp_path / "data", "ID001/a", [("Ulna", ULNA)])
    add_hand(tmp_path / "data", "ID002/b", [("Elbow", ULNA)])
    found = statistics(tmp_path / "data")
    assert list(found.faults) == ["b.png"]
    assert "Elbow" in found.faults["b.png"].message
    assert found.masks.images == ("a.png",)
    assert list(statistics_json(found)["labels_left_out"]) == ["b.png"]


def test_images_that_cannot_be_read_are_counted(tmp_path, add_hand):
    add_hand(tmp_path / "data", "ID001/a", [("Ulna", ULNA)])
    add_hand(tmp_path / "data", "ID002/b", [("Ulna", ULNA)]).write_bytes(b"no image")
    [split] = statistics(tmp_path / "data").splits
    assert (split.unreadable, split.intensity.unreadable, split.intensity.images) == (1, 1, 1)


def test_classes_that_are_no_bones_have_no_hands(tmp_path, add_hand):
    add_hand(tmp_path / "data", "ID001/a", [("[red]x[/]", ULNA)])
    (tmp_path / "data" / "dataset.toml").write_text('classes = ["[red]x[/]", "other"]')
    found = statistics(tmp_path / "data")
    assert not found.have_hands
    assert [row.name for row in found.classes] == ["[red]x[/]", "other"]
    written = statistics_json(found)
    assert written["bent_above_degrees"] is None
    assert written["splits"]["train"]["hands"] == []


def test_a_bone_of_another_name_tells_the_side(tmp_path, add_hand):
    left = [[50, 10], [59, 10], [59, 19], [50, 19]]
    add_hand(tmp_path / "data", "ID001/x_R", [("speiche", left), ("elle", ULNA)])
    (tmp_path / "data" / "dataset.toml").write_text(
        'classes = ["speiche", "elle"]\naliases = {speiche = "Radius", elle = "Ulna"}'
    )
    [split] = statistics(tmp_path / "data").splits
    assert split.hands == {("left", "unknown"): 1}
    assert split.misnamed == 1  # the file's name says right


def test_grey_values_of_a_sample_say_how_many_images_were_read(tmp_path, add_hand):
    for number in range(10):
        image = add_hand(tmp_path / "data", f"ID{number:03d}/a{number}", None)
        Image.fromarray(np.full((20, 20), 10 * number, np.uint8)).save(image)
    samples = open_dataset(tmp_path / "data").train
    found = intensity_of(samples, 5)
    assert (found.images, found.of_images) == (5, 10)
    assert np.flatnonzero(found.histogram).tolist() == [0, 20, 40, 60, 80]
    assert (found.mean, found.darkest, found.brightest) == (40, 0, 80)
    assert [found.percentile(percent) for percent in (1, 20, 50, 99)] == [0, 0, 40, 80]
    assert intensity_of(samples, 50).images == 10


def test_metadata_is_figures_or_counted_words():
    facts = {
        "a": {"age": 20, "sex": "male"},
        "b": {"age": 40, "sex": "male"},
        "c": {"sex": "female"},
    }
    age, sex = fact_rows(["a", "b", "c", "d"], facts)
    assert (age.name, age.people, age.of_people, age.mean, age.largest) == ("age", 2, 4, 30, 40)
    assert (sex.people, sex.values) == (3, {"male": 2, "female": 1})
    assert fact_rows(["x"], facts) == []


def test_json_names_everything_and_is_json(phantom_folder):
    found = statistics(phantom_folder, sampled=2)
    value = json.loads(json.dumps(statistics_json(found), allow_nan=False))
    train = value["splits"]["train"]
    assert (train["images"], train["people"], train["intensity"]["images"]) == (8, 4, 2)
    assert sum(hand["images"] for hand in train["hands"]) == 8
    assert len(value["classes"]) == len(value["heat"]) == 29
    assert 0.02 < value["overlaps"]["foreground_in_two_or_more"] < 0.06
    assert value["overlaps"]["pairs"][0]["classes"] == ["Triquetrum", "Pisiform"]
