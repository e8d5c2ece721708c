"""LabelMe's files beside their images, as a data set."""

import json

import numpy as np
import pytest
from PIL import Image

from handseg.anatomy import BONES
from handseg.data.dataset import labelled_training_samples, open_dataset
from handseg.data.labels import label_runs
from handseg.errors import InputError
from handseg.rle import to_mask

SQUARE = [[1, 1], [4, 1], [4, 4], [1, 4]]


@pytest.fixture
def add(tmp_path):
    def write(image, *shapes):
        path = tmp_path / image
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((6, 8), 90, np.uint8)).save(path)
        document = {
            "version": "5.5.0",
            "imagePath": path.name,
            "imageHeight": 6,
            "imageWidth": 8,
            "shapes": [
                {"label": label, "points": points, "shape_type": kind}
                for label, kind, points in shapes
            ],
        }
        path.with_suffix(".json").write_text(json.dumps(document))
        return path

    return write


def test_shapes_are_masks_and_what_is_not_drawn_is_absent(tmp_path, add):
    add("a.png", ("Ulna", "polygon", SQUARE), ("Radius", "rectangle", [[0, 0], [2, 1]]))
    add("test/b.png")
    dataset = open_dataset(tmp_path)
    assert (dataset.layout, len(dataset.train), len(dataset.test)) == ("labelme", 1, 1)
    found = label_runs(labelled_training_samples(dataset)[0], dataset.classes)
    masks = dict(zip(dataset.classes, found.runs, strict=True))
    assert to_mask(masks["Ulna"], (6, 8)).sum() == 16
    assert to_mask(masks["Radius"], (6, 8)).sum() == 6
    assert len(masks["Lunate"]) == 0
    assert all(found.labelled)


def test_a_class_that_the_set_does_not_have_is_refused_with_the_nearest(tmp_path, add):
    add("a.png", ("Lunat", "polygon", SQUARE))
    dataset = open_dataset(tmp_path)
    with pytest.raises(InputError, match="did you mean Lunate"):
        label_runs(dataset.train[0], dataset.classes)


def test_classes_of_one_s_own_stand_in_the_settings(tmp_path, add):
    add("a.png", ("Elbow", "polygon", SQUARE))
    (tmp_path / "dataset.toml").write_text('classes = ["Elbow"]\n')
    dataset = open_dataset(tmp_path)
    assert dataset.layout == "labelme"
    (runs,) = label_runs(dataset.train[0], dataset.classes).runs
    assert to_mask(runs, (6, 8)).sum() == 16


def test_folders_of_people_and_splits_are_read_too(tmp_path, add):
    for name in ("P1/a.png", "P1/b.png", "P2/a.png"):
        add(name, ("Ulna", "polygon", SQUARE))
    add("test/x.png").with_suffix(".json").unlink()
    dataset = open_dataset(tmp_path)
    assert dataset.layout == "labelme"
    samples = labelled_training_samples(dataset)
    assert [(one.image_name, one.person) for one in samples] == [
        ("P1/a.png", "P1"), ("P1/b.png", "P1"), ("P2/a.png", "P2")
    ]  # fmt: skip
    assert [one.image.name for one in dataset.test] == ["x.png"]
    assert all(len(label_runs(one, ("Ulna",)).runs[0]) for one in samples)


def test_a_flat_set_with_labelme_s_files_in_another_folder_stays_flat(tmp_path, add):
    add("a.png").with_suffix(".json").write_text('{"annotations": []}')
    add("export/b.png", ("Ulna", "polygon", SQUARE))
    assert open_dataset(tmp_path).layout == "flat"


def test_a_broken_first_label_leaves_the_set_labelme_s(tmp_path, add):
    add("a.png").with_suffix(".json").write_text('{"version": "5.5.0", "sha')
    add("b.png", ("Ulna", "polygon", SQUARE))
    assert open_dataset(tmp_path).layout == "labelme"


def test_a_file_without_shapes_is_labelled_and_draws_nothing(tmp_path, add):
    add("a.png")
    (sample,) = labelled_training_samples(open_dataset(tmp_path))
    found = label_runs(sample, ("Ulna", "Radius"))
    assert found.labelled == (True, True)
    assert not any(map(len, found.runs))


@pytest.mark.parametrize("line", [0, 1])
def test_each_line_that_an_unknown_class_s_error_offers_mends_it(tmp_path, add, line):
    add("a.png", ("Ulna", "polygon", SQUARE), ("Elbow", "circle", SQUARE[:2]),
        ("Ärmel", "polygon", SQUARE))  # fmt: skip
    dataset = open_dataset(tmp_path)
    with pytest.raises(InputError, match="unknown class 'Elbow'") as caught:
        label_runs(dataset.train[0], dataset.classes)
    settings = caught.value.hints[line].split(":  ")[1]
    (tmp_path / "dataset.toml").write_text(settings, encoding="utf-8")
    dataset = open_dataset(tmp_path)
    if line == 0:
        assert len(label_runs(dataset.train[0], dataset.classes).runs[-1])
    assert dataset.classes == (*BONES, *(("Elbow", "Ärmel") * line))


def test_classes_that_are_left_out_are_none_of_the_set_s(tmp_path, add):
    add("a.png", ("Ulna", "polygon", SQUARE), ("radius", "polygon", SQUARE))
    (tmp_path / "dataset.toml").write_text('leave_out = ["Radius"]')
    dataset = open_dataset(tmp_path)
    assert dataset.classes == tuple(bone for bone in BONES if bone != "Radius")
    assert len(label_runs(dataset.train[0], ("Ulna",)).runs[0])
    assert "classes left out: Radius" in dataset.notes
