"""COCO JSON as other tools write it and as they read it."""

import contextlib
import io
import json
from dataclasses import replace

import numpy as np
import pycocotools.coco
import pycocotools.mask
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handseg import rle
from handseg.errors import InputError
from handseg.formats.coco import CocoFormat
from handseg.formats.masks import Place, rows
from handseg.formats.polygons import rasterise
from handseg.formats.submission import masks_of
from handseg.rle.submission import read_submission

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

PLAIN = {"size": [3, 5], "counts": [2, 1, 1, 2, 1, 1, 2, 1, 2, 2]}
"""The bar, counted down the columns."""


def written(csv, path, compressed=True):
    submission = read_submission(csv)
    masks = masks_of(submission, submission.sizes)
    return CocoFormat(compressed).write(Place(path.parent, "", path), masks)


def pixels(path, image="i.png", cls="Ulna"):
    masks = CocoFormat().read(path)
    return rle.to_mask(masks.runs_of(image, cls), masks.images[image])


@pytest.mark.parametrize("compressed", [True, False])
def test_pycocotools_reads_what_is_written(bars, bar, tmp_path, compressed):
    with contextlib.redirect_stdout(io.StringIO()):
        coco = pycocotools.coco.COCO(str(written(bars, tmp_path / "o.json", compressed)))
    assert {entry["file_name"] for entry in coco.imgs.values()} == {"i.png", "j.png"}
    assert [(entry["id"], entry["name"]) for entry in coco.cats.values()] == [
        (1, "Ulna"),
        (2, "Radius"),
    ]
    [annotation] = coco.anns.values()
    assert (coco.annToMask(annotation) == bar).all()
    encoded = pycocotools.mask.encode(np.asfortranarray(bar))
    assert annotation["area"] == pycocotools.mask.area(encoded) == 7
    assert annotation["bbox"] == pycocotools.mask.toBbox(encoded).tolist() == [0, 1, 5, 2]
    assert (annotation["iscrowd"], annotation["image_id"], annotation["category_id"]) == (0, 1, 1)
    assert isinstance(annotation["segmentation"]["counts"], str if compressed else list)


def test_plain_and_compressed_run_lengths_are_read(write_coco, bar):
    encoded = pycocotools.mask.encode(np.asfortranarray(bar))
    text = {"size": [3, 5], "counts": encoded["counts"].decode()}
    for segmentation in (PLAIN, text):
        assert (pixels(write_coco(segmentation)) == bar).all()


def test_polygons_are_drawn_as_the_labels_are(write_coco):
    outlines = [[0, 0, 2, 0, 2, 1.4], [4, 1, 4, 2, 3, 2]]
    points = [np.array([[0, 0], [2, 0], [2, 1]], np.int32), np.array([[4, 1], [4, 2], [3, 2]])]
    expected = rasterise([points[0], points[1].astype(np.int32)], (3, 5))
    assert (pixels(write_coco(outlines)) == expected).all()
    assert expected.sum() > 5


def test_annotations_of_one_image_and_class_are_united_whatever_their_kind(write_coco, bar):
    path = write_coco(PLAIN, [[0, 0, 1, 0, 0, 1]], [[0, 0, 4, 0, 4, 0]])
    expected = bar.copy()
    expected[0, :] = expected[1, 0] = 1
    assert (pixels(path) == expected).all()
    assert "1 mask united from several annotations" in CocoFormat().read(path).notes


def test_images_and_categories_without_annotations_have_empty_masks(write_coco):
    path = write_coco(
        PLAIN,
        images=[
            {"id": 7, "file_name": "i.png", "height": 3, "width": 5},
            {"id": "x", "file_name": "j.png", "height": 1, "width": 1},
        ],
        categories=[{"id": 0, "name": "hand"}, {"id": 3, "name": "Ulna"}],
    )
    masks = CocoFormat().read(path)
    assert [(image, cls, len(runs)) for image, cls, runs in rows(masks)] == [
        ("i.png", "hand", 0),
        ("i.png", "Ulna", 2),
        ("j.png", "hand", 0),
        ("j.png", "Ulna", 0),
    ]
    assert "1 class without a mask: hand" in masks.notes


def test_categories_of_one_name_are_one_class(write_coco):
    path = write_coco(PLAIN, categories=[{"id": 3, "name": "Ulna"}, {"id": 9, "name": "Ulna"}])
    assert CocoFormat().read(path).classes == ("Ulna",)
    assert "categories of the same name taken as one class: Ulna" in CocoFormat().read(path).notes


