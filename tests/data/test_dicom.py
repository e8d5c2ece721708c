"""DICOM radiographs; most are those that pydicom ships for its own tests."""

import contextlib
import re
import shutil
import sys
import zlib
from pathlib import Path

import numpy as np
import pydicom
import pydicom.data
import pytest
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    SecondaryCaptureImageStorage,
)

from handseg.data.dataset import open_dataset
from handseg.data.dicom import is_dicom, truncation
from handseg.data.images import image_header, image_size, read_image
from handseg.errors import FailedError, InputError

SHIPPED = Path(pydicom.data.__file__).parent / "test_files"
WITHOUT_SUFFIX = SHIPPED / "dicomdirtests/98892003/MR700/4648"


@pytest.fixture
def dicom(tmp_path):
    """Writes grey pixels as a DICOM file with the elements given."""

    def write(pixels, name="a.dcm", syntax=ExplicitVRLittleEndian, **elements):
        meta = FileMetaDataset()
        meta.TransferSyntaxUID = syntax
        meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
        meta.MediaStorageSOPInstanceUID = "1.2.3"
        made = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
        signed = pixels.dtype.kind == "i"
        bits = 8 * pixels.dtype.itemsize
        made.SOPClassUID, made.SOPInstanceUID = SecondaryCaptureImageStorage, "1.2.3"
        made.Rows, made.Columns = pixels.shape[-2:]
        made.SamplesPerPixel, made.PhotometricInterpretation = 1, "MONOCHROME2"
        made.BitsAllocated = made.BitsStored = bits
        made.HighBit, made.PixelRepresentation = bits - 1, int(signed)
        if pixels.ndim == 3:
            made.NumberOfFrames = len(pixels)
        made.PixelData = pixels.tobytes()
        for key, value in elements.items():
            setattr(made, key, value)
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        made.save_as(path, enforce_file_format=True)
        return path

    return write


@pytest.fixture
def ramp():
    return np.arange(0, 4000, 4, dtype=np.uint16).reshape(20, 50)


@pytest.mark.parametrize(
    "name",
    [
        "MR_small_RLE.dcm",
        "MR_small_jp2klossless.dcm",
        "MR_small_jpeg_ls_lossless.dcm",
        "MR_small_bigendian.dcm",
        "MR_small_implicit.dcm",
        "MR_small_padded.dcm",
    ],
)
def test_every_compression_of_one_image_gives_the_same_pixels(name):
    plain = read_image(SHIPPED / "MR_small.dcm")
    assert plain.shape == image_size(SHIPPED / name) == (64, 64)
    assert np.array_equal(read_image(SHIPPED / name), plain)


def test_the_shipped_window_of_signed_16_bit_is_applied_by_the_standard_s_formula():
    path = SHIPPED / "MR_small.dcm"
    stored = pydicom.dcmread(path)
    assert (stored.PixelRepresentation, stored.BitsAllocated) == (1, 16)
    centre, width = float(stored.WindowCenter), float(stored.WindowWidth)
    share = (stored.pixel_array - (centre - 0.5)) / (width - 1) + 0.5
    assert np.array_equal(read_image(path), np.rint(share.clip(0, 1) * 255).astype(np.uint8))


def test_negative_values_after_the_rescale_survive_without_a_window():
    stored = pydicom.dcmread(SHIPPED / "CT_small.dcm")
    assert (stored.RescaleIntercept, "WindowCenter" in stored) == (-1024, False)
    read = read_image(SHIPPED / "CT_small.dcm")
    assert (read.min(), read.max()) == (0, 255)
    order = np.argsort(stored.pixel_array, axis=None)
    assert (np.diff(read.reshape(-1)[order].astype(int)) >= 0).all()


@pytest.mark.parametrize(
    ("several", "alone"),
    [
        ("SC_rgb_rle_2frame.dcm", "SC_rgb_rle.dcm"),
        ("SC_rgb_rle_16bit_2frame.dcm", "SC_rgb_rle_16bit.dcm"),
        ("rtdose.dcm", "rtdose_1frame.dcm"),
        ("rtdose_rle.dcm", "rtdose_rle_1frame.dcm"),
    ],
)
def test_of_several_frames_the_first_is_read(several, alone):
    assert int(pydicom.dcmread(SHIPPED / several).NumberOfFrames) > 1
    assert np.array_equal(read_image(SHIPPED / several), read_image(SHIPPED / alone))


