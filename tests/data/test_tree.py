"""Images in folders of people, and trees of DICOM files."""

import gzip
import json
import shlex

import numpy as np
import pytest
from PIL import Image

from handseg.check.dataset import listing_findings
from handseg.data.dataset import open_dataset
from handseg.data.flat import PREVIEW
from handseg.errors import InputError

pytest.importorskip("pydicom")


def write_dicom(path, patient, pixels=True):
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, generate_uid

    path.parent.mkdir(parents=True, exist_ok=True)
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.1.1"
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = Dataset()
    dataset.file_meta = meta
    dataset.PatientID = patient
    if pixels:
        dataset.Rows, dataset.Columns = 6, 8
        dataset.BitsAllocated = dataset.BitsStored = 8
        dataset.HighBit, dataset.PixelRepresentation, dataset.SamplesPerPixel = 7, 0, 1
        dataset.PhotometricInterpretation = "MONOCHROME2"
        dataset.PixelData = np.full((6, 8), 90, np.uint8).tobytes()
    dataset.save_as(path, enforce_file_format=True)


def test_an_archive_of_dicom_is_read_with_its_patients_and_labels(tmp_path):
    write_dicom(tmp_path / "PA000001/ST1/SE1/IM000001", "P17")
    write_dicom(tmp_path / "PA000001/ST2/SE1/IM000001", "P17")
    write_dicom(tmp_path / "PA000002/ST1/SE1/IM000001", "P18")
    write_dicom(tmp_path / "PA000002/ST1/SE2/IM000001", "P18", pixels=False)
    (tmp_path / "DICOMDIR").write_bytes(bytes(128) + b"DICM")
    label = tmp_path / "PA000001/ST1/SE1/IM000001.json"
    label.write_text(json.dumps({"annotations": []}))
    dataset = open_dataset(tmp_path)
    assert dataset.layout == "tree"
    assert [one.image_name for one in dataset.train] == [
        "PA000001/ST1/SE1/IM000001",
        "PA000001/ST2/SE1/IM000001",
        "PA000002/ST1/SE1/IM000001",
    ]
    assert len({one.person for one in dataset.train}) == 2
    assert dataset.train[0].person == dataset.train[1].person
    assert [one.labels for one in dataset.train] == [label, None, None]
    found = [one for one in listing_findings(dataset) if "holds no image" in one.reason]
    assert [(one.severity, one.detail) for one in found] == [
        ("warning", "PA000002/ST1/SE2/IM000001")
    ]


def test_folders_of_pictures_are_read_when_the_line_that_is_offered_was_typed(tmp_path):
    root = tmp_path / "my hands"
    for name in ("P1/left.png", "P1/right.png", "P2/left.png"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((6, 8), 90, np.uint8)).save(root / name)
    with pytest.raises(InputError) as caught:
        open_dataset(root)
    assert "3 PNG files in P1, P2" in caught.value.details
    line = next(hint for hint in caught.value.hints if hint.startswith("echo"))
    _, text, _, path, *_ = shlex.split(line, comments=True)
    assert path == str(root / "dataset.toml")
    (root / "dataset.toml").write_text(text)
    assert [(one.image_name, one.person) for one in open_dataset(root).train] == [
        ("P1/left.png", "P1"),
        ("P1/right.png", "P1"),
        ("P2/left.png", "P2"),
    ]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("annotations.xml", "<annotations><version>1.1</version>", "CVAT's XML"),
        ("export.json", '[{"from_name": "a", "to_name": "b"}]', "Label Studio's JSON"),
        ("via.json", '{"a": {"regions": [{"shape_attributes": {}}]}}', "is VIA's JSON"),
        ("labels/a.txt", "0 0.1 0.2 0.3 0.4 0.5 0.6\n", "is YOLO's"),
        ("c.json", '{"images": [{"file_name": "a"}]}'.encode("utf-16"), "is COCO in UTF-16"),
        ("c.json.gz", gzip.compress(b'{"images": [{"file_name": "a"}]}'), "gunzip it"),
        ("masks/a.npy", "", "masks as arrays are not read"),
        ("masks.zip", "", "unpack masks.zip"),
        ("project.json", '[{"annotations": [{"completed_by": 1}]}]', 'choose Export, "COCO"'),
    ],
)
def test_what_is_seen_in_a_folder_without_a_data_set_is_named(tmp_path, name, content, words):
    (tmp_path / "pictures").mkdir()
    Image.fromarray(np.full((6, 8), 90, np.uint8)).save(tmp_path / "pictures/a.bmp")
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError) as caught:
        open_dataset(tmp_path)
    assert "1 BMP" in caught.value.details
    assert words in "\n".join(caught.value.hints)
    assert f"handseg check {tmp_path}/pictures" in "\n".join(caught.value.hints)


