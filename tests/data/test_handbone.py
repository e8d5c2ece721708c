"""Listing a data set in the competition's layout."""

from pathlib import Path

import pytest

from handseg.anatomy import BONES
from handseg.data.dataset import labelled_training_samples, open_dataset, with_test_labels
from handseg.errors import InputError, UsageError


def names(samples):
    return [sample.image_name for sample in samples]


def test_images_and_labels_are_paired_by_person_and_stem(tmp_path, add_hand):
    first = add_hand(tmp_path, "ID002/image9_R")
    second = add_hand(tmp_path, "ID010/image1", polygons=None)
    # A label of the same stem but of another person belongs to nobody.
    stray = tmp_path / "train/outputs_json/ID011/image1.json"
    stray.parent.mkdir()
    stray.write_text("{}")
    dataset = open_dataset(tmp_path)
    one, two = dataset.train
    assert (one.image, one.person, one.split) == (first, "ID002", "train")
    assert one.labels == tmp_path / "train/outputs_json/ID002/image9_R.json"
    assert (two.image, two.person, two.labels) == (second, "ID010", None)
    assert (dataset.layout, dataset.classes, dataset.test) == ("handbone", BONES, ())


def test_samples_come_in_sorted_path_order_and_other_files_are_no_images(tmp_path, add_hand):
    for place in ("ID003/b", "ID001/z", "ID003/a"):
        add_hand(tmp_path, place)
    (tmp_path / "train/DCM/ID001/notes.txt").write_text("no image")
    (tmp_path / "train/DCM/ID001/folder.png").mkdir()
    (tmp_path / "train/DCM/loose.png").write_bytes(b"belongs to nobody")
    assert names(open_dataset(tmp_path).train) == ["z.png", "a.png", "b.png"]


@pytest.mark.parametrize("hidden", ["ID001/._a.png", ".ipynb_checkpoints/a-checkpoint.png"])
def test_hidden_files_of_other_tools_are_no_images(tmp_path, add_hand, hidden):
    add_hand(tmp_path)
    path = tmp_path / "train/DCM" / hidden
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"\0\5\x16\7")
    assert names(open_dataset(tmp_path).train) == ["a.png"]


def test_test_labels_are_hidden_until_they_are_asked_for(tmp_path, add_hand):
    add_hand(tmp_path)
    add_hand(tmp_path, "ID007/t", split="test")
    add_hand(tmp_path, "ID008/u", split="test", polygons=None)
    dataset = open_dataset(tmp_path)
    assert [sample.labels for sample in dataset.test] == [None, None]
    asked = with_test_labels(dataset)
    label = tmp_path / "test/outputs_json/ID007/t.json"
    assert [sample.labels for sample in asked.test] == [label, None]
    assert asked.train == dataset.train


def test_base_names_that_occur_twice_make_all_names_paths_inside_the_split(tmp_path, add_hand):
    for place, split in (("ID001/left", "train"), ("ID002/right", "train"), ("ID003/left", "test")):
        add_hand(tmp_path, place, split=split)
    dataset = open_dataset(tmp_path)
    assert names(dataset.split("all")) == ["ID001/left.png", "ID002/right.png", "ID003/left.png"]


def test_an_image_that_lies_in_both_splits_has_two_names(tmp_path, add_hand):
    """Else one would stand for the other: in a table of scores, in exclude, in a conversion."""
    for place, split in (("ID001/a", "train"), ("ID002/b", "train"), ("ID001/a", "test")):
        add_hand(tmp_path, place, split=split)
    dataset = open_dataset(tmp_path)
    assert [one.image_name for one in dataset.train] == ["train/ID001/a.png", "ID002/b.png"]
    assert [one.image_name for one in dataset.test] == ["test/ID001/a.png"]
    (tmp_path / "dataset.toml").write_text('exclude = ["test/ID001/a.png"]')
    kept = open_dataset(tmp_path)
    assert (len(kept.train), len(kept.test)) == (2, 0)


def test_an_image_without_a_label_is_named(tmp_path, add_hand):
    add_hand(tmp_path)
    bare = add_hand(tmp_path, "ID002/b", polygons=None)
    with pytest.raises(InputError) as caught:
        labelled_training_samples(open_dataset(tmp_path))
    assert "1 of 2 training images" in caught.value.message
    assert str(bare) in caught.value.details
    assert str(tmp_path / "train/outputs_json/ID002/b.json") in caught.value.hints[0]


def test_two_images_that_share_a_label_are_named(tmp_path, add_hand):
    image = add_hand(tmp_path)
    twin = image.with_suffix(".bmp")
    twin.write_bytes(image.read_bytes())
    with pytest.raises(InputError) as caught:
        labelled_training_samples(open_dataset(tmp_path))
    assert str(image) in str(caught.value)
    assert str(twin) in str(caught.value)


@pytest.mark.parametrize("folders", [[], ["train/DCM"], ["train/outputs_json", "test"]])
def test_where_no_data_set_is_the_error_says_where_it_looked_and_the_layout(tmp_path, folders):
    for folder in folders:
        (tmp_path / folder).mkdir(parents=True)
    with pytest.raises(InputError) as caught:
        open_dataset(tmp_path)
    assert str(tmp_path) in caught.value.details
    assert "train/outputs_json/ID001" in caught.value.details
    assert any("handseg demo" in hint for hint in caught.value.hints)


def test_a_test_split_alone_is_a_data_set_but_nothing_to_train_on(tmp_path, add_hand):
    add_hand(tmp_path, split="test", polygons=None)
    dataset = open_dataset(tmp_path)
    assert names(dataset.split("test")) == ["a.png"]
    with pytest.raises(InputError, match="no training images"):
        labelled_training_samples(dataset)


def test_a_split_that_does_not_exist_is_a_fault_of_usage(tmp_path, add_hand):
    add_hand(tmp_path)
    with pytest.raises(UsageError, match="'validation'"):
        open_dataset(tmp_path).split("validation")


def test_the_phantoms_are_a_data_set(phantom_folder: Path):
    dataset = open_dataset(phantom_folder)
    assert (len(dataset.train), len(dataset.test)) == (8, 4)
    assert len(labelled_training_samples(dataset)) == 8
