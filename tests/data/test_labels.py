"""Label files of people, and the masks that they mean."""

import json

import numpy as np
import pytest

from handseg import rle
from handseg.data.dataset import open_dataset
from handseg.data.labels import class_mask, label_runs, read_polygons
from handseg.errors import InputError
from handseg.formats.polygons import rasterise

CLASSES = ("Radius", "Ulna", "Lunate")


def square(left, top, right, bottom):
    return [[left, top], [right, top], [right, bottom], [left, bottom]]


@pytest.fixture
def label(tmp_path):
    """Writes a label file from the text of a document or from annotations."""

    def write(annotations, **attributes):
        path = tmp_path / "label.json"
        if not isinstance(annotations, str):
            entries = [{"label": name, "points": points} for name, points in annotations]
            annotations = json.dumps({"annotations": entries, "attributes": attributes})
        path.write_text(annotations)
        return path

    return write


def refusal(path):
    with pytest.raises(InputError) as caught:
        read_polygons(path, CLASSES)
    assert str(path) in caught.value.message
    return str(caught.value)


def test_several_polygons_of_a_class_are_united_where_they_overlap_too(label):
    parts = [("Ulna", square(1, 1, 5, 5)), ("Ulna", square(4, 4, 8, 8))]
    mask = class_mask(read_polygons(label(parts), CLASSES), "Ulna", (12, 12))
    expected = np.zeros((12, 12), np.uint8)
    expected[1:6, 1:6] = expected[4:9, 4:9] = 1
    assert np.array_equal(mask, expected)


def test_classes_may_overlap_and_be_absent(label):
    labels = read_polygons(
        label([("Ulna", square(1, 1, 5, 5)), ("Radius", square(2, 2, 6, 6))]), CLASSES
    )
    masks = [class_mask(labels, name, (9, 9)) for name in CLASSES]
    assert [mask.sum() for mask in masks] == [25, 25, 0]
    assert (masks[0] & masks[1]).sum() == 16
    assert labels.labelled == (True, True, True)


def test_floats_are_rounded_and_what_lies_outside_the_image_is_clipped(label):
    far = [[-1e9, -50.0], [3.4, -50], [3.4, 2e8], [-1e9, 200]]
    mask = class_mask(read_polygons(label([("Ulna", far)]), CLASSES), "Ulna", (10, 12))
    assert np.array_equal(mask[:, :4], np.ones((10, 4)))
    assert not mask[:, 4:].any()


def test_a_slanted_edge_far_outside_meets_the_image_where_it_should():
    # Above the line y = x / 2 + 3, whose ends lie a hundred thousand pixels away.
    below = np.array([[-100000, -49997], [100000, 50003], [-100000, 50003]], np.int32)
    mask = rasterise([below], (64, 64))
    y, x = np.mgrid[:64, :64]
    assert (mask[y > x / 2 + 4] == 1).all()
    assert (mask[y < x / 2 + 2] == 0).all()


def test_a_single_point_and_a_line_are_drawn(label):
    labels = read_polygons(label([("Ulna", [[3, 2]]), ("Radius", [[1, 1], [4, 1]])]), CLASSES)
    assert class_mask(labels, "Ulna", (6, 6)).sum() == 1
    assert class_mask(labels, "Radius", (6, 6)).sum() == 4


def test_a_byte_order_mark_and_missing_attributes_do_no_harm(tmp_path):
    path = tmp_path / "label.json"
    path.write_bytes(b'\xef\xbb\xbf{"annotations": [], "attributes": null}')
    assert read_polygons(path, CLASSES).labelled == (True, True, True)


def test_broken_json_names_file_line_and_column(label):
    assert "line 2, column 18" in refusal(label('{\n  "annotations": ,\n}'))


def test_an_unknown_class_is_named_with_the_nearest_name(label):
    said = refusal(label([("Ulna", square(1, 1, 2, 2)), ("Lunat", square(1, 1, 2, 2))]))
    assert "annotation 1" in said
    assert "'Lunat' (did you mean Lunate?)" in said


@pytest.mark.parametrize(
    "points",
    [
        "[[1, 2], [NaN, 3], [4, 5]]",
        "[[1, 2], [Infinity, 3], [4, 5]]",
        "[[1, 2], [null, 3], [4, 5]]",
        "[[1, 2], [3], [4, 5]]",
        "[[1, 2, 3], [4, 5, 6]]",
        '[[1, 2], ["a", 3]]',
        '{"x": 1}',
        "[]",
        "7",
        "null",
        "[[1, 2], [1" + "0" * 400 + ", 3]]",
    ],
)
def test_points_that_are_no_points_name_file_and_annotation(label, points):
    text = f'{{"annotations": [{{"label": "Ulna", "points": {points}}}]}}'
    assert "annotation 0 (Ulna)" in refusal(label(text))


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "7",
        "{}",
        '{"annotations": null}',
        '{"annotations": [{"label": "Ulna"}]}',
        '{"annotations": ["Ulna"]}',
        '{"annotations": [], "attributes": "x"}',
        '{"annotations": [[1' + "0" * 5000 + "]]}",
        "\x00",
        "",
        "[" * 100_000,
    ],
)
def test_another_schema_or_no_json_is_refused(label, text):
    refusal(label(text))


def test_a_file_that_is_no_text_or_is_missing_is_refused(tmp_path):
    path = tmp_path / "label.json"
    path.write_bytes(b"\x89PNG\r\n\x1a\n\xff\xfe")
    refusal(path)
    refusal(tmp_path / "missing.json")
    refusal(tmp_path)


def test_attributes_say_what_was_labelled(label):
    some = read_polygons(
        label([("Ulna", square(1, 1, 2, 2))], labelled=["Ulna", "Radius"]), CLASSES
    )
    assert some.labelled == (True, True, False)
    assert read_polygons(label([], labelled=[]), CLASSES).labelled == (False, False, False)


@pytest.mark.parametrize("labelled", ["Ulna", None, 3, ["Ulnar"], [["Ulna"]], {"Ulna": True}])
def test_a_list_of_what_was_labelled_that_is_none_is_refused(label, labelled):
    assert "labelled" in refusal(label([], labelled=labelled))


def test_label_runs_have_the_size_of_the_image_and_one_mask_a_class(tmp_path, add_hand):
    add_hand(tmp_path, polygons=[("Ulna", square(70, 50, 200, 58))], labelled=["Ulna", "Radius"])
    dataset = open_dataset(tmp_path)
    labels = label_runs(dataset.train[0], dataset.classes)
    ulna = dataset.classes.index("Ulna")
    assert labels.size == (60, 80)
    assert len(labels.runs) == len(dataset.classes)
    assert labels.runs[ulna].tolist() == [[y * 80 + 70, y * 80 + 80] for y in range(50, 59)]
    assert sum(rle.area(runs) for runs in labels.runs) == 90
    known = [name for name, told in zip(dataset.classes, labels.labelled, strict=True) if told]
    assert known == ["Radius", "Ulna"]


def test_label_runs_of_a_sample_without_a_label_name_the_image(tmp_path, add_hand):
    image = add_hand(tmp_path, polygons=None)
    with pytest.raises(InputError, match=image.name):
        label_runs(open_dataset(tmp_path).train[0], CLASSES)