def test_annotations_without_a_segmentation_are_said(write_coco):
    masks = CocoFormat().read(write_coco([], None))
    assert "2 annotations without a segmentation left out" in masks.notes
    assert not len(masks.runs_of("i.png", "Ulna"))


@pytest.mark.parametrize(
    ("files", "names", "said"),
    [
        (["a.png", "b.png"], ["a.png", "b.png"], ""),
        (["train/a.png", "train\\b.png"], ["a.png", "b.png"], "the base names of their paths"),
        (["x/a.png", "y/a.png"], ["x/a.png", "y/a.png"], "base names are not unique"),
        (["/etc/passwd", "../../b"], ["passwd", "b"], "the base names of their paths"),
        (["x/", "y/"], ["x/", "y/"], "base names are not unique"),
    ],
)
def test_image_names_are_base_names_where_these_are_unique(write_coco, files, names, said):
    images = [
        {"id": number, "file_name": file, "height": 3, "width": 5}
        for number, file in enumerate(files, 7)
    ]
    masks = CocoFormat().read(write_coco(images=images, annotations=[]))
    assert list(masks.images) == names
    assert said in masks.notes[0]
    assert len(masks.notes) == 1 + bool(said)


def test_what_the_sidecar_says_of_the_models_goes_along_if_it_is_of_its_kind(
    bars, tmp_path, write_coco
):
    origin = CocoFormat().read(written(bars, tmp_path / "o.json")).origin
    assert origin == {"fold": 0, "trained_people": ["ID001"]}
    lies = {"fold": "0", "trained_people": 5, "split": ["val"], "run": "unet-1"}
    assert CocoFormat().read(write_coco(info={"handseg": lies})).origin == {"run": "unet-1"}


@pytest.mark.parametrize(
    ("segmentation", "said"),
    [
        ({"size": [5, 3], "counts": PLAIN["counts"]}, "height 3 and the width 5"),
        ({"size": "3 5", "counts": PLAIN["counts"]}, "of the size '3 5'"),
        ({"size": [3, 5], "counts": [2, 1]}, "counts of 3 pixels for an image of 15"),
        ({"size": [3, 5], "counts": [-2, 17]}, "negative count"),
        ({"size": [3, 5], "counts": [2, 1.5, 11.5]}, "whole numbers"),
        ({"size": [3, 5], "counts": [True, 14]}, "whole numbers"),
        ({"size": [3, 5], "counts": ["2", 13]}, "whole numbers"),
        ({"size": [3, 5], "counts": [10**30]}, "beyond any image"),
        ({"size": [3, 5], "counts": {}}, "whole numbers"),
        ({"size": [3, 5], "counts": ""}, "no counts"),
        ({"size": [3, 5], "counts": "o"}, "cut off"),
        ({"size": [3, 5]}, "no segmentation that can be read"),
        ("mask", "no segmentation that can be read"),
        ([[0, 0, float("nan"), 1, 2, 2]], "not finite"),
        ([[0, 0, float("inf"), 1, 2, 2]], "not finite"),
        ([[0, 0, 1, 1]], "no polygon"),
        ([[0, 0, 1, 1, 2, 2, 3]], "no polygon"),
        ([0, 0, 1, 1, 2, 2], "no polygon"),
        ([["a", 0, 1, 1, 2, 2]], "no numbers"),
        ([[10**400, 0, 1, 1, 2, 2]], "no numbers"),
    ],
)
def test_a_segmentation_at_fault_is_an_error_with_its_place(write_coco, segmentation, said):
    path = write_coco(PLAIN, segmentation)
    with pytest.raises(InputError, match=said) as caught:
        CocoFormat().read(path).runs_of("i.png", "Ulna")
    assert "coco.json: annotation 1 (i.png, Ulna)" in str(caught.value)


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"images": None}, "no COCO document"),
        ({"images": [], "annotations": []}, "has no images"),
        ({"categories": [], "annotations": []}, "has no classes"),
        ({"categories": []}, "category_id 3 that nothing has"),
        ({"annotations": [{"image_id": 8, "category_id": 3}]}, "image_id 8 that nothing has"),
        ({"annotations": [{"image_id": [], "category_id": 3}]}, "that nothing has"),
        ({"annotations": [{"category_id": 3}]}, "no image_id"),
        ({"annotations": [5]}, "annotation 0 is no object"),
        ({"images": ["i.png"]}, "image 0 is no object"),
        ({"images": [{"id": 7, "file_name": "i.png", "height": 3}]}, "no width"),
        ({"images": [{"id": 7, "file_name": "i.png", "height": 3, "width": 0}]}, "whole pixels"),
        ({"images": [{"id": 7, "file_name": "i", "height": 3, "width": 1.5}]}, "whole pixels"),
        (
            {"images": [{"id": 7, "file_name": "i", "height": 10**9, "width": 10**9}]},
            "images of up to",
        ),
        ({"images": [{"id": 7, "file_name": "", "height": 3, "width": 5}]}, "no name"),
        ({"images": [{"id": 7, "file_name": "\ud800", "height": 3, "width": 5}]}, "no text"),
        ({"images": [{"id": 1.5, "file_name": "i", "height": 3, "width": 5}]}, "neither a whole"),
        ({"images": [{"id": 7, "file_name": "i", "height": 3, "width": 5}] * 2}, "of another"),
        ({"categories": [{"id": 3, "name": 5}]}, "no name"),
        ({"categories": [{"id": 3}]}, "no name"),
    ],
)
def test_a_document_at_fault_is_an_error_with_its_place(write_coco, parts, said):
    with pytest.raises(InputError, match=said) as caught:
        CocoFormat().read(write_coco(PLAIN, **parts))
    assert "coco.json" in str(caught.value)


