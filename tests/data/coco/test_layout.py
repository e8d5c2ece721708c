"""Listing a data set of COCO files."""

import json
import unicodedata

import pytest

from handseg.check.dataset import listing_findings
from handseg.data.coco import NOT_COCO
from handseg.data.crop_manifest import crop_source
from handseg.data.dataset import (
    is_dataset,
    labelled_training_samples,
    open_dataset,
    with_test_labels,
)
from handseg.errors import InputError

LEFT, RIGHT = "JP_SCGH_P0029_20121201_5835_L.bmp", "JP_SCGH_P0029_20121201_5835_R.bmp"
OTHER = "NL_AMC_P0003_20150131_12_L.bmp"
TRIANGLE = [[1, 1, 20, 1, 20, 20]]


@pytest.fixture
def ram(tmp_path, add_coco):
    """Two people to train on, one image without annotation, one test image."""
    folder = tmp_path / "Segmentation"
    names = ("Trapzium", "Pisifrom_Triquetrum", "Radius", "ring", "Metal Implant", "DP2")
    add_coco(
        folder / "train",
        [LEFT, RIGHT, OTHER],
        [(LEFT, "Radius", TRIANGLE), (OTHER, "ring", TRIANGLE), (RIGHT, "Trapzium", TRIANGLE)],
        names,
        also={"categories": [{"id": 0, "name": "bones", "supercategory": "none"}]},
    )
    add_coco(folder / "test", ["C_X_P0009_20150131_12_R.bmp"], [], names)
    return tmp_path


def test_images_persons_and_sides_come_from_the_file_names(ram):
    dataset = open_dataset(ram)
    assert dataset.layout == "coco"
    assert [(one.image_name, one.person, one.side) for one in dataset.train] == [
        (LEFT, "JP_SCGH_P0029", "left"),
        (RIGHT, "JP_SCGH_P0029", "right"),
        (OTHER, "NL_AMC_P0003", "left"),
    ]
    assert [one.split for one in dataset.test] == ["test"]


def test_what_is_no_bone_and_the_heading_are_left_out_whatever_their_case(ram):
    dataset = open_dataset(ram)
    assert dataset.classes == ("Trapzium", "Pisifrom_Triquetrum", "Radius", "DP2")
    assert "categories left out: bones, ring, Metal Implant" in dataset.recognised


def test_misspelt_classes_are_bones_so_that_regions_work(ram):
    dataset = open_dataset(ram)
    assert dataset.bones == {"Trapzium": "Trapezium", "Radius": "Radius", "DP2": "finger-4"}
    assert dataset.regions == {
        "wrist": (("Trapzium", "Pisifrom_Triquetrum"),),
        "fingertip": (("DP2",),),
    }


def test_images_without_annotation_are_said_and_not_trained_on(ram):
    dataset = open_dataset(ram)
    assert "2 images without annotation: " in dataset.recognised
    assert f"Segmentation/train/{OTHER}" in dataset.recognised
    assert [one.image_name for one in labelled_training_samples(dataset)] == [LEFT, RIGHT]


def test_an_image_beside_the_named_ones_is_a_sample_without_a_label(ram):
    folder = ram / "Segmentation/train"
    (folder / "more.bmp").write_bytes((folder / LEFT).read_bytes())
    samples = {one.image_name: one for one in open_dataset(ram).train}
    assert samples["more.bmp"].labels is None
    assert samples["more.bmp"].person == "Segmentation/more"


def test_named_images_that_are_not_there_are_said_and_left_out(ram):
    (ram / "Segmentation/train" / RIGHT).unlink()
    dataset = open_dataset(ram)
    assert "1 named image left out, not there: Segmentation/train/_ann" in dataset.recognised
    assert len(dataset.train) == 2


def test_test_labels_are_hidden_until_they_are_asked_for(tmp_path, add_coco):
    path = add_coco(tmp_path / "test", ["a.png"], [("a.png", "Ulna", TRIANGLE)])
    dataset = open_dataset(tmp_path)
    assert (dataset.test[0].labels, dataset.test[0].entry) == (None, None)
    assert (with_test_labels(dataset).test[0].labels, dataset.train) == (path, ())


