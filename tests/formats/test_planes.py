"""A folder of PNG planes, as it is written, as others may change it, and as nobody should."""

import contextlib
import io
import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from handseg import rle
from handseg.errors import InputError
from handseg.formats.masks import FileNames, Place, is_plain, rows
from handseg.formats.png import PngFormat, png_of
from handseg.formats.submission import masks_of
from handseg.rle.submission import read_submission, write_submission

BITS = st.integers(0, 1)


def written(csv, path):
    submission = read_submission(csv)
    return PngFormat().write(Place(path.parent, "", path), masks_of(submission, submission.sizes))


@pytest.fixture
def planes(bars, tmp_path):
    return written(bars, tmp_path / "planes")


def change_index(folder, change):
    path = folder / "planes.json"
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


def files_in(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.*"))


def test_only_masks_that_are_not_empty_have_a_picture_of_one_bit(planes, bar):
    assert files_in(planes) == ["i/Ulna.png", "planes.json"]
    with Image.open(planes / "i/Ulna.png") as picture:
        assert (picture.mode, picture.size) == ("1", (5, 3))
        assert (np.asarray(picture) == bar).all()
    assert (planes / "i/Ulna.png").read_bytes()[24] == 1  # IHDR's bits of a sample


def test_reading_back_gives_sizes_names_and_empty_masks_too(planes):
    masks = PngFormat().read(planes)
    assert masks.images == {"i.png": (3, 5), "j.png": (3, 5)}
    assert masks.classes == ("Ulna", "Radius")
    assert [rle.format(runs) for _, _, runs in rows(masks)] == ["7 6 15 1", "", "", ""]
    assert masks.origin == {"fold": 0, "trained_people": ["ID001"]}


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P"])
def test_a_plane_that_another_tool_saved_in_colour_is_read(planes, bar, mode):
    Image.fromarray(bar * 255).convert(mode).save(planes / "i/Ulna.png")
    assert (rle.to_mask(PngFormat().read(planes).runs_of("i.png", "Ulna"), (3, 5)) == bar).all()


def test_a_plane_of_zeros_and_ones_is_read(planes, bar):
    Image.fromarray(bar).save(planes / "i/Ulna.png")
    assert (rle.to_mask(PngFormat().read(planes).runs_of("i.png", "Ulna"), (3, 5)) == bar).all()


def test_a_plane_of_sixteen_bits_is_read(planes, bar):
    Image.fromarray(bar.astype(np.uint16) * 65535).save(planes / "i/Ulna.png")
    assert (rle.to_mask(PngFormat().read(planes).runs_of("i.png", "Ulna"), (3, 5)) == bar).all()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda bar: np.stack([bar * 255, bar * 0, bar * 0], -1), "painted in colour"),
        (lambda bar: bar * 200, "has the values 0, 200"),
        (lambda bar: bar * 127 + 128, "has the values 128, 255"),
        (lambda bar: 255 - bar * 255, "white in all four corners"),
        (lambda bar: np.stack([bar * 0] * 3 + [bar * 255], -1), "transparent"),
    ],
)
def test_a_plane_that_is_no_mask_is_refused_by_name(planes, change, words):
    """It would come back empty, or as something that nobody drew."""
    bar = np.zeros((3, 5), np.uint8)
    bar[1, 1:4] = 1
    Image.fromarray(change(bar).astype(np.uint8)).save(planes / "i/Ulna.png")
    with pytest.raises(InputError, match=words) as caught:
        PngFormat().read(planes).runs_of("i.png", "Ulna")
    assert str(planes / "i/Ulna.png") in caught.value.message


def test_a_plane_that_exif_turns_is_refused(planes):
    tags = Image.Exif()
    tags[274] = 3
    with Image.open(planes / "i/Ulna.png") as picture:
        picture.copy().save(planes / "i/Ulna.png", exif=tags)
    with pytest.raises(InputError, match="EXIF orientation"):
        PngFormat().read(planes).runs_of("i.png", "Ulna")


def test_a_plane_that_was_painted_black_is_an_empty_mask(planes):
    Image.new("1", (5, 3)).save(planes / "i/Ulna.png")
    assert not len(PngFormat().read(planes).runs_of("i.png", "Ulna"))


def test_pictures_that_the_index_does_not_list_are_said(planes):
    Image.new("1", (5, 3), 1).save(planes / "i/Elbow.png")
    (planes / "i/ulna.TIF").write_bytes(b"another program's")
    masks = PngFormat().read(planes)
    left_out = "i/Elbow.png, i/ulna.TIF"
    assert masks.notes == (f"2 files that planes.json does not list left out: {left_out}",)


def test_a_plane_that_was_painted_where_no_mask_was_is_read(planes, bar):
    Image.fromarray(bar * 255).save(planes / "i/Radius.png")
    masks = PngFormat().read(planes)
    assert (rle.to_mask(masks.runs_of("i.png", "Radius"), (3, 5)) == bar).all()
    assert masks.notes == ()


def test_another_plane_is_another_sha256(planes):
    before = PngFormat().read(planes).sha256
    Image.new("1", (5, 3), 1).save(planes / "i/Ulna.png")
    assert PngFormat().read(planes).sha256 != before


def test_a_plane_that_is_missing_is_no_empty_mask(planes):
    (planes / "i/Ulna.png").unlink()
    with pytest.raises(InputError, match=r"Ulna\.png cannot be read"):
        PngFormat().read(planes)


