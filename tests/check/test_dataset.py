"""The check of a data set: what is wrong with its files, labels and people."""

import json
import os
import shutil

import numpy as np
import pytest
from PIL import Image

from handseg.anatomy import BONES
from handseg.check import dataset, findings, images, inspection
from handseg.check.dataset import check_dataset
from handseg.data.dataset import open_dataset
from handseg.data.labels import read_labels
from handseg.errors import InputError

SIDE = 256


def found(root, **words):
    """Severity, reason, image and class of everything that is found."""
    checked = check_dataset(open_dataset(root), **words)
    return [(one.severity, one.reason, one.image, one.cls) for one in checked.findings]


def paths(root, number, split="train"):
    place = f"ID{number // 2:03d}/image{number:02d}"
    return (
        root / split / "DCM" / f"{place}.png",
        root / split / "outputs_json" / f"{place}.json",
    )


def change(root, number, edit):
    label = paths(root, number)[1]
    document = json.loads(label.read_text())
    edit(document["annotations"])
    label.write_text(json.dumps(document))


def test_clean_hands_are_without_a_finding(data):
    checked = check_dataset(open_dataset(data), deep=True)
    assert checked.findings == ()
    assert (checked.images, checked.people, checked.labels, checked.hands) == (20, 10, 20, 20)
    assert checked.sizes == {(SIDE, SIDE): 20}


def test_missing_and_spare_files_are_told(data):
    paths(data, 1)[0].unlink()
    paths(data, 2)[1].unlink()
    (data / "train/DCM/ID001/notes.txt").write_text("x")
    shutil.copytree(data / "train/DCM/ID003", data / "train/DCM/ID003/old")
    assert {one[:2] for one in found(data)} == {
        ("warning", dataset.NO_IMAGE),
        ("error", dataset.NO_LABEL),
        ("note", dataset.STRANGE_FILE),
        ("warning", dataset.NOT_READ),
    }


def test_images_that_settings_leave_out_are_no_stray_files(data):
    (data / "dataset.toml").write_text('exclude = ["image01.png"]')
    paths(data, 1)[0].write_bytes(b"nothing")
    assert found(data) == []


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (lambda content: content[:200], inspection.DAMAGED),
        (lambda content: content[:60] + b"\xff" + content[61:], inspection.DAMAGED),
        (lambda content: b"no image", inspection.UNREADABLE_IMAGE),
        (lambda content: b"", inspection.UNREADABLE_IMAGE),
    ],
)
def test_images_at_fault_are_errors(data, content, reason):
    image = paths(data, 3)[0]
    image.write_bytes(content(image.read_bytes()))
    assert ("error", reason, "image03.png", "") in found(data)


def test_pixels_that_do_not_decode_are_found_by_a_deep_check_only(data):
    import struct
    import zlib

    image = paths(data, 3)[0]
    content = image.read_bytes()
    at = content.index(b"IDAT")
    length = struct.unpack(">I", content[at - 4 : at])[0]
    body = b"IDAT" + bytes(length)
    checksum = struct.pack(">I", zlib.crc32(body))
    image.write_bytes(content[:at] + body + checksum + content[at + 8 + length :])
    assert found(data) == []
    assert found(data, deep=True) == [("error", inspection.UNREADABLE_IMAGE, "image03.png", "")]


def test_the_odd_one_of_another_size_is_told_and_a_mixed_set_is_one_note(
    data, phantom_labels, write_hand
):
    write_hand(data, "ID001/image02", phantom_labels[2], number=2, side=SIDE + 4)
    assert found(data) == [("warning", dataset.ODD_SIZE, "image02.png", "")]
    for number in range(8):
        place = f"ID{number // 2:03d}/image{number:02d}"
        write_hand(data, place, phantom_labels[number], number=number, side=SIDE + 4)
    assert found(data) == [("note", dataset.SEVERAL_SIZES, "", "")]


@pytest.mark.parametrize(
    ("edit", "severity", "reason"),
    [
        (lambda all_: all_[4].update(label="fingr-5"), "error", inspection.UNKNOWN),
        (lambda all_: all_[4].pop("label"), "error", inspection.UNKNOWN),
        (lambda all_: all_.append(all_[4]), "warning", inspection.DOUBLED),
        (lambda all_: all_[4].update(points=[[1, 2], [3, 4]]), "error", inspection.FEW_POINTS),
        (lambda all_: all_[4].update(points=[[1, 2]] * 4), "error", inspection.NO_AREA),
        (lambda all_: all_[4].update(points=[[1, 2, 3]] * 4), "error", inspection.NO_POINTS),
        (lambda all_: all_[4].update(points="abc"), "error", inspection.NO_POINTS),
        (lambda all_: all_[4]["points"].append([1, float("nan")]), "error", inspection.NO_POINTS),
        (lambda all_: all_[4]["points"].append([1, -9]), "warning", inspection.BEYOND),
        (lambda all_: all_.pop(4), "warning", dataset.CLASS_MISSING),
        (lambda all_: all_.clear(), "error", dataset.NOTHING_DRAWN),
    ],
)
def test_labels_at_fault_are_told(data, edit, severity, reason):
    change(data, 5, edit)
    assert (severity, reason, "image05.png") in [one[:3] for one in found(data)]


