"""Cutting crops: images, labels and the manifest."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from handseg.crops import cut_crops, is_current, plan_crops
from handseg.data.crop_manifest import read_manifest
from handseg.data.dataset import open_dataset
from handseg.data.images import read_image
from handseg.data.labels import class_mask, read_polygons
from handseg.errors import InputError

BOX = [[10, 10], [40, 12], [38, 35], [12, 33]]
TRIANGLE = [[30, 20], [70, 5], [60, 55]]


@pytest.fixture
def cut(tmp_path):
    """Cuts a region of the data set in `root` to `tmp_path/out`."""

    def run(root, region="wrist", progress=lambda done, total, note="": None, source="f"):
        dataset = open_dataset(root)
        planned = plan_crops(dataset.train, dataset.classes, region)
        out = tmp_path / "out" / region
        cut_crops(out, region, planned, dataset.classes, source, progress)
        return out

    return run


@pytest.fixture
def cut_windows(tmp_path):
    """Cuts the wrists of samples, as the data set's settings say, to `tmp_path/out`."""

    def run(dataset, samples):
        planned = plan_crops(samples, dataset.classes, "wrist", regions=dataset.regions)
        return cut_crops(tmp_path / "out", "wrist", planned, dataset.classes, "f").crops

    return run


@pytest.mark.parametrize("region", ["wrist", "fingertip"])
def test_image_and_every_mask_of_a_crop_are_cut_outs_of_the_whole(cut, phantom_folder, region):
    out = cut(phantom_folder, region)
    dataset = open_dataset(phantom_folder)
    sources = {sample.image_name: sample for sample in dataset.train}
    manifest = read_manifest(out)
    assert len(manifest.crops) == len(dataset.train) * (5 if region == "fingertip" else 1)
    for crop in manifest.crops[::3]:
        left, top, right, bottom = crop.window
        source = sources[crop.source]
        image = read_image(source.image)
        assert np.array_equal(read_image(out / crop.image), image[top:bottom, left:right])
        whole = read_polygons(source.labels, dataset.classes)
        part = read_polygons(out / crop.labels, dataset.classes)
        size = (bottom - top, right - left)
        for name in dataset.classes:
            expected = class_mask(whole, name, image.shape)[top:bottom, left:right]
            assert np.array_equal(class_mask(part, name, size), expected), (crop.image, name)


def test_bones_at_the_window_are_clipped_and_not_dropped(cut, tmp_path, add_hand):
    add_hand(tmp_path / "data", polygons=[("Lunate", BOX), ("Ulna", TRIANGLE), ("Ulna", BOX)])
    out = cut(tmp_path / "data")
    (crop,) = read_manifest(out).crops
    labels = read_polygons(out / crop.labels, open_dataset(tmp_path / "data").classes)
    assert set(labels.polygons) == {"Lunate", "Ulna"}
    left, top, right, bottom = crop.window
    assert right < 70
    for polygon in labels.polygons["Ulna"]:
        assert (polygon >= 0).all()
        assert (polygon < (right - left, bottom - top)).all()


def test_a_crop_lies_under_its_person_and_a_label_has_the_layouts_schema(cut, tmp_path, add_hand):
    add_hand(tmp_path / "data", "ID007/b.1_R", [("finger-1", BOX), ("finger-4", BOX)])
    out = cut(tmp_path / "data", "fingertip")
    crops = read_manifest(out).crops
    stems = ["ID007/b.1_R-finger-1", "ID007/b.1_R-finger-4"]
    assert [crop.image for crop in crops] == [f"DCM/{stem}.png" for stem in stems]
    assert [crop.labels for crop in crops] == [f"outputs_json/{stem}.json" for stem in stems]
    document = json.loads((out / crops[0].labels).read_text())
    assert document["filename"] == "b.1_R-finger-1.png"
    assert document["metadata"] == {"height": 60, "width": 62}
    assert set(document["annotations"][0]) == {"id", "type", "attributes", "points", "label"}


