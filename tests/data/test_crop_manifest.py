"""The manifest of crops, and crops as training samples."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from handseg.crops import cut_crops, plan_crops
from handseg.data import images
from handseg.data.crop_manifest import crop_samples, crop_source, read_manifest, region_folder
from handseg.data.dataset import open_dataset
from handseg.data.fingerprint import fingerprint, sample_files
from handseg.data.images import read_image
from handseg.data.labels import read_polygons
from handseg.errors import InputError


@pytest.fixture
def dataset(workplace):
    return open_dataset(Path("data"))


@pytest.fixture
def source(dataset):
    return fingerprint(sample_files(dataset.train), dataset.root)


@pytest.fixture
def wrists(dataset, source):
    """The wrist crops of the phantoms; gives their folder."""
    planned = plan_crops(dataset.train, dataset.classes, "wrist")
    folder = region_folder(dataset, "wrist")
    cut_crops(folder, "wrist", planned, dataset.classes, source)
    return folder


def refusal(dataset, source, regions=("wrist",)):
    with pytest.raises(InputError) as caught:
        crop_samples(dataset, regions, source)
    assert any(
        hint.startswith(f"handseg crop --regions {','.join(regions)} --data data")
        for hint in caught.value.hints
    )
    return str(caught.value)


def test_a_manifest_names_source_person_and_window_of_every_crop(dataset, wrists, source):
    manifest = read_manifest(wrists)
    assert (manifest.region, manifest.source_fingerprint) == ("wrist", source)
    assert [crop.source for crop in manifest.crops] == [s.image_name for s in dataset.train]
    assert [crop.person for crop in manifest.crops] == [s.person for s in dataset.train]
    for crop in manifest.crops:
        left, top, right, bottom = crop.window
        assert 0 <= left < right <= 192
        assert 0 <= top < bottom <= 192


def test_crops_are_labelled_training_samples_of_their_people(dataset, wrists, source):
    samples = crop_samples(dataset, ["wrist"], source)
    assert [sample.person for sample in samples] == [sample.person for sample in dataset.train]
    assert {sample.split for sample in samples} == {"train"}
    for sample in samples:
        assert sample.image.exists()
        assert "Capitate" in read_polygons(sample.labels, dataset.classes).polygons


def test_no_regions_are_no_crops(dataset):
    assert crop_samples(dataset, [], "x") == ()


def test_missing_crops_say_the_command_that_makes_them(dataset, wrists, source):
    assert "no fingertip crops" in refusal(dataset, source, ("wrist", "fingertip"))


def test_crops_of_other_labels_are_stale(dataset, wrists):
    assert "other images or labels" in refusal(dataset, "another fingerprint")


def test_half_deleted_and_changed_crops_are_refused(dataset, wrists, source):
    label = sorted(wrists.rglob("ID*/*.json"))[0]
    content = label.read_text()
    label.write_text(content.replace("Lunate", "Hamate"))
    assert "wrist crops" in refusal(dataset, source)
    label.unlink()
    assert "wrist crops" in refusal(dataset, source)
    label.write_text(content)
    assert crop_samples(dataset, ["wrist"], source)


@pytest.mark.parametrize(
    "change",
    [
        "{",
        "[]",
        '{"version": 1}',
        {"crops": 5},
        {"crops": [{"image": "a"}]},
        {"margin": "much"},
        {"version": 0},
        {"crops": [7]},
    ],
)
def test_a_manifest_at_fault_is_refused_by_name(dataset, wrists, source, change):
    path = wrists / "manifest.json"
    if isinstance(change, dict):
        change = json.dumps(json.loads(path.read_text()) | change)
    path.write_text(change)
    assert "manifest.json" in refusal(dataset, source)


@pytest.mark.parametrize("setting", ['labelled = ["Lunate"]', "labelled = []", "classes = {some}"])
def test_crops_made_when_other_classes_counted_are_stale(dataset, wrists, source, setting):
    """Their labels say that every class of then was labelled: what was added would be absent."""
    some = json.dumps([*dataset.classes, "Sesamoid"])
    Path("data/dataset.toml").write_text(setting.replace("{some}", some))
    assert "other images or labels" in refusal(open_dataset(Path("data")), source)


def test_crops_are_of_the_people_that_the_data_set_tells_now(dataset, wrists, source):
    Path("data/dataset.toml").write_text('person = "ID00"')
    samples = crop_samples(open_dataset(Path("data")), ["wrist"], source)
    assert {sample.person for sample in samples} == {"ID00"}


def test_crops_of_pixels_that_are_read_otherwise_are_stale(dataset, wrists, source, monkeypatch):
    image = dataset.train[0].image
    Image.fromarray(read_image(image).astype(np.uint16) * 16).save(image)
    source = fingerprint(sample_files(dataset.train), dataset.root)
    with monkeypatch.context() as old:
        old.setattr(images, "PIXEL_VERSION", 1)
        cut_crops(wrists, "wrist", plan_crops(dataset.train, dataset.classes, "wrist"),
                  dataset.classes, crop_source(dataset, "wrist", source))  # fmt: skip
        assert crop_samples(dataset, ["wrist"], source)
    assert "pixels read otherwise" in refusal(dataset, source)