def test_several_files_have_the_union_of_their_classes_and_each_labels_its_own(tmp_path, add_coco):
    add_coco(tmp_path / "a", ["a.png"], [("a.png", "Ulna", TRIANGLE)], ("Radius", "Ulna"))
    add_coco(tmp_path / "b", ["b.png"], [("b.png", "Lunate", TRIANGLE)], ("Lunate", "Ulna"))
    dataset = open_dataset(tmp_path)
    assert dataset.classes == ("Radius", "Ulna", "Lunate")
    assert [one.labelled for one in dataset.train] == [("Radius", "Ulna"), ("Lunate", "Ulna")]


def test_cocos_own_folders_are_found(tmp_path, add_coco):
    add_coco(tmp_path / "train2017", ["a.jpg"], name="x.coco.json").unlink()
    add_coco(tmp_path / "images" / "test2017", ["b.jpg"], name="x.coco.json").unlink()
    for split, image in (("train2017", "a.jpg"), ("test2017", "b.jpg")):
        path = add_coco(tmp_path / "annotations", [], name=f"instances_{split}.json")
        document = json.loads(path.read_text())
        document["images"] = [{"id": 1, "file_name": image, "height": 40, "width": 50}]
        path.write_text(json.dumps(document))
    dataset = open_dataset(tmp_path)
    assert [one.image for one in dataset.train] == [tmp_path / "train2017/a.jpg"]
    assert [one.image for one in dataset.test] == [tmp_path / "images/test2017/b.jpg"]


def test_of_files_beside_each_other_ram_s_bones_are_taken(tmp_path, add_coco):
    add_coco(tmp_path, ["a.png"], [("a.png", "Ulna", TRIANGLE)])
    add_coco(tmp_path, ["a.png"], [], ("Joint",), name="_annotations_joints.coco.json")
    assert open_dataset(tmp_path).classes == ("Radius", "Ulna")


def test_an_image_that_two_files_name_is_refused_with_the_way_out(tmp_path, add_coco):
    for name in ("one.coco.json", "two.coco.json"):
        add_coco(tmp_path, ["a.png"], [("a.png", "Ulna", TRIANGLE)], name=name)
    with pytest.raises(InputError) as caught:
        open_dataset(tmp_path)
    assert "one.coco.json does" in caught.value.message
    for hint, name in zip(caught.value.hints, ("one", "two"), strict=True):
        (tmp_path / "dataset.toml").write_text(hint.split(":  ")[1])
        (sample,) = open_dataset(tmp_path).train
        assert sample.labels == tmp_path / f"{name}.coco.json"


@pytest.mark.parametrize(
    ("label", "layout"), [({"shapes": []}, "labelme"), ({"annotations": []}, "flat")]
)
def test_label_files_that_a_coco_file_overrules_are_named_and_read_when_asked(
    tmp_path, add_coco, label, layout
):
    add_coco(tmp_path, ["a.png", "b.png"], [("a.png", "Ulna", TRIANGLE)], name="c.json")
    for name in ("a.json", "b.json"):
        (tmp_path / name).write_text(json.dumps(label))
    dataset = open_dataset(tmp_path)
    assert [(one.path, one.reason) for one in dataset.left_out] == [
        ("a.json", NOT_COCO),
        ("b.json", NOT_COCO),
    ]
    found = [one.detail for one in listing_findings(dataset) if one.severity == "warning"]
    assert found == ["a.json", "b.json"]
    (note,) = [note for note in dataset.notes if note.startswith("2 label files left out")]
    (tmp_path / "dataset.toml").write_text(note.split(":  ")[1].rstrip(")"))
    assert open_dataset(tmp_path).layout == layout


def test_two_categories_of_one_name_are_one_class_and_that_is_said(tmp_path, add_coco):
    twin = {"id": 1, "name": "Ulna", "supercategory": ""}
    add_coco(tmp_path, ["a.png"], [("a.png", "Ulna", TRIANGLE)], also={"categories": [twin]})
    dataset = open_dataset(tmp_path)
    assert sorted(dataset.classes) == ["Radius", "Ulna"]
    assert "several categories of one name" in dataset.recognised


