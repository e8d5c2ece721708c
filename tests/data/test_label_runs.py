"""Labels of a data set as run lengths: drawn once, kept, made anew where they must be."""

import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from handseg import rle
from handseg.data import label_runs as kept_labels
from handseg.data.dataset import open_dataset
from handseg.data.label_runs import cached_labels, label_file
from handseg.data.labels import label_runs
from handseg.errors import InputError

CLASSES = ("Radius", "Ulna", "finger-1")


@pytest.fixture
def dataset(tmp_path, add_hand, monkeypatch):
    """Two training images and a test image of three people; the Ulna is a square of 16 pixels."""
    monkeypatch.setenv("HANDSEG_CACHE", str(tmp_path / "cache"))
    ulna, radius = ([[x, 4], [x + 15, 4], [x + 15, 19], [x, 19]] for x in (4, 30))
    polygons = [("Ulna", ulna), ("Radius", radius)]
    for place, split in (("ID001/a", "train"), ("ID002/b", "train"), ("ID003/c", "test")):
        add_hand(tmp_path / "data", place, polygons, size=(64, 64), split=split)
    return open_dataset(tmp_path / "data")


@pytest.fixture
def drawn(monkeypatch):
    """The images whose labels were drawn, in order of time."""
    names = []

    def seen(sample, classes):
        names.append(sample.image_name)
        return label_runs(sample, classes)

    monkeypatch.setattr("handseg.data.label_runs.label_runs", seen)
    return names


def label_of(dataset, person):
    [sample] = [sample for sample in dataset.train if sample.person == person]
    return sample.labels


def test_the_submission_holds_every_mask_as_it_is_drawn(dataset):
    labels = label_file(dataset.train, dataset.classes).submission()
    for sample in dataset.train:
        expected = label_runs(sample, dataset.classes)
        assert labels.sizes[sample.image_name] == expected.size
        for cls, runs in zip(dataset.classes, expected.runs, strict=True):
            assert labels.runs(sample.image_name, cls).tolist() == runs.tolist()
    assert labels.keys() == [
        (sample.image_name, cls) for sample in dataset.train for cls in dataset.classes
    ]


def test_labels_are_drawn_once(dataset, drawn):
    first = label_file(dataset.train, CLASSES).submission()
    again = label_file(dataset.train, CLASSES).submission()
    assert first.path == again.path
    assert sorted(drawn) == [sample.image_name for sample in dataset.train]


@pytest.mark.parametrize("change", ["label", "size", "classes", "version"])
def test_what_has_changed_is_drawn_anew(dataset, change, monkeypatch):
    before = label_file(dataset.train, CLASSES).submission()
    classes = CLASSES
    if change == "label":
        path = label_of(dataset, "ID001")
        path.write_text(json.dumps({"annotations": []}))
    elif change == "size":
        Image.fromarray(np.zeros((64, 65), np.uint8)).save(dataset.train[0].image)
    elif change == "classes":
        classes = (*CLASSES, "finger-2")
    else:
        monkeypatch.setattr(kept_labels, "VERSION", 2)
    after = label_file(dataset.train, classes).submission()
    assert after.path != before.path
    if change == "label":
        assert not len(after.runs(dataset.train[0].image_name, "Ulna"))


@pytest.mark.parametrize("damage", ["cut", "changed", "no sidecar", "sidecar"])
def test_a_damaged_file_is_made_anew(dataset, drawn, damage):
    labels = label_file(dataset.train, CLASSES).submission()
    whole, sidecar = labels.path.read_bytes(), labels.path.with_name(labels.path.name + ".json")
    if damage == "cut":
        labels.path.write_bytes(whole[:-9])
    elif damage == "changed":
        labels.path.write_bytes(whole.replace(b"16", b"15", 1))
    elif damage == "no sidecar":
        sidecar.unlink()
    else:
        sidecar.write_text("{")
    file = label_file(dataset.train, CLASSES)
    assert file.read() is None
    assert len(file.submission()) == len(labels)
    assert labels.path.read_bytes() == whole
    assert len(drawn) == 2 * len(dataset.train)


def test_two_makers_at_once_both_get_the_whole(dataset):
    def make(_):
        return label_file(dataset.train, CLASSES).submission()

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(make, range(4)))
    assert {one.sha256 for one in found} == {found[0].sha256}
    assert {len(one) for one in found} == {len(dataset.train) * len(CLASSES)}