def test_the_pieces_of_one_mask_are_not_a_class_drawn_twice(data):
    speck = [[1, 1], [1.4, 1], [1.4, 1.4], [1, 1.4]]
    change(data, 5, lambda all_: all_.append({**all_[4], "points": speck}))
    assert inspection.DOUBLED not in [one[1] for one in found(data)]


@pytest.mark.parametrize("text", ["{", "[]", "3", '{"annotations": 3}', "\udcff", "[" * 100_000])
def test_label_files_that_are_none_are_one_error(data, text):
    paths(data, 5)[1].write_bytes(text.encode(errors="surrogateescape"))
    assert found(data) == [("error", inspection.UNREADABLE_LABEL, "image05.png", "")]


def test_a_label_that_training_refuses_for_what_it_says_was_labelled_is_an_error(data):
    path = paths(data, 3)[1]
    document = json.loads(path.read_text())
    document["attributes"] = {"labelled": ["Lunate", "Lunata"]}
    path.write_text(json.dumps(document))
    with pytest.raises(InputError, match="Lunata"):
        read_labels(open_dataset(data).train[3], BONES)
    assert ("error", inspection.UNREADABLE_LABEL, "image03.png", "") in found(data)


def test_a_hand_without_what_is_no_bone_is_whole(data):
    change(data, 5, lambda entries: entries.pop(4))
    assert [one[1] for one in found(data)] == [dataset.CLASS_MISSING]
    (data / "dataset.toml").write_text('not_bones = ["finger-5"]')
    assert found(data) == []


def test_a_class_that_most_labels_lack_is_one_note(data):
    for number in range(16):
        change(data, number, lambda entries: entries.pop(28))
    (one,) = [one for one in check_dataset(open_dataset(data)).findings if one.cls == "Ulna"]
    assert (one.severity, one.reason, one.detail) == (
        "note", dataset.RARE_CLASS, "in 4 of 20 labels"
    )  # fmt: skip


def test_a_rare_class_that_is_no_bone_comes_with_the_line_that_leaves_it_out(data):
    settings = 'layout = "coco"\nannotations = ["a.json"]\n'
    (data / "dataset.toml").write_text(settings)
    for image in data.glob("*/DCM/*/*.png"):
        image.rename(data / image.name)
    names = [f"image{number:02d}.png" for number in range(3)]
    ulna = {"category_id": 1, "segmentation": [[9, 9, 90, 9, 90, 90]]}
    document = {
        "images": [
            {"id": number, "file_name": name, "height": SIDE, "width": SIDE}
            for number, name in enumerate(names)
        ],
        "categories": [{"id": 1, "name": "Ulna"}, {"id": 2, "name": "Elbow"}],
        "annotations": [{"id": n, "image_id": n, **ulna} for n in range(3)],
    }
    (data / "a.json").write_text(json.dumps(document))
    (one,) = [one for one in check_dataset(open_dataset(data)).findings if one.cls == "Elbow"]
    detail, line = one.detail.split(":  ")
    assert detail == "in 0 of 3 labels; if it is no bone, in dataset.toml"
    (data / "dataset.toml").write_text(settings + line)
    assert open_dataset(data).classes == ("Ulna",)


def test_a_hole_and_a_second_piece_are_told(data, phantom_labels, write_label):
    radius = np.array(phantom_labels[6]["Radius"])
    middle = radius.mean(axis=0)
    inner = np.rint(middle + (radius - middle) * 0.4).astype(int).tolist()
    ring = [*radius.tolist(), radius[0].tolist(), inner[0], *inner[::-1]]
    away = [[x, y + 120] for x, y in phantom_labels[7]["finger-7"]]
    write_label(paths(data, 6)[1], [*(phantom_labels[6] | {"Radius": ring}).items()])
    write_label(paths(data, 7)[1], [*phantom_labels[7].items(), ("finger-7", away)])
    told = found(data)
    assert ("warning", inspection.HOLE, "image06.png", "Radius") in told
    assert ("warning", findings.SEVERAL_PIECES, "image07.png", "finger-7") in told


def test_the_same_image_twice_is_an_error_between_people_and_dubious_within_one(data):
    shutil.copy(paths(data, 0)[0], paths(data, 1)[0])
    shutil.copy(paths(data, 4)[0], paths(data, 9)[0])
    assert found(data) == [
        ("warning", dataset.SAME_FILE, "image01.png", ""),
        ("error", dataset.SAME_FILE, "image09.png", ""),
    ]