@pytest.mark.parametrize("labelled", [["Lunate", "Ulna"], ["Ulna"], []])
def test_what_was_labelled_travels_into_the_crop(cut, tmp_path, add_hand, labelled):
    add_hand(tmp_path / "data", polygons=[("Lunate", BOX)], labelled=labelled)
    out = cut(tmp_path / "data")
    classes = open_dataset(tmp_path / "data").classes
    (crop,) = read_manifest(out).crops
    told = read_polygons(out / crop.labels, classes).labelled
    assert [name for name, known in zip(classes, told, strict=True) if known] == labelled


def test_crops_are_current_while_source_region_and_files_are_the_same(cut, phantom_folder):
    out = cut(phantom_folder, source="one")
    assert is_current(out, "wrist", "one")
    assert not is_current(out, "wrist", "two")
    assert not is_current(out, "fingertip", "one")
    assert not is_current(out.parent / "nothing", "wrist", "one")


def lose_an_image(out):
    next(out.rglob("ID*/*.png")).unlink()


def lose_a_label(out):
    next(out.rglob("ID*/*.json")).unlink()


def truncate_an_image(out):
    path = next(out.rglob("ID*/*.png"))
    path.write_bytes(path.read_bytes()[:100])


def lose_the_manifest(out):
    (out / "manifest.json").unlink()


def garble_the_manifest(out):
    (out / "manifest.json").write_text('{"crops": [1]}')


@pytest.mark.parametrize(
    "harm",
    [lose_an_image, lose_a_label, truncate_an_image, lose_the_manifest, garble_the_manifest],
)
def test_a_half_deleted_or_damaged_folder_is_not_current(cut, phantom_folder, harm):
    out = cut(phantom_folder)
    harm(out)
    assert not is_current(out, "wrist", "f")


def test_an_interruption_leaves_nothing(cut, tmp_path, phantom_folder):
    def interrupt(done, total, note=""):
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cut(phantom_folder, progress=interrupt)
    assert not list(tmp_path.iterdir())


def test_an_interruption_leaves_the_crops_that_were_there(cut, tmp_path, phantom_folder):
    def interrupt(done, total, note=""):
        raise KeyboardInterrupt

    out = cut(phantom_folder)
    before = (out / "manifest.json").read_text()
    with pytest.raises(KeyboardInterrupt):
        cut(phantom_folder, progress=interrupt, source="another")
    assert (out / "manifest.json").read_text() == before
    assert is_current(out, "wrist", "f")
    assert [path.name for path in out.parent.iterdir()] == ["wrist"]


def test_an_unreadable_image_is_named_and_leaves_nothing(cut, tmp_path, add_hand):
    image = add_hand(tmp_path / "data", polygons=[("Lunate", BOX)])
    image.write_bytes(image.read_bytes()[:1000])
    with pytest.raises(InputError, match=image.name):
        cut(tmp_path / "data")
    assert not Path(tmp_path / "out").exists()


def test_no_two_crops_share_a_file(cut_windows, tmp_path, add_hand):
    """People told by a pattern have images of one name in two folders, windows several classes."""
    for person in ("ID001", "ID002"):
        add_hand(tmp_path / "data", f"{person}/x", [("Lunate", BOX), ("Ulna", TRIANGLE)])
    settings = [
        'person = "ID"',
        'regions.wrist = [["Lunate", "Capitate"], ["Ulna", "Radius"]]',
    ]
    (tmp_path / "data/dataset.toml").write_text("\n".join(settings))
    dataset = open_dataset(tmp_path / "data")
    assert {sample.person for sample in dataset.train} == {"ID"}
    crops = cut_windows(dataset, dataset.train)
    assert len({crop.image for crop in crops}) == len({crop.labels for crop in crops}) == 4
    assert [crop.person for crop in crops] == ["ID"] * 4


def test_a_crop_of_whatever_person_stays_in_its_folder(cut_windows, tmp_path, add_hand):
    add_hand(tmp_path / "data", polygons=[("Lunate", BOX)])
    dataset = open_dataset(tmp_path / "data")
    hostile = [replace(sample, person="../../../away") for sample in dataset.train]
    (crop,) = cut_windows(dataset, hostile)
    assert crop.person == "../../../away"
    assert (tmp_path / "out" / crop.image).resolve().is_relative_to(tmp_path / "out/DCM")
    assert (tmp_path / "out" / crop.labels).is_file()
    assert {path.name for path in tmp_path.iterdir()} == {"data", "out"}
