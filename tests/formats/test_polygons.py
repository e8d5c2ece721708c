"""Polygon files of both schemas: written, corrected by hand, read again."""

import base64
import io
import json
import tomllib
from functools import partial

import cv2
import numpy as np
import pytest
from PIL import Image

from handseg import rle
from handseg.data.dataset import open_dataset
from handseg.data.images import put_image
from handseg.data.labels import label_runs
from handseg.data.masks import read_dataset_masks, with_image_files
from handseg.errors import InputError
from handseg.formats.handbone import HandboneFormat
from handseg.formats.labelme import LabelmeFormat
from handseg.formats.masks import Place, reader_for, rows
from handseg.formats.submission import masks_of
from handseg.rle.submission import read_submission, write_submission

BOX = [[2, 1], [3, 1], [3, 2], [2, 2]]


COPY, LINK = put_image, partial(put_image, is_link=True)


def texts(masks):
    return {(image, cls): rle.format(runs) for image, cls, runs in rows(masks)}


def base64_png(picture):
    with io.BytesIO() as stream:
        picture.save(stream, "PNG")
        return base64.b64encode(stream.getvalue()).decode()


def write(masks, folder, name, place_image=None):
    kind = {"labelme": LabelmeFormat, "handbone": HandboneFormat}[name]
    return kind(place_image).write(Place(folder.parent, "", folder), masks)


def read_polygons(path):
    return reader_for(path).read(path)


def change(path, how):
    document = json.loads(path.read_text())
    how(document)
    path.write_text(json.dumps(document))


def facts(document):
    return document["handseg"] if "handseg" in document else document["attributes"]["handseg"]


def test_each_image_has_a_file_empty_ones_too_and_all_comes_back(folder, name):
    files = [path.name for path in sorted(folder.rglob("*.json"))]
    assert files == ["i.json", "j.json"]
    masks = read_polygons(folder)
    assert masks.images == {"i.png": (3, 5), "j.png": (3, 5)}
    assert masks.classes == ("Ulna", "Radius")
    assert list(texts(masks).values()) == ["7 6 15 1", "", "", ""]
    assert masks.origin == {"fold": 0, "trained_people": ["ID001"]}
    assert masks.format == name


def test_a_corrected_polygon_is_exactly_what_changes(phantom_folder, tmp_path, name):
    before = read_dataset_masks(phantom_folder)
    folder = write(before, tmp_path / "made", name)
    assert texts(read_polygons(folder)) == texts(before)
    path = sorted(folder.rglob("*.json"))[0]
    document = json.loads(path.read_text())
    shapes = document["shapes" if name == "labelme" else "annotations"]
    [lunate] = [shape for shape in shapes if shape["label"] == "Lunate"]
    lunate["points"] = [[50.4, 60.2], [80, 60], [80, 90], [49.6, 90]]
    path.write_text(json.dumps(document))
    after = read_polygons(folder)
    mask = np.zeros((192, 192), np.uint8)
    cv2.fillPoly(mask, [np.array([[50, 60], [80, 60], [80, 90], [50, 90]])], 1)
    key = (facts(document)["image_name"], "Lunate")
    assert texts(after) == {**texts(before), key: rle.format(rle.from_mask(mask))}


def test_labels_of_phantoms_beside_their_images_are_a_data_set_again(phantom_folder, tmp_path):
    before = read_dataset_masks(phantom_folder)
    folder = write(before, tmp_path / "made", "handbone", LINK)
    old, new = open_dataset(phantom_folder), open_dataset(folder)
    assert [sample.person for sample in new.train] == [sample.person for sample in old.train]
    for one, other in zip(old.train, new.train, strict=True):
        assert other.image.resolve() == one.image
        for runs, others in zip(
            label_runs(one, old.classes).runs, label_runs(other, new.classes).runs, strict=True
        ):
            assert np.array_equal(runs, others)
    assert reader_for(folder) is None
    assert texts(read_dataset_masks(folder)) == texts(before)


def test_polygons_that_people_drew_are_kept_point_for_point(tmp_path, add_hand, name):
    shapes = [[[2, 1], [30, -9], [40, 70]], [[5, 5], [9, 5], [9, 9], [5, 9]], [[50, 50]]]
    add_hand(tmp_path / "data", "ID001/a", [("Ulna", points) for points in shapes])
    masks = read_dataset_masks(tmp_path / "data")
    first = write(masks, tmp_path / "first", "labelme")
    second = write(read_polygons(first), tmp_path / "second", name)
    [path] = second.rglob("*.json")
    document = json.loads(path.read_text())
    found = document["shapes" if name == "labelme" else "annotations"]
    assert [shape["points"] for shape in found] == [
        *shapes[:2],
        [[50, 50], [50.45, 50], [50.45, 50.45], [50, 50.45]],
    ]
    assert texts(read_polygons(second)) == texts(masks)