def test_the_settings_choose_classes_and_what_is_left_out(ram):
    (ram / "dataset.toml").write_text('leave_out = ["Radius"]')
    assert "ring" in open_dataset(ram).classes
    assert "Radius" not in open_dataset(ram).classes
    (ram / "dataset.toml").write_text('classes = ["ring", "Radius"]')
    assert open_dataset(ram).classes == ("ring", "Radius")
    (ram / "dataset.toml").write_text('classes = ["Radios"]')
    with pytest.raises(InputError, match=r"Radios.*did you mean Radius"):
        open_dataset(ram)


def test_a_folder_is_a_data_set_before_anything_is_read(ram, tmp_path):
    assert is_dataset(ram)
    assert not is_dataset(ram / "nowhere")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "package.json").write_text('{"images": 1}')
    assert not is_dataset(tmp_path / "other")


def test_other_windows_make_the_crops_of_a_region_stale(ram):
    before = crop_source(open_dataset(ram), "wrist", "f")
    (ram / "dataset.toml").write_text('regions.wrist = ["Radius"]')
    dataset = open_dataset(ram)
    assert dataset.regions["wrist"] == (("Radius",),)
    assert crop_source(dataset, "wrist", "f") != before
    (ram / "dataset.toml").write_text("# nothing")
    assert crop_source(open_dataset(ram), "wrist", "f") == before


def test_what_handseg_converted_is_labelled_as_it_was(tmp_path, add_hand):
    """Other writers of COCO do not say it: there an image without a mask is not labelled."""
    from handseg.data.labels import read_labels
    from handseg.data.masks import read_dataset_masks
    from handseg.formats.coco import CocoFormat
    from handseg.formats.masks import Place

    add_hand(tmp_path / "data", "ID001/a", [("Ulna", [[1, 1], [9, 1], [9, 9]])], labelled=["Ulna"])
    add_hand(tmp_path / "data", "ID002/b", [], labelled=["Ulna"])
    out = tmp_path / "coco"
    out.mkdir()
    for image in (tmp_path / "data").rglob("*.png"):
        (out / image.name).write_bytes(image.read_bytes())
    CocoFormat().write(Place(out, "a", out / "labels.json"), read_dataset_masks(tmp_path / "data"))
    dataset = open_dataset(out)
    for sample in labelled_training_samples(dataset):
        known = read_labels(sample, dataset.classes).labelled
        assert [n for n, k in zip(dataset.classes, known, strict=True) if k] == ["Ulna"]
    assert len(labelled_training_samples(dataset)) == 2


def test_images_without_annotation_are_no_part_of_a_score(ram, score_submissions):
    from handseg import rle
    from handseg.rle.submission import read_submission, write_submission

    dataset = open_dataset(ram)
    rows = [(one.image_name, "Radius", rle.empty()) for one in dataset.train]
    submission = read_submission(write_submission(ram / "a.csv", rows, {}))
    (scored,) = score_submissions([submission], dataset)
    assert scored.images == (LEFT, RIGHT)
    assert scored.rows_missing == 2 * 4 - 2
    tests = [(one.image_name, "Radius", rle.empty()) for one in dataset.test]
    bare = read_submission(write_submission(ram / "b.csv", tests, {}))
    with pytest.raises(InputError, match="1 of 1 images have no label"):
        score_submissions([bare], dataset)


def test_a_pattern_of_annotations_that_is_none_is_said(ram):
    (ram / "dataset.toml").write_text('annotations = ["**x"]')
    with pytest.raises(InputError, match="annotation"):
        open_dataset(ram)


