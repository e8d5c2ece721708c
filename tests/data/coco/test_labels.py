"""What COCO files draw, as masks, planes, run lengths and crops."""

import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from handseg import rle
from handseg.crops import cut_crops, plan_crops
from handseg.data.cache import build_cache
from handseg.data.crop_manifest import read_manifest
from handseg.data.dataset import labelled_training_samples, open_dataset
from handseg.data.fingerprint import fingerprint, sample_files
from handseg.data.label_runs import label_file
from handseg.data.labels import class_mask, label_runs, read_labels, read_polygons
from handseg.data.planes import unpack
from handseg.errors import InputError
from handseg.formats.polygons import rasterise

SIZE = (40, 50)
MANY = tuple(f"bone {number}" for number in range(40))


@pytest.fixture
def masks():
    """A disc for each of forty classes; neighbours overlap."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    return {
        name: ((x - 6 - number) ** 2 + (y - 5 - number % 29) ** 2 <= 25).astype(np.uint8)
        for number, name in enumerate(MANY)
    }


@pytest.fixture
def many(tmp_path, add_coco, encoded, masks):
    """Forty classes in two images; run lengths of both kinds, take turns."""
    annotations = [
        (image, name, encoded(mask, compressed=(number + len(image)) % 2 == 0))
        for image in ("a.png", "bb.png")
        for number, (name, mask) in enumerate(masks.items())
    ]
    add_coco(tmp_path / "data", ["a.png", "bb.png"], annotations, MANY)
    return open_dataset(tmp_path / "data")


def test_forty_classes_of_run_lengths_are_masks_runs_and_bits(many, masks, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for sample in many.train:
        labels = read_labels(sample, many.classes)
        runs = label_runs(sample, many.classes)
        for place, name in enumerate(many.classes):
            assert np.array_equal(class_mask(labels, name, SIZE), masks[name])
            assert np.array_equal(rle.to_mask(runs.runs[place], SIZE), masks[name])
    prepared = build_cache(many.train, many.classes, 50)
    planes = unpack(prepared.label_planes(1), 40)
    assert prepared.planes.shape == (2, 50, 50, 5)
    assert np.array_equal(planes[:, :40], np.stack(list(masks.values())))


def test_kept_labels_and_the_fingerprint_know_the_images_of_one_file_apart(
    many, masks, monkeypatch, tmp_path
):
    monkeypatch.chdir(tmp_path)
    samples = labelled_training_samples(many)
    kept = label_file(samples, many.classes).submission()
    for image in ("a.png", "bb.png"):
        found = kept.runs(image, "bone 7", SIZE)
        assert np.array_equal(rle.to_mask(found, SIZE), masks["bone 7"])
    one, other = samples[0], samples[1]
    assert label_file([one], many.classes).path != label_file([other], many.classes).path
    assert len(fingerprint(sample_files(samples), many.root)) == 64


def test_crops_of_regions_have_the_masks_and_names_of_the_set(tmp_path, add_coco, encoded, masks):
    disc = masks["bone 20"]
    add_coco(
        tmp_path / "data",
        ["a.png"],
        [("a.png", "Trapzium", encoded(disc)), ("a.png", "Ulna", [[30, 30, 45, 30, 45, 38]])],
        ("Trapzium", "Ulna"),
    )
    dataset = open_dataset(tmp_path / "data")
    planned = plan_crops(dataset.train, dataset.classes, "wrist", regions=dataset.regions)
    out = tmp_path / "wrist"
    cut_crops(out, "wrist", planned, dataset.classes, "f")
    (crop,) = read_manifest(out).crops
    left, top, right, bottom = crop.window
    assert disc[top:bottom, left:right].sum() == disc.sum()
    assert 0 < (right - left) <= 20
    labels = read_polygons(out / crop.labels, dataset.classes)
    size = (bottom - top, right - left)
    assert np.array_equal(class_mask(labels, "Trapzium", size), disc[top:bottom, left:right])


@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(mask=arrays(np.uint8, st.tuples(st.integers(1, 12), st.integers(1, 12)),
                   elements=st.integers(0, 1)), compressed=st.booleans())  # fmt: skip
def test_any_mask_comes_back_pixel_by_pixel(tmp_path, add_coco, encoded, mask, compressed):
    folder = tmp_path / "any"
    path = add_coco(folder, ["a.png"], [("a.png", "Ulna", encoded(mask, compressed))],
                    size=mask.shape)  # fmt: skip
    sample = open_dataset(folder).train[0]
    assert sample.labels == path
    labels = read_labels(sample, ("Radius", "Ulna"))
    assert np.array_equal(class_mask(labels, "Ulna", mask.shape), mask)


def test_polygons_and_run_lengths_of_one_class_are_united(tmp_path, add_coco, encoded, masks):
    disc = masks["bone 3"]
    outline = [30.4, 10, 45, 10, 45, 20.4]
    add_coco(tmp_path, ["a.png"], [("a.png", "Ulna", encoded(disc)), ("a.png", "Ulna", [outline]),
                                   ("a.png", "Ulna", encoded(masks["bone 1"], False))])  # fmt: skip
    drawn = rasterise([np.array([[30, 10], [45, 10], [45, 20]], np.int32)], SIZE)
    labels = read_labels(open_dataset(tmp_path).train[0], ("Radius", "Ulna"))
    expected = drawn | disc | masks["bone 1"]
    assert np.array_equal(class_mask(labels, "Ulna", SIZE), expected)
    assert not class_mask(labels, "Radius", SIZE).any()


def test_classes_that_the_settings_call_unlabelled_are_unlabelled(tmp_path, add_coco):
    add_coco(tmp_path, ["a.png"], [("a.png", "Ulna", [[1, 1, 9, 1, 9, 9]])])
    (tmp_path / "dataset.toml").write_text('labelled = ["Ulna"]')
    dataset = open_dataset(tmp_path)
    assert read_labels(dataset.train[0], dataset.classes).labelled == (False, True)


def test_a_label_of_another_size_than_its_image_is_refused(tmp_path, add_coco, encoded, masks):
    from PIL import Image

    add_coco(tmp_path, ["a.png"], [("a.png", "Ulna", encoded(masks["bone 1"]))])
    Image.new("L", (80, 64)).save(tmp_path / "a.png")
    dataset = open_dataset(tmp_path)
    with pytest.raises(InputError, match=r"a\.png.*50 × 40"):
        label_runs(dataset.train[0], dataset.classes)


def test_a_file_that_changes_is_read_again(tmp_path, add_coco):
    path = add_coco(tmp_path, ["a.png"], [("a.png", "Ulna", [[1, 1, 9, 1, 9, 9]])])
    sample = open_dataset(tmp_path).train[0]
    assert "Ulna" in read_labels(sample, ("Ulna",)).polygons
    document = json.loads(path.read_text())
    document["annotations"] = []
    path.write_text(json.dumps(document))
    assert read_labels(sample, ("Ulna",)).drawn == ()
    document["images"][0]["id"] = 99
    path.write_text(json.dumps(document, indent=1))
    with pytest.raises(InputError, match="any more"):
        read_labels(sample, ("Ulna",))