def test_the_same_pixels_in_another_file_are_found_by_a_deep_check(data):
    Image.open(paths(data, 4)[0]).save(paths(data, 9)[0], compress_level=1, optimize=False)
    assert found(data) == []
    assert found(data, deep=True) == [("error", dataset.SAME_PIXELS, "image09.png", "")]


def test_one_person_in_train_and_test_is_an_error(data):
    for folder in ("DCM", "outputs_json"):
        (data / f"test/{folder}/ID008").rename(data / f"test/{folder}/ID003")
    assert found(data) == [
        ("error", dataset.BOTH_SPLITS, "image06.png", ""),
        ("error", dataset.BOTH_SPLITS, "image07.png", ""),
    ]


def test_a_picture_of_a_test_image_is_to_go_from_the_training_images(data):
    test = sorted((data / "test/DCM").glob("*/*.png"))[0]
    shutil.copy(test, paths(data, 4)[0])
    assert check_dataset(open_dataset(data)).at_fault() == ("image04.png",)


def test_the_same_label_for_two_images_is_an_error(data):
    shutil.copy(paths(data, 4)[1], paths(data, 9)[1])
    assert ("error", dataset.SAME_LABEL, "image09.png", "") in found(data)


def test_images_at_fault_are_named_for_leaving_out(data):
    change(data, 3, lambda entries: entries[4].update(label="x"))
    change(data, 2, lambda entries: entries.append(entries[4]))
    checked = check_dataset(open_dataset(data))
    assert checked.at_fault() == ("image03.png",)
    assert checked.at_fault(strict=True) == ("image02.png", "image03.png")


def test_a_ring_around_a_finger_is_noted_by_a_deep_check(tmp_path):
    from handseg.phantom.writing import write_phantoms

    root = write_phantoms(tmp_path / "data", people=5, size=256, seed=3)
    image = sorted((root / "train/DCM").glob("*/*.png"))[2]
    label = root / "train/outputs_json" / image.parent.name / f"{image.stem}.json"
    entries = json.loads(label.read_text())["annotations"]
    points = np.array(next(one["points"] for one in entries if one["label"] == "finger-14"))
    x, y = points.mean(axis=0).astype(int)
    pixels = np.array(Image.open(image).convert("L"))
    pixels[y - 2 : y + 2, x - 12 : x + 12] = 255
    Image.fromarray(pixels).save(image)
    assert found(root) == []
    assert found(root, deep=True) == [("note", "something bright in a bone, as a ring or metal",
                                       image.name, "finger-14")]  # fmt: skip


def test_what_a_file_says_of_its_picture_is_said_where_a_person_may_have_meant_it_otherwise(data):
    tags, pages = Image.Exif(), [Image.open(paths(data, number)[0]) for number in (1, 2)]
    tags[274] = 3
    pages[0].transpose(Image.Transpose.ROTATE_180).save(paths(data, 1)[0], exif=tags)
    tiff = paths(data, 2)[0].with_suffix(".tif")
    pages[1].save(tiff, save_all=True, append_images=[pages[0]])
    paths(data, 2)[0].unlink()
    deep = np.asarray(Image.open(paths(data, 3)[0])).astype(np.uint16) * 16
    Image.fromarray(deep).save(paths(data, 3)[0])
    assert found(data) == [
        ("note", images.TURNED, "image01.png", ""),
        ("warning", images.SEVERAL_PAGES, "image02.tif", ""),
        ("note", images.GUESSED, "image03.png", ""),
    ]
    said = "1 TIFF has several pages, the first is taken: image02.tif"
    assert said in open_dataset(data).recognised


def picture(path):
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((6, 8), 90, np.uint8)).save(path)
    return path


def test_in_every_layout_a_picture_that_is_not_read_is_found(tmp_path):
    """A labelled one is an error, any other may be meant."""
    for name in ("train/a.png", "b.png", "train/masks/a.png", "train/patient 3/c.png"):
        picture(tmp_path / name)
    for name in ("train/a.json", "b.json"):
        (tmp_path / name).write_text('{"annotations": []}')
    (tmp_path / "train/d.heic").write_bytes(b"x")
    (tmp_path / "train/e.json").write_text('{"annotations": []}')
    found = dataset.listing_findings(open_dataset(tmp_path))
    assert [(one.severity, one.reason, one.detail) for one in found] == [
        ("error", dataset.NOT_READ, "b.png"),
        ("warning", dataset.OTHER_KIND, "train/d.heic"),
        ("warning", dataset.NO_IMAGE, "train/e.json"),
        ("warning", dataset.MASK_PICTURE, "train/masks/a.png"),
        ("warning", dataset.NOT_READ, "train/patient 3/c.png"),
    ]