@pytest.mark.parametrize(
    ("written", "on_disk"),
    [
        ("손.png", unicodedata.normalize("NFD", "손.png")),
        ("a%20b.png", "a b.png"),
        ("/home/anna/set/a.PNG", "a.png"),
        ("C:\\set\\a.png", "a.png"),
    ],
)
def test_an_image_is_found_by_its_name_in_whatever_spelling(tmp_path, add_coco, written, on_disk):
    add_coco(tmp_path, [on_disk], [(on_disk, "Radius", [[1, 1, 9, 1, 9, 9]])])
    path = tmp_path / "_annotations_bone_rle.coco.json"
    document = json.loads(path.read_text())
    document["images"][0]["file_name"] = written
    path.write_text(json.dumps(document))
    dataset = open_dataset(tmp_path)
    assert [(one.image.name, one.labels) for one in dataset.train] == [(on_disk, path)]
    assert "found by the file's name alone" in dataset.recognised


def test_named_images_that_are_not_there_are_findings(tmp_path, add_coco):
    add_coco(tmp_path, ["a.png", "b.png", "c.png"])
    (tmp_path / "b.png").unlink()
    dataset = open_dataset(tmp_path)
    assert [(one.path, one.is_meant) for one in dataset.left_out] == [
        ("_annotations_bone_rle.coco.json: b.png", False)
    ]


def test_a_file_of_which_no_image_is_there_is_no_flat_folder(tmp_path, add_coco):
    add_coco(tmp_path, ["a.png"])
    (tmp_path / "a.png").rename(tmp_path / "other.png")
    with pytest.raises(InputError, match="1 named image, and none of them is in"):
        open_dataset(tmp_path)


def test_of_two_entries_of_an_image_the_one_with_annotations_counts(tmp_path, add_coco):
    path = add_coco(tmp_path, ["a.png"], [("a.png", "Radius", [[1, 1, 9, 1, 9, 9]])])
    document = json.loads(path.read_text())
    document["images"].insert(0, {**document["images"][0], "id": 99})
    path.write_text(json.dumps(document))
    dataset = open_dataset(tmp_path)
    assert [one.entry for one in dataset.train] == [10]
    assert [one.is_meant for one in dataset.left_out] == [True]
    again = {**document["annotations"][0], "id": 7, "image_id": 99}
    document["annotations"].append(again)
    path.write_text(json.dumps(document))
    assert len(open_dataset(tmp_path).train) == 1
    again["segmentation"] = [[2, 2, 9, 1, 9, 9]]
    path.write_text(json.dumps(document))
    with pytest.raises(InputError, match="2 times, with annotations for each") as caught:
        open_dataset(tmp_path)
    assert "99 and 10" in caught.value.details


def test_a_class_that_stands_under_itself_is_no_heading(tmp_path, add_coco):
    """So writes labelme2coco, whose ids begin with 0; Roboflow's category 0 is a heading."""
    path = add_coco(tmp_path, ["a.png"], [("a.png", "Radius", [[1, 1, 9, 1, 9, 9]])])
    document = json.loads(path.read_text())
    for number, category in enumerate(document["categories"]):
        category |= {"id": number, "supercategory": category["name"]}
    document["annotations"][0]["category_id"] = 0
    path.write_text(json.dumps(document))
    assert open_dataset(tmp_path).classes == ("Radius", "Ulna")
    document["categories"] = [
        {"id": number, "name": name, "supercategory": above}
        for number, (name, above) in enumerate(
            [("bones", "none"), ("Radius", "bones"), ("Ulna", "bones")]
        )
    ]
    document["annotations"][0]["category_id"] = 1
    path.write_text(json.dumps(document))
    assert open_dataset(tmp_path).classes == ("Radius", "Ulna")


def test_an_image_of_another_split_is_not_taken_for_one_that_is_missing(tmp_path, add_coco):
    for split in ("train", "val", "test"):
        names = ["1.png", "2.png"] if split == "train" else ["2.png"]
        add_coco(tmp_path / split, names, [(name, "Ulna", TRIANGLE) for name in names])
    for name in ("train/1.png", "val/2.png", "test/2.png"):
        (tmp_path / name).unlink()
    (tmp_path / "val/1.png").write_bytes((tmp_path / "train/2.png").read_bytes())
    dataset = open_dataset(tmp_path)
    assert [(one.image.parent.name, one.image.name, one.labels is not None)
            for one in dataset.train] == [("train", "2.png", True), ]  # fmt: skip
    assert len(dataset.left_out) == 3