def test_classes_that_are_not_the_bones_stand_in_the_settings(bars, tmp_path, add_hand):
    names = ["Ulna", 'say "i"\x7f\n', "é"]
    data = [("a.png", cls, rle.parse("7 2")) for cls in names]
    csv = write_submission(tmp_path / "b.csv", data, {"images": {"a.png": [60, 80]}})
    add_hand(tmp_path / "data", "ID007/a", None)
    masks = with_image_files(masks_of(read_submission(csv), {"a.png": (60, 80)}), tmp_path / "data")
    folder = write(masks, tmp_path / "made", "handbone", COPY)
    assert tomllib.loads((folder / "dataset.toml").read_text())["classes"] == names
    dataset = open_dataset(folder)
    assert (dataset.classes, dataset.train[0].person) == (tuple(names), "ID007")
    assert texts(read_dataset_masks(folder)) == texts(masks)


def test_what_was_not_labelled_is_neither_empty_nor_lost(tmp_path, add_hand, name):
    image = add_hand(tmp_path / "data", "ID001/a", [("Ulna", BOX)], labelled=["Ulna", "Radius"])
    masks = read_dataset_masks(tmp_path / "data")
    assert masks.unlabelled == 27
    folder = write(masks, tmp_path / "made", name)
    back = read_polygons(folder)
    assert back.labelled == {image.name: frozenset({"Ulna", "Radius"})}
    assert texts(back) == {("a.png", "Radius"): "", ("a.png", "Ulna"): "83 2 163 2"}


def test_a_class_that_somebody_draws_is_labelled_from_then_on(tmp_path, add_hand, name):
    add_hand(tmp_path / "data", "ID001/a", [("Ulna", BOX)], labelled=["Ulna"])
    folder = write(read_dataset_masks(tmp_path / "data"), tmp_path / "made", name)
    [path] = folder.rglob("*.json")

    def draw(document):
        shapes = document["shapes" if name == "labelme" else "annotations"]
        shapes.append({**shapes[0], "label": "Lunate"})

    change(path, draw)
    assert texts(read_polygons(folder)) == {
        ("a.png", "Lunate"): "83 2 163 2",
        ("a.png", "Ulna"): "83 2 163 2",
    }


def test_labelme_finds_the_image_where_it_stays_or_beside(tmp_path, add_hand):
    image = add_hand(tmp_path / "data", "ID001/a b", [("Ulna", BOX)])
    masks = read_dataset_masks(tmp_path / "data")
    ways = (("stay", None, image), ("copy", COPY, None), ("link", LINK, None))
    for word, place_image, found in ways:
        folder = write(masks, tmp_path / word, "labelme", place_image)
        written = json.loads((folder / "a b.json").read_text())["imagePath"]
        assert (folder / written).resolve() == (found or (folder / "a b.png").resolve())
        assert (folder / written).read_bytes() == image.read_bytes()
        assert (folder / "a b.png").is_symlink() == (place_image is LINK)
    assert texts(read_polygons(folder)) == texts(masks)


def test_a_picture_that_no_annotation_tool_shows_becomes_one_of_eight_bits(tmp_path, add_hand):
    image = add_hand(tmp_path / "data", "ID001/a", [("Ulna", BOX)])
    Image.fromarray(np.full((60, 80), 4096, np.uint16)).save(image)
    folder = write(read_dataset_masks(tmp_path / "data"), tmp_path / "made", "labelme", LINK)
    with Image.open(folder / "a.png") as picture:
        assert (picture.mode, picture.size) == ("L", (80, 60))


def test_pictures_are_copied_only_where_all_are_known(bars, tmp_path, name):
    submission = read_submission(bars)
    with pytest.raises(InputError, match="nobody knows where 2 images of 2 lie"):
        write(masks_of(submission, submission.sizes), tmp_path / "made", name, COPY)
    assert not (tmp_path / "made").exists()


def test_an_image_of_another_size_is_another_image(bars, tmp_path, add_hand):
    add_hand(tmp_path / "data", "ID001/i", size=(6, 10))
    submission = read_submission(bars)
    with pytest.raises(InputError, match="has 10 × 6 pixels"):
        with_image_files(masks_of(submission, submission.sizes), tmp_path / "data")


def test_two_images_of_one_label_are_an_error(tmp_path, add_hand):
    image = add_hand(tmp_path / "data", "ID001/a", [("Ulna", BOX)])
    Image.open(image).save(image.with_suffix(".bmp"))
    with pytest.raises(InputError, match=r"the label train/outputs_json/ID001/a\.json"):
        write(read_dataset_masks(tmp_path / "data"), tmp_path / "made", "handbone")