@pytest.mark.parametrize(
    "name", ["SC_rgb_jpeg_gdcm.dcm", "SC_rgb_rle_16bit.dcm", "SC_rgb_rle_32bit.dcm",
             "SC_ybr_full_422_uncompressed.dcm", "SC_rgb_jls_lossy_line.dcm"]
)  # fmt: skip
def test_colours_become_luminance_whatever_their_depth_and_compression(name):
    expected = read_image(SHIPPED / "SC_rgb_dcmtk_+eb+cr.dcm").astype(int)
    assert abs(read_image(SHIPPED / name) - expected).mean() < 3


def test_every_shipped_file_is_read_or_refused_by_name():
    refused: list[str] = []
    for path in sorted(SHIPPED.rglob("*.dcm")):
        with contextlib.suppress(InputError):
            assert read_image(path).shape == image_size(path)
            continue
        with pytest.raises(InputError, match=re.escape(path.name)):
            read_image(path)
        refused.append(path.name)
    holding_images = [name for name in refused if name.startswith(("J", "MR", "SC", "CT"))]
    # 12 bits of lossy JPEG, fragments that no index tells apart, pixels that are cut off.
    assert holding_images == [
        "JPEG-lossy.dcm",
        "JPEG2000-embedded-sequence-delimiter.dcm",
        "JPGExtended.dcm",
        "MR_truncated.dcm",
    ]


def test_a_file_without_a_suffix_is_known_by_its_first_bytes(tmp_path):
    assert is_dicom(WITHOUT_SUFFIX)
    assert not is_dicom(SHIPPED / "README.txt")
    folder = tmp_path / "train/DCM/ID001"
    folder.mkdir(parents=True)
    for name in ("4648", "1.2.840.55", "1.2.840.56"):
        shutil.copy(WITHOUT_SUFFIX, folder / name)
    (folder / "notes").write_text("no image")
    label = tmp_path / "train/outputs_json/ID001/1.2.840.55.json"
    label.parent.mkdir(parents=True)
    label.write_text('{"annotations": []}')
    found = {one.image_name: one.labels for one in open_dataset(tmp_path).train}
    assert found == {"4648": None, "1.2.840.55": label, "1.2.840.56": None}
    assert read_image(folder / "4648").shape == image_size(WITHOUT_SUFFIX)


def test_monochrome1_is_inverted(dicom, ramp):
    bright = read_image(dicom(ramp))
    assert (bright[0, 0], bright[-1, -1]) == (0, 255)
    path = dicom(ramp, PhotometricInterpretation="MONOCHROME1")
    assert np.array_equal(read_image(path), 255 - bright)


def test_a_shipped_file_said_to_be_monochrome1_is_inverted(tmp_path):
    content = (SHIPPED / "MR_small_RLE.dcm").read_bytes()
    assert content.count(b"MONOCHROME2") == 1
    (tmp_path / "a.dcm").write_bytes(content.replace(b"MONOCHROME2", b"MONOCHROME1"))
    assert np.array_equal(
        read_image(tmp_path / "a.dcm"), 255 - read_image(SHIPPED / "MR_small_RLE.dcm")
    )


def test_windows_of_all_three_kinds_and_the_first_of_several(dicom, ramp):
    linear = read_image(dicom(ramp, WindowCenter=2000, WindowWidth=1001))
    assert linear.reshape(-1)[[374, 375, 625, 626]].tolist() == [0, 0, 255, 255]
    exact = read_image(dicom(ramp, WindowCenter=2000, WindowWidth=1000,
                             VOILUTFunction="LINEAR_EXACT"))  # fmt: skip
    assert exact.reshape(-1)[[375, 500, 625]].tolist() == [0, 128, 255]
    sigmoid = read_image(dicom(ramp, WindowCenter=2000, WindowWidth=1000,
                               VOILUTFunction="SIGMOID"))  # fmt: skip
    assert sigmoid.reshape(-1)[500] == 128
    several = read_image(dicom(ramp, WindowCenter=[2000, 7], WindowWidth=[1001, 3]))
    assert np.array_equal(several, linear)