def test_annotations_of_another_tool_are_an_error_where_labels_are_missing(tmp_path):
    picture(tmp_path / "a.png")
    (tmp_path / "export.json").write_text('[{"from_name": "a", "to_name": "b"}]')
    found = dataset.listing_findings(open_dataset(tmp_path))
    (unread,) = [one for one in found if one.severity == "error"]
    assert unread.detail.startswith("export.json is Label Studio's JSON: in Label Studio choose")
    (tmp_path / "a.json").write_text('{"annotations": []}')
    (one,) = dataset.listing_findings(open_dataset(tmp_path))
    assert one.severity == "warning"


def test_labels_and_images_in_packed_or_unread_files_are_errors_where_labels_are_missing(tmp_path):
    picture(tmp_path / "a.png")
    coco = {"images": [], "categories": [], "annotations": []}
    (tmp_path / "deep/er/than/that").mkdir(parents=True)
    (tmp_path / "deep/er/than/that/coco.json").write_text(json.dumps(coco))
    for name in ("test.tar.gz", "a.npy", "b.nii.gz"):
        (tmp_path / name).write_bytes(b"x")
    wanted = {
        (dataset.OTHER_COCO, "deep/er/than/that/coco.json"),
        (dataset.OTHER_KIND, "a.npy"),
        (dataset.OTHER_KIND, "b.nii.gz"),
    }
    for severity in ("error", "warning"):
        found = dataset.listing_findings(open_dataset(tmp_path))
        unread = {(one.reason, one.detail): one.severity for one in found if not one.image}
        assert unread.pop((dataset.ARCHIVE, "test.tar.gz")) == "warning"
        assert unread == dict.fromkeys(wanted, severity)
        (tmp_path / "a.json").write_text('{"annotations": []}')


@pytest.mark.parametrize("kind", ["png", "jpeg", "tiff"])
def test_a_picture_without_its_suffix_is_named_with_the_name_that_it_needs(tmp_path, kind):
    pixels = Image.fromarray(np.full((6, 8), 90, np.uint8))
    pixels.save(tmp_path / "b", kind)
    with pytest.raises(InputError) as caught:
        open_dataset(tmp_path)
    suffix = {"png": ".png", "jpeg": ".jpg", "tiff": ".tif"}[kind]
    assert f"name it b{suffix}" in caught.value.hints[0]
    picture(tmp_path / "a.png")
    for severity in ("warning", "error"):
        found = dataset.listing_findings(open_dataset(tmp_path))
        (one,) = [one for one in found if not one.image]
        assert (one.severity, one.reason) == (severity, dataset.NO_SUFFIX)
        assert one.detail == f"b: name it b{suffix}"
        (tmp_path / "b.json").write_text('{"annotations": []}')


def test_a_folder_that_may_not_be_read_is_an_error(tmp_path):
    picture(tmp_path / "a.png")
    closed = tmp_path / "closed"
    closed.mkdir(mode=0)
    if os.access(closed, os.R_OK):
        pytest.skip("root reads everything")
    found = dataset.listing_findings(open_dataset(tmp_path))
    assert (dataset.REFUSED, "closed") in [(one.reason, one.detail) for one in found]


def test_a_labelled_image_at_another_depth_is_an_error(data):
    image, label = paths(data, 1)
    for path in (image, label):
        deeper = path.parent / "left" / path.name
        deeper.parent.mkdir()
        path.rename(deeper)
    assert [(one[0], one[1]) for one in found(data)] == [("error", dataset.NOT_READ)]


def test_a_second_label_of_an_image_is_a_warning(tmp_path):
    picture(tmp_path / "a.png")
    (tmp_path / "outputs_json").mkdir()
    for name in ("a.json", "outputs_json/a.json"):
        (tmp_path / name).write_text('{"annotations": []}')
    (one,) = dataset.listing_findings(open_dataset(tmp_path))
    assert (one.severity, one.reason) == ("warning", dataset.SECOND_LABEL)
    assert one.detail == "outputs_json/a.json"


@pytest.mark.parametrize("length", [0, 300])
def test_a_coco_file_that_ends_too_early_is_an_error_where_labels_are_missing(tmp_path, length):
    picture(tmp_path / "a.png")
    image = {"id": 1, "file_name": "a.png", "height": 6, "width": 8}
    text = json.dumps({"images": [image] * 9, "categories": [], "annotations": []})
    (tmp_path / "labels.json").write_text(text[:length])
    (one,) = (
        found
        for found in dataset.listing_findings(open_dataset(tmp_path))
        if found.reason == dataset.DAMAGED_COCO
    )
    assert (one.severity, one.detail) == ("error", "labels.json")