def test_two_images_of_one_name_are_refused(write_coco):
    image = {"file_name": "i.png", "height": 3, "width": 5}
    with pytest.raises(InputError, match=r"two images 'i\.png'"):
        CocoFormat().read(write_coco(images=[{"id": 1, **image}, {"id": 7, **image}]))


def test_more_rows_than_any_data_set_has_are_refused(write_coco):
    images = [
        {"id": number, "file_name": str(number), "height": 1, "width": 1} for number in range(4000)
    ]
    categories = [{"id": number, "name": str(number)} for number in range(4000)]
    with pytest.raises(InputError, match="4000 images of 4000 classes"):
        CocoFormat().read(write_coco(images=images, categories=categories))


def test_a_sidecar_is_told_from_a_document(bars):
    with pytest.raises(InputError, match="no COCO document") as caught:
        CocoFormat().read(bars.with_name("a.csv.json"))
    assert str(bars) in caught.value.hints[0]


@pytest.mark.parametrize(
    ("name", "content"), [("x.json", ""), ("x.coco", "\ufeff\n {"), ("x", "{")]
)
def test_a_document_is_recognised_by_its_name_or_its_beginning(tmp_path, name, content):
    (tmp_path / name).write_text(content, encoding="utf-8")
    assert CocoFormat().recognises(tmp_path / name)


def test_a_csv_and_a_folder_are_no_documents(bars):
    assert not CocoFormat().recognises(bars)
    assert not CocoFormat().recognises(bars.parent)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
DOCUMENT = {
    "images": [{"id": 7, "file_name": "i.png", "height": 3, "width": 5}],
    "categories": [{"id": 3, "name": "Ulna"}],
    "annotations": [
        {"id": 1, "image_id": 7, "category_id": 3, "segmentation": PLAIN},
        {"id": 2, "image_id": 7, "category_id": 3, "segmentation": [[0, 0, 1, 0, 0, 1]]},
    ],
    "info": {"handseg": {"fold": 0, "trained_people": ["ID001"]}},
}


def places_in(value, path=()):
    """The way to everything inside a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    for step, part in inner:
        yield (*path, step)
        if isinstance(part, dict | list):
            yield from places_in(part, (*path, step))


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(list(places_in(DOCUMENT))), JSON)
def test_whatever_stands_anywhere_is_read_or_refused(tmp_path, way, value):
    document = json.loads(json.dumps(DOCUMENT))
    inner = document
    for step in way[:-1]:
        inner = inner[step]
    inner[way[-1]] = value
    path = tmp_path / "hostile.json"
    path.write_text(json.dumps(document))
    with contextlib.suppress(InputError):
        for _, _, runs in rows(CocoFormat().read(path)):
            assert rle.to_mask(runs, (3, 5)).sum() == rle.area(runs)


def test_what_was_not_labelled_is_kept_beside_coco(tmp_path, bars):
    submission = read_submission(bars)
    masks = masks_of(submission, submission.sizes)
    partly = replace(masks, labelled={"i.png": frozenset({"Radius"})})
    path = CocoFormat().write(Place(tmp_path, "", tmp_path / "a.json"), partly)
    back = CocoFormat().read(path)
    assert back.labelled == partly.labelled
    assert [key[:2] for key in rows(back)] == [
        ("i.png", "Radius"), ("j.png", "Ulna"), ("j.png", "Radius")
    ]  # fmt: skip