def test_rescaling_comes_before_the_window(dicom, ramp):
    plain = read_image(dicom(ramp, WindowCenter=2000, WindowWidth=1001))
    path = dicom(ramp, RescaleSlope=2, RescaleIntercept=-1000, WindowCenter=3000, WindowWidth=2001)
    assert abs(read_image(path).astype(int) - plain).max() <= 1


def test_a_window_that_is_none_is_not_used(dicom, ramp):
    expected = read_image(dicom(ramp))
    for width in (0, -5):
        assert np.array_equal(read_image(dicom(ramp, WindowCenter=5, WindowWidth=width)), expected)


def test_a_data_set_says_which_files_have_several_frames_and_tells_people_apart(dicom, ramp):
    dicom(ramp, "data/1.dcm", PatientID="P 7")
    dicom(np.stack([ramp, ramp]), "data/2.dcm", PatientID="P 7")
    folder = dicom(ramp, "data/3.dcm", PatientID="P 8").parent
    dataset = open_dataset(folder)
    one, same, other = (sample.person for sample in dataset.train)
    assert one == same != other
    assert "1 DICOM file has several frames, the first is taken: 2.dcm" in dataset.recognised


def test_a_header_that_says_more_than_any_radiograph_is_refused_before_decoding(dicom, ramp):
    path = dicom(ramp, Rows=65535, Columns=65535)
    for read in (image_size, read_image):
        with pytest.raises(InputError, match="larger than any radiograph"):
            read(path)


@pytest.mark.parametrize(
    ("name", "marker", "at"),
    [
        ("SC_rgb_jpeg_gdcm.dcm", b"\xff\xc3", 5),
        ("MR_small_jpeg_ls_lossless.dcm", b"\xff\xf7", 5),
        ("MR_small_jp2klossless.dcm", b"\xff\x4f\xff\x51", 8),
    ],
)
def test_a_compressed_stream_that_says_another_size_is_refused_undecoded(
    tmp_path, name, marker, at
):
    content = bytearray((SHIPPED / name).read_bytes())
    place = content.index(marker) + at
    content[place : place + 4] = b"\x7f\xff\x7f\xff"
    (tmp_path / "a.dcm").write_bytes(content)
    with pytest.raises(InputError, match=r"a\.dcm") as caught:
        read_image(tmp_path / "a.dcm")
    assert "the header says" in caught.value.details


def test_a_deflated_bomb_is_refused(dicom, ramp):
    path = dicom(ramp, syntax=DeflatedExplicitVRLittleEndian)
    assert read_image(path).shape == (20, 50)
    content = path.read_bytes()
    meta = 144 + int.from_bytes(content[140:144], "little")
    deflater = zlib.compressobj(1, zlib.DEFLATED, -15)
    part = deflater.compress(bytes(1 << 24)) + deflater.flush(zlib.Z_FULL_FLUSH)
    path.write_bytes(content[:meta] + part * 80)
    with pytest.raises(InputError, match="inflates to more"):
        image_size(path)


def test_damaged_files_are_read_or_refused(tmp_path):
    rng = np.random.default_rng(5)
    path = tmp_path / "a.dcm"
    for name in ("MR_small_RLE.dcm", "CT_small.dcm", "image_dfl.dcm", "SC_rgb_jpeg_gdcm.dcm"):
        content = bytearray((SHIPPED / name).read_bytes())
        for _ in range(25):
            damaged = content.copy()
            for place in rng.integers(0, min(len(content), 2500), 4):
                damaged[place] = rng.integers(0, 256)
            path.write_bytes(damaged[: rng.integers(100, len(damaged) + 1)])
            for read in (read_image, image_size):
                with contextlib.suppress(InputError):
                    read(path)


def test_without_pydicom_the_line_that_installs_it_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "pydicom", None)
    with pytest.raises(FailedError) as caught:
        image_size(SHIPPED / "CT_small.dcm")
    assert caught.value.hints == ("pip install 'handseg[dicom]'",)


def test_what_only_a_licence_keeps_us_from_decoding_says_how_to_go_on():
    with pytest.raises(InputError) as caught:
        read_image(SHIPPED / "JPGExtended.dcm")
    assert "12-bit" in caught.value.details
    assert any("gdcmconv --raw" in hint for hint in caught.value.hints)