def test_names_from_data_never_leave_the_folder_and_come_back(tmp_path, name):
    images = ["../up.png", "/root.png", "/", "a/x.png", "b/x.png", "con.png", ".png", "ü.png", ".."]
    grid = [(image, "Ulna", rle.parse("1 1")) for image in images]
    sizes = dict.fromkeys(images, (1, 1))
    csv = write_submission(tmp_path / "in/a.csv", grid, {"images": sizes})
    folder = write(masks_of(read_submission(csv), sizes), tmp_path / "out/made", name)
    files = [path for path in (tmp_path / "out").rglob("*.json") if path.is_file()]
    assert len({str(path).lower() for path in files}) == len(images)
    assert all(path.is_relative_to(folder) and path.name[0] != "." for path in files)
    assert list(texts(read_polygons(folder))) == [(image, "Ulna") for image in images]


def test_labelmes_own_file_is_read_alone(tmp_path):
    shapes = [
        {"label": "lump", "points": [[1, 1], [2, 1], [2, 2]], "shape_type": "polygon"},
        {"label": "Ulna", "points": [[4, 2], [0, 1.6]], "shape_type": "rectangle"},
        {"label": "Radius", "points": [[-3, -3], [1, 9], [0, 0]], "group_id": None},
    ]
    size = {"imageHeight": 3, "imageWidth": 5}
    document = {"imagePath": "..\\hands\\i.png", "imageData": None, "shapes": shapes, **size}
    (tmp_path / "x.json").write_text(json.dumps(document))
    masks = read_polygons(tmp_path / "x.json")
    assert masks.classes == ("Radius", "Ulna", "lump")
    assert texts(masks)["i.png", "Ulna"] == "11 5"
    assert texts(masks)["i.png", "lump"] == "7 2 13 1"
    assert "what is not drawn is absent" in masks.notes[0]


@pytest.mark.parametrize("mode", ["1", "L"])
@pytest.mark.parametrize(
    ("corner", "text"), [((1, 1), "7 2 12 1"), ((-1, 2), "11 1"), ((9, 9), "")]
)
def test_a_painted_mask_is_put_where_its_box_begins(tmp_path, mode, corner, text):
    with io.BytesIO() as stream:
        Image.fromarray(np.array([[1, 1], [1, 0]], np.uint8) * 255).convert(mode).save(
            stream, "PNG"
        )
        coded = base64.b64encode(stream.getvalue()).decode()
    x, y = corner
    shape = {
        "label": "Ulna",
        "shape_type": "mask",
        "points": [[x, y], [x + 1, y + 1]],
        "mask": coded,
    }
    size = {"imageHeight": 3, "imageWidth": 5}
    (tmp_path / "x.json").write_text(json.dumps({"imagePath": "i", "shapes": [shape], **size}))
    assert texts(read_polygons(tmp_path / "x.json")) == {("i", "Ulna"): text}


def labelme_folder(folder, *files):
    """Files as LabelMe writes them, each a list of labels."""
    folder.mkdir()
    for number, labels in enumerate(files):
        shapes = [{"label": label, "points": BOX, "shape_type": "polygon"} for label in labels]
        document = {"imagePath": f"{number}.png", "imageHeight": 6, "imageWidth": 8}
        (folder / f"{number}.json").write_text(json.dumps({**document, "shapes": shapes}))
    return folder


@pytest.mark.parametrize("label", ["Finger-1 ", "finger_1", " FINGER 1", "finger-1"])
def test_a_label_means_the_bone_in_any_spelling(tmp_path, label):
    masks = read_polygons(labelme_folder(tmp_path / "lm", [label, "Ulna"], ["finger-1", "Ulna"]))
    assert masks.classes == ("finger-1", "Ulna")
    assert texts(masks)["0.png", "finger-1"]


def test_a_misspelt_label_is_no_class_that_empties_the_right_one(tmp_path):
    files = [["Scaphiod", "Ulna"], ["Scaphoid", "Ulna"], ["Scaphoid", "Ulna"]]
    with pytest.raises(InputError, match="did you mean Scaphoid") as caught:
        read_polygons(labelme_folder(tmp_path / "lm", *files))
    assert "0.json" in caught.value.message


def test_a_class_of_one_s_own_may_be_like_another_that_is_drawn_too(tmp_path):
    files = [["Ulna", "Ulna 2"], ["Ulna"], ["Ulna"]]
    assert read_polygons(labelme_folder(tmp_path / "lm", *files)).classes == ("Ulna", "Ulna 2")