def test_a_damaged_image_in_a_tree_stays_one_that_check_names(tmp_path):
    write_dicom(tmp_path / "P1/S1/a.dcm", "P17")
    write_dicom(tmp_path / "P1/S2/a.dcm", "P18")
    damaged = tmp_path / "P1/S2/a.dcm"
    damaged.write_bytes(b"x" * 500)
    dataset = open_dataset(tmp_path)
    assert (len(dataset.train), dataset.left_out) == (2, ())


def test_names_of_folders_that_tell_people_are_said(tmp_path):
    for name in ("ID001/S1/a.dcm", "ID002/S1/a.dcm"):
        write_dicom(tmp_path / name, "P17")
    dataset = open_dataset(tmp_path)
    assert {one.person for one in dataset.train} == {"ID001", "ID002"}
    assert "people are told by the names of files and folders" in dataset.recognised


def picture(path, label=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((6, 8), 90, np.uint8)).save(path)
    if label is not None:
        path.with_suffix(".json").write_text(label)


def test_previews_among_dicom_are_left_out_once_and_read_when_asked(tmp_path):
    write_dicom(tmp_path / "P1/S1/a.dcm", "P17")
    (tmp_path / "P1/S1/a.json").write_text('{"annotations": []}')
    picture(tmp_path / "P1/S1/a.png")
    picture(tmp_path / "P1/previews/b.jpg")
    dataset = open_dataset(tmp_path)
    assert [one.image_name for one in dataset.train] == ["a.dcm"]
    found = [one for one in listing_findings(dataset) if one.severity == "warning"]
    assert [(one.reason, one.detail) for one in found] == [
        (PREVIEW, "P1/S1/a.png"),
        (PREVIEW, "P1/previews/b.jpg"),
    ]
    (note,) = [one for one in dataset.notes if one.startswith("2 pictures")]
    (tmp_path / "dataset.toml").write_text(note.split(":  ")[1].rstrip(")"))
    dataset = open_dataset(tmp_path)
    assert (len(dataset.train), len({one.person for one in dataset.train})) == (3, 1)


def test_a_labelled_picture_is_of_the_patient_of_the_dicom_files_nearest_to_it(tmp_path):
    write_dicom(tmp_path / "ward/x/S1/a.dcm", "P17")
    write_dicom(tmp_path / "ward/y/S1/a.dcm", "P18")
    picture(tmp_path / "ward/y/png/b.png", '{"annotations": []}')
    picture(tmp_path / "ward/c.png", '{"annotations": []}')
    of = {one.image.name: one for one in open_dataset(tmp_path).train}
    assert (of["b.png"].patient, of["c.png"].patient) == ("P18", None)
    assert of["b.png"].person.startswith("P-")


def test_folders_that_are_links_are_read_as_others_are(tmp_path):
    write_dicom(tmp_path / "elsewhere/S1/a.dcm", "P17")
    write_dicom(tmp_path / "data/P1/S2/b.dcm", "P18")
    (tmp_path / "data/P2").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "data/P2/S1/back").symlink_to(tmp_path / "data")
    names = [one.image_name for one in open_dataset(tmp_path / "data").train]
    assert sorted(names) == ["a.dcm", "b.dcm"]


def test_folders_of_masks_are_offered_as_no_images(tmp_path):
    for name in ("pictures/a.png", "labels/a.png"):
        (tmp_path / name).parent.mkdir()
        Image.fromarray(np.full((6, 8), 90, np.uint8)).save(tmp_path / name)
    with pytest.raises(InputError) as caught:
        open_dataset(tmp_path)
    check, masks, *_ = caught.value.hints
    assert check.startswith(f"handseg check {tmp_path}/pictures ")
    assert "those in labels as COCO" in masks


def test_a_data_set_two_levels_down_is_named(tmp_path, add_hand):
    add_hand(tmp_path / "download/hands")
    with pytest.raises(InputError) as caught:
        open_dataset(tmp_path)
    assert f"handseg check {tmp_path}/download/hands" in caught.value.hints[0]
