"""Whose images are whose: pseudonyms of DICOM headers, copies, sides, published splits."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from handseg.check.dataset import NO_SPLIT, listing_findings
from handseg.cli.main import application
from handseg.data.dataset import open_dataset
from handseg.data.folds import fold_count, load_or_make_folds, save_folds
from handseg.data.people import metadata_of
from handseg.errors import InputError
from handseg.phantom.writing import write_phantoms

SECRETS = ("GEHEIM", "Secret^Name", "19480229", "ACC4711", "Insel Hospital")
RECIPE = """schema = 1
[model]
library = "smp"
architecture = "unet"
encoder = "resnet18"
weights = "none"
[data]
size = 64
workers = 0
[train]
epochs = 1
batch_size = 2
[validate]
every_epochs = 1
"""


def add(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((6, 8), 90, np.uint8)).save(path)
    return folder


def write_folds(folder, folds):
    """As an earlier version did."""
    value = {"version": 1, "k": 2, "seed": 0, "method": "shuffled people", "folds": folds}
    (folder / "folds.json").write_text(json.dumps(value))


def people(folder):
    return {one.image_name: one.person for one in open_dataset(folder).train}


@pytest.fixture(scope="module")
def phantoms(tmp_path_factory):
    folder = tmp_path_factory.mktemp("phantoms") / "data"
    write_phantoms(folder, people=4, size=96, seed=1)
    return folder


@pytest.fixture
def hospital(tmp_path, phantoms):
    """DICOM files of two patients, with labels beside them and every tag that tells a person."""
    pydicom = pytest.importorskip("pydicom")
    folder = tmp_path / "hospital"
    folder.mkdir()
    for number, image in enumerate(sorted(phantoms.glob("train/DCM/*/*.png"))):
        pixels = np.asarray(Image.open(image).convert("L"))
        meta = pydicom.dataset.FileMetaDataset()
        meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.1.1"
        meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid()
        meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
        header = pydicom.dataset.Dataset()
        header.file_meta = meta
        header.PatientID = f"GEHEIM{number // 2}"
        header.PatientName, header.PatientBirthDate = "Secret^Name", "19480229"
        header.AccessionNumber, header.InstitutionName = "ACC4711", "Insel Hospital"
        header.Rows, header.Columns = pixels.shape
        header.BitsAllocated = header.BitsStored = 8
        header.HighBit, header.PixelRepresentation, header.SamplesPerPixel = 7, 0, 1
        header.PhotometricInterpretation = "MONOCHROME2"
        header.PixelData = pixels.tobytes()
        header.save_as(folder / f"{number}.dcm", enforce_file_format=True)
        label = phantoms / "train/outputs_json" / image.parent.name / f"{image.stem}.json"
        shutil.copy(label, folder / f"{number}.json")
    return folder


def test_no_command_writes_or_says_what_a_header_tells_of_a_patient(
    tmp_path, hospital, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.toml").write_text(RECIPE)
    commands = [
        "check hospital -v",
        "check hospital --json",
        "stats --data hospital --html stats.html",
        "folds --data hospital --json",
        "crop --data hospital",
        "train tiny.toml --data hospital --no-progress",
        "predict last --data hospital --split val",
        "score last:val --data hospital --by person",
        "convert hospital --to handbone --split train --with-images --out handbone",
        "convert hospital --to coco --split train --out coco.json",
    ]
    said = ""
    for line in commands:
        done = CliRunner().invoke(application(), line.split())
        assert done.exit_code == 0, (line, done.stderr)
        said += done.stdout + done.stderr
    written = list(tmp_path.rglob("*"))
    for secret in SECRETS:
        assert secret not in said
        for path in written:
            assert secret not in path.name
            if path.is_file() and path.suffix != ".dcm":
                assert secret.encode() not in path.read_bytes(), path
    assert len(list((tmp_path / "handbone/train/DCM").iterdir())) == 3
    assert not list((tmp_path / "handbone").rglob("*.dcm"))
    assert (hospital / "people.key").stat().st_mode & 0o777 == 0o600


def test_pseudonyms_last_and_another_key_gives_others(hospital):
    before = people(hospital)
    assert set(before.values()) == set(people(hospital).values())
    assert all(name.startswith("P-") for name in before.values())
    (hospital / "people.key").unlink()
    assert set(before.values()).isdisjoint(people(hospital).values())


def test_a_key_that_folds_were_made_with_is_asked_back_when_it_is_gone(hospital):
    save_folds(load_or_make_folds(open_dataset(hospital)))
    before = people(hospital)
    key = (hospital / "people.key").rename(hospital.parent / "saved.key")
    with pytest.raises(InputError, match=r"people\.key is gone") as caught:
        open_dataset(hospital)
    assert "bring the old one back" in caught.value.hints[0]
    assert not (hospital / "people.key").exists()
    key.rename(hospital / "people.key")
    assert people(hospital) == before


def test_metadata_is_joined_by_the_ids_of_the_headers(hospital):
    import pandas as pd

    table = pd.DataFrame({"ID": ["GEHEIM0", "GEHEIM1"], "Age": [34, 71]})
    table.to_excel(hospital / "meta_data.xlsx", index=False)
    dataset = open_dataset(hospital)
    ages = {name: facts["age"] for name, facts in metadata_of(dataset).people.items()}
    whose = people(hospital)
    assert ages == {whose["0.dcm"]: 34.0, whose["2.dcm"]: 71.0}


def test_ids_stay_plain_where_the_settings_say_so(hospital):
    (hospital / "dataset.toml").write_text('people = "plain"\n')
    assert people(hospital)["0.dcm"] == "GEHEIM0"
    assert not (hospital / "people.key").exists()


def test_folds_with_plain_ids_are_obeyed_and_that_is_said(hospital):
    folds = {"GEHEIM0": 0, "GEHEIM1": 1, "GEHEIM2": 1}
    text = json.dumps(
        {"version": 1, "k": 2, "seed": 0, "method": "shuffled people", "folds": folds}
    )
    (hospital / "folds.json").write_text(text)
    dataset = open_dataset(hospital)
    assert {one.person for one in dataset.train} == set(folds)
    assert "patients' ids as DICOM headers have them, and is obeyed" in dataset.recognised
    assert not (hospital / "people.key").exists()


def test_folds_in_which_every_image_is_a_person_are_obeyed(tmp_path):
    add(tmp_path, "hand1_L.png", "hand1_R.png")
    folds = {"hand1_L": 0, "hand1_R": 1}
    text = json.dumps(
        {"version": 1, "k": 2, "seed": 0, "method": "shuffled people", "folds": folds}
    )
    (tmp_path / "folds.json").write_text(text)
    dataset = open_dataset(tmp_path)
    assert {one.person for one in dataset.train} == set(folds)
    assert "an image for a person, and is obeyed" in dataset.recognised


@pytest.mark.parametrize(
    "names",
    [
        ("h1_png.rf.0a1b2c3d4e5f60718293a4b5c6d7e8f9.jpg", "h1_png.rf.Zz1b2c3d4e5f6071.jpg"),
        ("h1.png", "h1_png.rf.0a1b2c3d4e5f60718293a4b5c6d7e8f9.jpg"),
        ("0a1b2c3d-h1.png", "ffb2c3d4-h1.png"),
        ("h1_L.png", "h1_R.png"),
        ("h1-left.png", "h1_png.rf.0a1b2c3d4e5f60718293a4b5c6d7e8f9.jpg"),
    ],
)
def test_copies_of_an_exporter_and_the_sides_of_a_name_are_one_person(tmp_path, names):
    add(tmp_path, *names, "h2.png", "20121201-h1.png")
    whose = people(tmp_path)
    assert {whose[name] for name in names} == {"h1"}
    assert {whose["h2.png"], whose["20121201-h1.png"]} == {"h2", "20121201-h1"}


def test_a_published_validation_split_is_held_out_when_asked(tmp_path):
    add(tmp_path, "train/a.png", "train/b.png", "val/c.png", "test/d.png")
    offered = open_dataset(tmp_path).recognised
    assert 'validation = "published"' in offered
    (tmp_path / "dataset.toml").write_text('validation = "published"\n')
    dataset = open_dataset(tmp_path)
    assert "published for validation" not in dataset.recognised
    file = save_folds(load_or_make_folds(dataset))
    assert json.loads(file.path.read_text())["version"] == 2
    again = load_or_make_folds(dataset).folds
    assert (again.k, again.folds) == (1, {"a": None, "b": None, "c": 0})
    training, validation = again.split(dataset.train, 0)
    assert [one.image_name for one in training] == ["a.png", "b.png"]
    assert [one.image_name for one in validation] == ["c.png"]
    assert fold_count(dataset) == 1


def test_a_person_on_both_sides_of_a_published_split_is_refused(tmp_path):
    add(tmp_path, "train/h1_L.png", "train/b.png", "val/h1_R.png")
    (tmp_path / "dataset.toml").write_text('validation = "published"\n')
    with pytest.raises(InputError, match="1 person"):
        load_or_make_folds(open_dataset(tmp_path))


def test_folds_of_one_s_own_do_not_pass_for_the_published_split(tmp_path):
    add(tmp_path, "train/a.png", "train/b.png", "val/c.png")
    save_folds(load_or_make_folds(open_dataset(tmp_path)))
    (tmp_path / "dataset.toml").write_text('validation = "published"\n')
    with pytest.raises(InputError, match="asks for the published split") as caught:
        load_or_make_folds(open_dataset(tmp_path))
    assert "handseg folds --force" in caught.value.hints[0]


def test_no_published_split_is_said(tmp_path):
    add(tmp_path, "train/a.png", "train/b.png")
    (tmp_path / "dataset.toml").write_text('validation = "published"\n')
    with pytest.raises(InputError, match="no published validation split"):
        load_or_make_folds(open_dataset(tmp_path))


def test_a_further_data_set_of_a_patient_who_is_validated_on_is_refused(tmp_path, hospital):
    """Told by the header: the keys, the names and the pixels of the two sets differ."""
    from handseg.recipe.load import load_recipe
    from handseg.train.data import find_data

    other = tmp_path / "other"
    shutil.copytree(hospital, other)
    for path in [*other.glob("*.dcm"), *other.glob("*.json")]:
        content = path.read_bytes()
        path.rename(path.with_name(f"again {path.name}")).write_bytes(content + b" ")
    (tmp_path / "tiny.toml").write_text(RECIPE)
    sets = [f"data.extra=['{other}']"]
    with pytest.raises(InputError, match="images of patients who are validated on"):
        find_data(load_recipe(str(tmp_path / "tiny.toml"), sets), hospital, write_folds=False)


def test_the_one_fold_of_a_published_split_is_all_folds(tmp_path, phantoms):
    for number, image in enumerate(sorted(phantoms.glob("train/DCM/*/*.png"))):
        folder = tmp_path / "data" / ("val" if number < 2 else "train")
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(image, folder / f"ID{number // 2}_{number}.png")
        label = phantoms / "train/outputs_json" / image.parent.name / f"{image.stem}.json"
        shutil.copy(label, folder / f"ID{number // 2}_{number}.json")
    (tmp_path / "data/dataset.toml").write_text('validation = "published"\n')
    (tmp_path / "tiny.toml").write_text(RECIPE)
    words = [sys.executable, "-m", "handseg", "train", "tiny.toml", "--fold", "all"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "runs").glob("*/predictions/val.csv"))) == 1


def test_a_person_of_a_coco_set_is_one_in_all_of_its_splits(tmp_path):
    for split, name in (("train", "h1_L.png"), ("valid", "h1_R.png"), ("train", "h2.png")):
        add(tmp_path, f"{split}/{name}")
    for split, names in (("train", ["h1_L.png", "h2.png"]), ("valid", ["h1_R.png"])):
        images = [
            {"id": number, "file_name": name, "height": 6, "width": 8}
            for number, name in enumerate(names)
        ]
        document = {"images": images, "annotations": [], "categories": [{"id": 1, "name": "Ulna"}]}
        (tmp_path / split / "_annotations.coco.json").write_text(json.dumps(document))
    assert sorted(people(tmp_path).values()) == ["h1", "h1", "h2"]
    (tmp_path / "dataset.toml").write_text('validation = "published"\n')
    dataset = open_dataset(tmp_path)
    with pytest.raises(InputError, match="1 person"):
        load_or_make_folds(dataset)
    assert [one.severity for one in listing_findings(dataset) if one.reason == NO_SPLIT] == [
        "error"
    ]
