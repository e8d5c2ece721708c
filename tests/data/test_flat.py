"""Images without folders of people."""

import json

import numpy as np
import pytest
from PIL import Image

from handseg.anatomy import BONES
from handseg.check.dataset import listing_findings
from handseg.data.dataset import labelled_training_samples, open_dataset
from handseg.errors import InputError


@pytest.fixture
def add(tmp_path):
    def write(image, label=None):
        path = tmp_path / image
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((6, 8), len(image), np.uint8)).save(path)
        if label is not None:
            (tmp_path / label).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / label).write_text(json.dumps({"annotations": []}))
        return path

    return write


@pytest.mark.parametrize(
    ("image", "label"),
    [
        ("a.png", "a.json"),
        ("a.png", "outputs_json/a.json"),
        ("train/a.jpg", "train/a.json"),
        ("train/a.bmp", "train/outputs_json/a.json"),
        ("train/a.tif", "outputs_json/a.json"),
        ("train/DCM/a.png", "train/outputs_json/a.json"),
        ("images/a.png", "labels/a.json"),
        ("images/a.png", "annotations/a.json"),
        ("train/images/a.png", "train/masks/a.json"),
        ("images/val/a.png", "labels/val/a.json"),
    ],
)
def test_a_label_lies_beside_its_image_or_in_a_folder_of_labels(tmp_path, add, image, label):
    path = add(image, label)
    dataset = open_dataset(tmp_path)
    (sample,) = labelled_training_samples(dataset)
    assert (sample.image, sample.labels, sample.person) == (path, tmp_path / label, "a")
    assert (dataset.layout, dataset.classes) == ("flat", BONES)


def test_a_test_folder_is_the_test_split(tmp_path, add):
    add("train/a.png", "train/a.json")
    add("test/b.png", "test/b.json")
    add("loose.png")
    dataset = open_dataset(tmp_path)
    assert [one.image_name for one in dataset.train] == ["a.png"]
    assert [(one.image_name, one.labels) for one in dataset.test] == [("b.png", None)]


def test_people_are_told_by_the_names_and_that_is_said(tmp_path, add):
    for name in ("ID001_L", "ID001_R", "ID002_L"):
        add(f"{name}.png")
    dataset = open_dataset(tmp_path)
    assert [(one.person, one.side) for one in dataset.train] == [
        ("ID001", "left"),
        ("ID001", "right"),
        ("ID002", "left"),
    ]
    assert "people are told by the names of the files" in dataset.recognised


def test_a_left_and_a_right_hand_of_one_name_are_said_to_be_a_pair(tmp_path, add):
    for name in ("case1_L", "case1_R", "case2"):
        add(f"{name}.jfif" if name == "case2" else f"{name}.png")
    dataset = open_dataset(tmp_path)
    assert [one.person for one in dataset.train] == ["case1", "case1", "case2"]
    assert "own, but for 1 pair of a left and a right hand: names" in dataset.recognised


def test_where_names_tell_nobody_every_image_is_a_person_and_that_is_said(tmp_path, add):
    for name in ("image1", "image2"):
        add(f"{name}.png")
    dataset = open_dataset(tmp_path)
    assert [one.person for one in dataset.train] == ["image1", "image2"]
    assert "every image counts as a person of its own" in dataset.recognised


def test_an_image_without_a_label_is_named_with_the_label_s_place(tmp_path, add):
    add("a.png", "outputs_json/a.json")
    add("b.png")
    with pytest.raises(InputError) as caught:
        labelled_training_samples(open_dataset(tmp_path))
    assert str(tmp_path / "outputs_json/b.json") in caught.value.hints[0]


def test_suffixes_sizes_and_colours_may_be_mixed(tmp_path, add):
    from handseg.data.images import image_size, read_image

    add("a.png")
    Image.fromarray(np.zeros((9, 5, 3), np.uint8)).save(tmp_path / "b.JPG")
    Image.fromarray(np.full((4, 4), 4000, np.uint16)).save(tmp_path / "c.TIFF")
    samples = open_dataset(tmp_path).train
    assert [image_size(one.image) for one in samples] == [(6, 8), (9, 5), (4, 4)]
    assert [read_image(one.image).shape for one in samples] == [(6, 8), (9, 5), (4, 4)]


def test_folders_of_people_win_over_loose_images(tmp_path, add):
    add("train/DCM/ID001/a.png")
    add("train/DCM/loose.png")
    assert open_dataset(tmp_path).layout == "handbone"


def test_pictures_beside_a_test_folder_are_those_to_train_on(tmp_path, add):
    add("a.png", "a.json")
    add("test/b.png")
    dataset = open_dataset(tmp_path)
    assert [one.image_name for one in dataset.train] == ["a.png"]
    assert [one.image_name for one in dataset.test] == ["b.png"]


@pytest.mark.parametrize("val", ["val", "valid", "validation", "Val"])
def test_a_folder_for_validation_is_trained_and_validated_on(tmp_path, add, val):
    add("Train/a.png", "Train/a.json")
    add(f"{val}/b.png", f"{val}/b.json")
    add("Test/c.png")
    dataset = open_dataset(tmp_path)
    assert [one.image_name for one in dataset.train] == ["a.png", "b.png"]
    assert [one.image_name for one in dataset.test] == ["c.png"]


def test_a_list_of_outlines_is_read_as_the_competition_describes_it(tmp_path, add):
    from handseg.data.labels import read_labels

    add("a.png", "a.json")
    square = [[1, 1], [4, 1], [4, 4], [1, 4]]
    nested = [{"label": "Ulna", "points": [square]}, {"label": "Radius", "points": square}]
    (tmp_path / "a.json").write_text(json.dumps({"annotations": nested}))
    labels = read_labels(open_dataset(tmp_path).train[0], BONES)
    (ulna,), (radius,) = labels.polygons["Ulna"], labels.polygons["Radius"]
    assert ulna.tolist() == radius.tolist() == square


def test_images_of_one_name_in_two_folders_that_are_trained_on_have_two_names(tmp_path, add):
    for split in ("train", "val", "test"):
        add(f"{split}/a.png", f"{split}/a.json")
    dataset = open_dataset(tmp_path)
    assert [one.image_name for one in dataset.train] == ["train/a.png", "val/a.png"]
    assert [one.image_name for one in dataset.test] == ["test/a.png"]


def test_an_image_without_a_label_is_a_fault_where_others_have_one(tmp_path, add):
    """As training judges it; a folder without any label is there to be predicted."""
    add("a.png")
    assert [one.severity for one in listing_findings(open_dataset(tmp_path))] == ["note"]
    add("b.png", "b.json")
    (finding,) = listing_findings(open_dataset(tmp_path))
    assert (finding.severity, finding.image) == ("error", "a.png")


@pytest.mark.parametrize("place", ["images", "train/images"])
def test_images_may_lie_in_a_folder_of_that_name(tmp_path, add, place):
    add(f"{place}/a.png", f"{place}/a.json")
    add(f"{place}/b.png", f"{place}/../outputs_json/b.json")
    dataset = open_dataset(tmp_path)
    assert [(one.image_name, one.person) for one in dataset.train] == [
        ("a.png", "a"),
        ("b.png", "b"),
    ]
    assert len(labelled_training_samples(dataset)) == 2


def test_images_directly_in_the_folder_come_before_those_in_images(tmp_path, add):
    add("a.png")
    add("images/b.png")
    assert [one.image_name for one in open_dataset(tmp_path).train] == ["a.png"]
