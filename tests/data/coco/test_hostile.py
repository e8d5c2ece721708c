"""COCO files that anybody wrote: refused with a message, or read."""

import contextlib
import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handseg.data.dataset import open_dataset
from handseg.data.labels import label_runs
from handseg.errors import InputError

FIXTURE = settings(
    deadline=None, max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def read_all(folder):
    dataset = open_dataset(folder)
    for sample in dataset.train:
        if sample.labels:
            label_runs(sample, dataset.classes)


def refusal(folder):
    with pytest.raises(InputError) as caught:
        read_all(folder)
    return str(caught.value)


@pytest.mark.parametrize(
    "name",
    ["../secret.png", "/etc/passwd.png", "a/../../b.png", "C:\\x.png", "..\\b.png", "a\0.png"],
)
def test_a_path_that_leaves_the_folder_is_refused(tmp_path, add_coco, name):
    path = add_coco(tmp_path / "data", ["a.png"])
    document = json.loads(path.read_text())
    document["images"][0]["file_name"] = name
    path.write_text(json.dumps(document))
    assert "none of them is in" in refusal(tmp_path / "data")


def test_a_name_longer_than_any_file_s_is_an_image_that_is_not_there(tmp_path, add_coco):
    path = add_coco(tmp_path, ["a.png"])
    document = json.loads(path.read_text())
    document["images"].append({"id": 1, "file_name": "x" * 5000, "height": 1, "width": 1})
    path.write_text(json.dumps(document))
    assert "1 named image left out" in open_dataset(tmp_path).recognised


@pytest.mark.parametrize(
    "segmentation",
    [
        {"size": [40, 50], "counts": [5]},
        {"size": [40, 50], "counts": [-5, 2005]},
        {"size": [40, 50], "counts": [1 << 70, 3]},
        {"size": [40, 50], "counts": [1.5, 3]},
        {"size": [40, 50], "counts": []},
        {"size": [40, 50], "counts": "~~~~"},
        {"size": [40, 50], "counts": None},
        {"size": [1 << 40, 1 << 40], "counts": [1 << 40]},
        {"size": "40", "counts": [2000]},
        {"counts": [2000]},
        [[1, 1, 2, 2]],
        [[1, 1, 2, 2, float("nan"), 3]],
        [[1, 1, 2, 2, float("inf"), 3]],
        [[1, 1, 2, 2, None, 3]],
        [["1", "1", "2", "2", "3", "3"]],
        [1, 2, 3, 4, 5, 6],
        "polygon",
        7,
        [[[1, 2], [3, 4], [5, 6]]],
    ],
)
def test_a_segmentation_at_fault_is_refused_with_its_place(tmp_path, add_coco, segmentation):
    add_coco(tmp_path, ["a.png"], [("a.png", "Ulna", segmentation)])
    said = refusal(tmp_path)
    assert "annotation 0 (a.png, Ulna)" in said
    assert "_annotations_bone_rle.coco.json" in said


@pytest.mark.parametrize(
    ("part", "entry"),
    [
        ("images", {"id": 1, "file_name": "b.png", "height": 1 << 20, "width": 1 << 20}),
        ("images", {"id": 1, "file_name": "b.png", "height": -3, "width": 4}),
        ("images", {"id": 1, "file_name": "b.png"}),
        ("images", {"id": 10, "file_name": "b.png", "height": 3, "width": 4}),
        ("images", {"id": [1], "file_name": "b.png", "height": 3, "width": 4}),
        ("images", {"id": True, "file_name": "b.png", "height": 3, "width": 4}),
        ("images", {"id": 1, "file_name": "\ud800.png", "height": 3, "width": 4}),
        ("images", "b.png"),
        ("categories", {"id": 2}),
        ("categories", {"id": 2, "name": ""}),
        ("categories", {"id": {}, "name": "Ulna"}),
        ("annotations", {"id": 1, "image_id": 77, "category_id": 2}),
        ("annotations", {"id": 1, "image_id": 10, "category_id": [2]}),
        ("annotations", None),
    ],
)
def test_an_entry_at_fault_is_refused_with_its_place(tmp_path, add_coco, part, entry):
    add_coco(tmp_path, ["a.png"], also={part: [entry]})
    assert {"images": "image", "categories": "category", "annotations": "annotation"}[part] in (
        refusal(tmp_path)
    )


@pytest.mark.parametrize(
    "text",
    [
        '{"images": [], "categories": {}, "annotations": []}',
        '{"images": [], "categories": [], "annotations": [' + "[" * 100_000,
        '{"images": [], "categories": [], "annotations": [1' + "0" * 5000 + "]}",
        "[]",
        "",
    ],
)
def test_no_coco_document_is_refused(tmp_path, text):
    (tmp_path / "x.coco.json").write_text(text)
    assert "x.coco.json" in refusal(tmp_path)


def test_more_brackets_than_any_label_has_are_refused_before_they_take_memory(tmp_path):
    (tmp_path / "x.coco.json").write_text("[" + "[]," * (1 << 23) + "[]]")
    assert "lists and objects" in refusal(tmp_path)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=12,
)


@FIXTURE
@given(segmentation=JSON, counts=JSON, name=JSON)
def test_whatever_stands_in_a_file_is_read_or_refused(
    tmp_path, add_coco, segmentation, counts, name
):
    path = add_coco(tmp_path, ["a.png"], [
        ("a.png", "Ulna", segmentation), ("a.png", "Ulna", {"size": [40, 50], "counts": counts}),
    ])  # fmt: skip
    document = json.loads(path.read_text())
    document["images"].append({"id": 1, "file_name": name, "height": 3, "width": name})
    for text in (path.read_text(), json.dumps(document)):
        path.write_text(text)
        with contextlib.suppress(InputError):
            read_all(tmp_path)


@FIXTURE
@given(places=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), max_size=4))
def test_a_damaged_file_is_read_or_refused(tmp_path, add_coco, encoded, places):
    mask = np.zeros((40, 50), np.uint8)
    mask[3:9, 4:30] = 1
    path = add_coco(tmp_path, ["a.png"], [("a.png", "Ulna", encoded(mask)),
                                          ("a.png", "Radius", [[1, 2, 3, 4, 5, 6]])])  # fmt: skip
    content = bytearray(path.read_bytes())
    for place, value in places:
        content[place % len(content)] = value
    path.write_bytes(content)
    with contextlib.suppress(InputError):
        read_all(tmp_path)