def test_a_report_among_the_images_does_not_keep_the_others_from_being_listed(tmp_path):
    for name in ("CT_small.dcm", "rtplan.dcm"):
        shutil.copy(SHIPPED / name, tmp_path)
    names = [sample.image.name for sample in open_dataset(tmp_path).train]
    assert names == ["CT_small.dcm", "rtplan.dcm"]
    with pytest.raises(InputError, match="holds no image"):
        image_size(tmp_path / "rtplan.dcm")


def test_without_a_window_one_bright_pixel_does_not_set_the_scale(dicom):
    plain = np.random.default_rng(0).integers(200, 900, (100, 100)).astype(np.uint16)
    hot = plain.copy()
    hot[3, 3] = 65535
    expected, read = read_image(dicom(plain)), read_image(dicom(hot))
    assert (expected.min(), expected.max(), read[3, 3]) == (0, 255, 255)
    assert np.array_equal(np.delete(read, 303), np.delete(expected, 303))


@pytest.mark.parametrize("kind", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("window", [{}, {"WindowCenter": 500, "WindowWidth": 500}])
def test_padding_is_black_and_sets_no_scale(dicom, kind, window):
    pixels = np.random.default_rng(0).integers(200, 900, (100, 100)).astype(np.int16)
    bare = read_image(dicom(pixels[:, :60], PhotometricInterpretation=kind, **window))
    pixels[:, 60:] = -2000
    padded = {"PixelPaddingValue": -2000, "PhotometricInterpretation": kind, **window}
    read = read_image(dicom(pixels, **padded))
    assert np.array_equal(read[:, :60], bare)
    assert not read[:, 60:].any()
    pixels[50:, 60:] = -1990
    assert np.array_equal(read_image(dicom(pixels, PixelPaddingRangeLimit=-1990, **padded)), read)


def test_eight_bits_without_a_window_are_read_as_a_screen_shows_them(dicom):
    dark = np.arange(30, 90, dtype=np.uint8).reshape(6, 10)
    assert np.array_equal(read_image(dicom(dark)), dark)
    assert read_image(dicom(dark, RescaleSlope=2, RescaleIntercept=-60)).max() == 255


def test_colours_of_twelve_bits_are_read_by_the_bits_that_are_said_to_be_stored(dicom):
    grey = np.arange(0, 1000, 10, dtype=np.uint16).reshape(10, 10)
    colours = np.stack([grey] * 3, -1).tobytes()
    path = dicom(grey, SamplesPerPixel=3, PhotometricInterpretation="RGB", PlanarConfiguration=0,
                 BitsStored=12, HighBit=11, PixelData=colours)  # fmt: skip
    assert abs(read_image(path).astype(int) - (grey >> 4)).max() <= 1


def test_whether_a_file_says_what_is_white_is_known(dicom, ramp):
    windowed = dicom(ramp, WindowCenter=500, WindowWidth=500)
    assert not image_header(windowed).is_guessed
    assert image_header(dicom(ramp)).is_guessed
    assert not image_header(dicom((ramp >> 4).astype(np.uint8))).is_guessed
    assert not image_header(SHIPPED / "SC_rgb_rle_16bit.dcm").is_guessed


def test_a_header_without_pixels_is_no_image(dicom, ramp):

    path = dicom(ramp)
    header = pydicom.dcmread(path)
    del header.PixelData
    header.save_as(path)
    with pytest.raises(InputError, match="holds no image"):
        image_size(path)


def test_pixels_that_are_cut_off_are_known_without_decoding(dicom):
    pixels = np.arange(1 << 14, dtype=np.uint16).reshape(128, 128)
    path = dicom(pixels)
    assert truncation(path) == ""
    path.write_bytes(path.read_bytes()[:-4096])
    assert truncation(path).startswith("truncated")
    for whole in sorted(SHIPPED.glob("*.dcm")):
        with contextlib.suppress(InputError):
            read_image(whole)
            assert truncation(whole) == ""


def test_no_shipped_file_is_more_than_refused():
    """Of pydicom's own test files many are damaged in ways of their own."""
    for path in sorted(SHIPPED.glob("*.dcm")):
        with contextlib.suppress(InputError):
            image_header(path)
        with contextlib.suppress(InputError):
            assert isinstance(truncation(path), str)