def test_of_a_partly_labelled_image_only_labelled_classes_have_rows(dataset):
    path = label_of(dataset, "ID001")
    document = json.loads(path.read_text())
    path.write_text(json.dumps({**document, "attributes": {"labelled": ["Ulna", "finger-1"]}}))
    labels = label_file(dataset.train, CLASSES).submission()
    one, two = (sample.image_name for sample in dataset.train)
    assert labels.sidecar["labelled"] == {one: ["Ulna", "finger-1"]}
    assert (one, "Radius") not in labels
    assert (one, "finger-1") in labels
    assert (two, "Radius") in labels


def test_a_label_at_fault_leaves_nothing_behind(dataset, tmp_path):
    label_of(dataset, "ID002").write_text("{")
    with pytest.raises(InputError, match="broken JSON"):
        label_file(dataset.train, CLASSES).submission()
    assert not list((tmp_path / "cache" / "labels").glob("*"))


def test_a_sample_without_a_label_has_none_to_draw(dataset):
    with pytest.raises(InputError, match="has no label"):
        label_file(dataset.test, CLASSES)


def test_an_image_is_not_read_beyond_its_header(dataset):
    image = dataset.train[0].image
    image.write_bytes(image.read_bytes()[:60])  # the header's chunk is whole, no pixel is
    runs = label_file(dataset.train, CLASSES).submission().runs(dataset.train[0].image_name, "Ulna")
    assert rle.area(runs) == 16 * 16


def partly_labelled(dataset):
    path = label_of(dataset, "ID001")
    document = json.loads(path.read_text())
    path.write_text(json.dumps({**document, "attributes": {"labelled": ["Ulna", "Radius"]}}))


def assert_as_drawn(labels, dataset):
    for one, sample in zip(labels, dataset.train, strict=True):
        expected = label_runs(sample, CLASSES)
        assert (one.size, one.labelled) == (expected.size, expected.labelled)
        for runs, others in zip(one.runs, expected.runs, strict=True):
            assert (runs.dtype, runs.shape) == (others.dtype, others.shape)
            assert np.array_equal(runs, others)


@pytest.fixture
def undrawn(monkeypatch):
    """Drawing a label is a failure of the test from now on."""

    def forbidden(sample, classes):
        raise AssertionError(f"{sample.image_name} was drawn")

    return lambda: monkeypatch.setattr("handseg.data.label_runs.label_runs", forbidden)


def test_labels_out_of_the_cache_are_those_that_are_drawn(dataset, undrawn):
    partly_labelled(dataset)
    assert_as_drawn(cached_labels(dataset.train, CLASSES), dataset)
    undrawn()
    again = cached_labels(dataset.train, CLASSES)
    assert_as_drawn(again, dataset)
    assert [one.labelled for one in again] == [(True, True, False), (True, True, True)]
    assert label_file(dataset.train, CLASSES).read() is not None


@pytest.mark.parametrize("fault", ["json", "missing", "no label", "image"])
def test_a_label_at_fault_is_refused_as_where_it_is_drawn(dataset, fault):
    samples = list(dataset.train)
    if fault == "no label":
        samples = list(dataset.test)
    elif fault == "image":
        samples[1].image.write_bytes(b"")
    elif fault == "json":
        samples[1].labels.write_text("{")
    else:
        samples[1].labels.unlink()
    with pytest.raises(InputError) as expected:
        [label_runs(sample, CLASSES) for sample in samples]
    with pytest.raises(InputError) as caught:
        cached_labels(samples, CLASSES)
    assert str(caught.value) == str(expected.value)
    assert caught.value.details == expected.value.details


def test_labels_are_drawn_all_the_same_where_the_cache_cannot_be_written(dataset, tmp_path):
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "labels").write_text("no folder")
    assert_as_drawn(cached_labels(dataset.train, CLASSES), dataset)


def test_the_labels_of_an_image_that_is_shown_turned_are_drawn_anew(dataset, drawn):
    cached_labels(dataset.train, CLASSES)
    image, tags = dataset.train[0].image, Image.Exif()
    tags[274] = 6
    with Image.open(image) as stored:
        stored.crop((0, 0, 64, 48)).save(image, exif=tags)
    drawn.clear()
    turned, _ = cached_labels(dataset.train, CLASSES)
    assert (turned.size, drawn) == ((64, 48), ["a.png", "b.png"])