@pytest.mark.parametrize(
    ("content", "said"), [(b"\x89PNG\r\n", "cannot be read"), (None, "has 4 × 3 pixels")]
)
def test_a_plane_that_is_damaged_or_of_another_size_is_an_error(planes, content, said):
    if content is None:
        Image.new("1", (4, 3)).save(planes / "i/Ulna.png")
    else:
        (planes / "i/Ulna.png").write_bytes(content)
    with pytest.raises(InputError, match=said):
        PngFormat().read(planes).runs_of("i.png", "Ulna")


def test_a_plane_that_is_cut_off_is_an_error(planes):
    data = (planes / "i/Ulna.png").read_bytes()
    (planes / "i/Ulna.png").write_bytes(data[:45])
    with pytest.raises(InputError, match=r"Ulna\.png cannot be read as an image"):
        PngFormat().read(planes).runs_of("i.png", "Ulna")


@pytest.mark.parametrize(
    "file",
    ["../secret.png", "/etc/passwd", "i/../../secret.png", "i\\Ulna.png", "C:/x.png", "i/", 5],
)
def test_no_path_leads_out_of_the_folder(planes, tmp_path, file):
    Image.new("1", (5, 3), 1).save(tmp_path / "secret.png")
    change_index(planes, lambda index: index["images"][0]["planes"].update(Ulna=file))
    with pytest.raises(InputError, match=r"expected folder/file\.png"):
        PngFormat().read(planes)


def test_no_link_leads_out_of_the_folder(planes, tmp_path):
    Image.new("1", (5, 3), 1).save(tmp_path / "secret.png")
    (planes / "i/Ulna.png").unlink()
    (planes / "i/Ulna.png").symlink_to(tmp_path / "secret.png")
    with pytest.raises(InputError, match="outside the folder"):
        PngFormat().read(planes)


def test_names_from_data_never_leave_the_folder_and_come_back(tmp_path):
    images = ["../up.png", "/root.png", "a/x.png", "b/x.png", "A_x.png", "con.png", ".png", "ü.png"]
    classes = ["../../evil", "NUL", "nul", "[red]x[/]", ".", "Ulna, left", "a" * 300]
    grid = [(image, cls, rle.parse("1 1")) for image in images for cls in classes]
    sizes = {"images": {image: [1, 1] for image in images}}
    csv = write_submission(tmp_path / "in/a.csv", grid, sizes)
    folder = written(csv, tmp_path / "out/planes")
    files = [path for path in tmp_path.rglob("*.png") if path.is_file()]
    assert len(files) == len(grid)
    assert len({str(path).lower() for path in files}) == len(grid)
    assert all(path.parent.parent == folder for path in files)
    assert not {"con", "nul", "..", ""} & {path.stem.lower() for path in files}
    back = [(image, cls, rle.format(runs)) for image, cls, runs in rows(PngFormat().read(folder))]
    assert back == [(image, cls, "1 1") for image, cls, _ in grid]


@given(st.lists(st.text(), unique=True, max_size=8))
def test_every_name_has_a_plain_file_name_of_its_own(names):
    given_names = FileNames()
    files = [given_names.of(name) for name in names]
    assert len({file.lower() for file in files}) == len(names)
    assert all(is_plain(file) and file.isascii() and file[0] != "." for file in files)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda index: index.update(format="x"), "no index of planes"),
        (lambda index: index.update(v=2), "version 2"),
        (lambda index: index.update(v="1"), "version"),
        (lambda index: index.update(classes=None), "no list of classes"),
        (lambda index: index.update(classes=["Ulna", "Ulna"]), "class twice"),
        (lambda index: index.update(classes=["Ulna", 5]), "class 1 has no name"),
        (lambda index: index.update(classes=["Radius"]), "plane of the class 'Ulna'"),
        (lambda index: index.update(images=[]), "no images"),
        (lambda index: index.update(images=[5]), "no object"),
        (lambda index: index["images"][0].update(height=-1), "whole pixels"),
        (lambda index: index["images"][0].update(width=1 << 40), "images of up to"),
        (lambda index: index["images"][0].update(name="j.png"), "two images"),
        (lambda index: index["images"][0].update(planes=[]), "no object with"),
    ],
)
def test_an_index_at_fault_is_an_error(planes, change, said):
    change_index(planes, change)
    with pytest.raises(InputError, match=said) as caught:
        PngFormat().read(planes)
    assert "planes" in str(caught.value)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(
    st.sampled_from([("classes",), ("images", 0, "name"), ("images", 0, "planes", "Ulna")]),
    st.none() | st.integers() | st.text() | st.lists(st.text(), max_size=2),
)
def test_whatever_stands_in_the_index_is_read_or_refused(planes, way, value):
    before = (planes / "planes.json").read_text()

    def change(index):
        inner = index
        for step in way[:-1]:
            inner = inner[step]
        inner[way[-1]] = value

    change_index(planes, change)
    with contextlib.suppress(InputError):
        list(rows(PngFormat().read(planes)))
    (planes / "planes.json").write_text(before)


def test_what_was_not_labelled_is_no_empty_mask(bars, tmp_path):
    submission = read_submission(bars)
    masks = masks_of(submission, submission.sizes)
    partly = replace(masks, labelled={"j.png": frozenset({"Radius"})})
    folder = PngFormat().write(Place(tmp_path, "", tmp_path / "p"), partly)
    assert PngFormat().read(folder).labelled == partly.labelled


@given(arrays(np.uint8, st.tuples(st.integers(1, 20), st.integers(1, 20)), elements=BITS))
def test_pillow_and_cv2_read_what_is_written(mask):
    if not mask.any():
        return
    content = png_of(rle.from_mask(mask), mask.shape)
    with Image.open(io.BytesIO(content)) as picture:
        assert (np.asarray(picture) == mask).all()
    read = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    assert (read == 255 * mask).all()
