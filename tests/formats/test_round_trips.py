"""CSV to every format and back: the same bytes."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from handseg import rle
from handseg.data.masks import read_dataset_masks
from handseg.formats.coco import CocoFormat
from handseg.formats.handbone import HandboneFormat
from handseg.formats.labelme import LabelmeFormat
from handseg.formats.masks import Place, format_named, reader_for
from handseg.formats.png import PngFormat
from handseg.formats.submission import CsvFormat, masks_of
from handseg.registry import FORMATS
from handseg.rle.submission import read_submission, write_submission

IMAGES = ["007", "NA", "_", "a,b.png", 'say "i".png', "x/i.png", "y/i.png", "z\\i.png", "é.png"]
CLASSES = ["finger-1", "NaN", "Ulna, left", "_", "null", "[red]x[/]", "../Radius", "two\nlines"]


def masks_like(shape):
    pixels = arrays(np.uint8, shape, elements=st.integers(0, 1))
    return pixels | st.sampled_from([np.zeros(shape, np.uint8), np.ones(shape, np.uint8)])


@st.composite
def grids(draw):
    """Sizes of a few images, and (image, class, mask) for each image and class."""
    images = draw(st.lists(st.sampled_from(IMAGES), unique=True, min_size=1, max_size=3))
    classes = draw(st.lists(st.sampled_from(CLASSES), unique=True, min_size=1, max_size=3))
    sizes = {image: (draw(st.integers(1, 9)), draw(st.integers(1, 9))) for image in images}
    return sizes, [
        (image, cls, draw(masks_like(sizes[image]))) for image in images for cls in classes
    ]


@pytest.mark.parametrize(
    ("writer", "name"),
    [
        (CocoFormat(), "a.json"),
        (CocoFormat(compressed=False), "a.json"),
        (PngFormat(), "planes"),
        (LabelmeFormat(), "labelme"),
        (LabelmeFormat(masks=True), "labelme"),
        (HandboneFormat(), "handbone"),
    ],
)
@settings(deadline=None, max_examples=25)
@given(grid=grids(), unlabelled=st.integers(0, 3))
def test_a_csv_comes_back_byte_for_byte(writer, name, grid, unlabelled):
    sizes, masks = grid
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        rows = [(image, cls, rle.from_mask(mask)) for image, cls, mask in masks]
        fields = {"images": {image: list(size) for image, size in sizes.items()}}
        if 0 < unlabelled < len(rows):  # the first ones have no row: nobody labelled them
            fields["classes"] = list(dict.fromkeys(cls for _, cls, _ in rows))
            rows = rows[unlabelled:]
            fields["labelled"] = {i: [c for n, c, _ in rows if n == i] for i in sizes}
        csv = write_submission(root / "a.csv", rows, fields)
        made = writer.write(
            Place(root, "", root / "made" / name), masks_of(read_submission(csv), sizes)
        )
        reader = reader_for(made)
        assert reader is not None
        back = CsvFormat().write(Place(root, "", root / "back.csv"), reader.read(made))
        assert back.read_bytes() == csv.read_bytes()
        assert read_submission(back).sizes == sizes


def test_a_full_image_of_the_size_of_the_competition_comes_back(tmp_path):
    rows = [("i.png", "Ulna", rle.parse(f"1 {2048 * 2048}"))]
    csv = write_submission(tmp_path / "a.csv", rows, {"images": {"i.png": [2048, 2048]}})
    submission = read_submission(csv)
    for name in FORMATS:
        if name == "csv":
            continue
        made = format_named(name).write(
            Place(tmp_path, "", tmp_path / name), masks_of(submission, submission.sizes)
        )
        masks = reader_for(made).read(made)
        assert rle.format(masks.runs_of("i.png", "Ulna")) == f"1 {2048 * 2048}"


@pytest.mark.parametrize("to", ["coco", "png", "labelme", "handbone"])
def test_forty_classes_of_a_wide_image_come_back(tmp_path, to):
    rng = np.random.default_rng(1)
    rows = [("i.png", f"bone {n}", rle.from_mask(rng.random((20, 30)) < n / 39)) for n in range(40)]
    csv = write_submission(tmp_path / "a.csv", rows, {"images": {"i.png": [20, 30]}})
    submission = read_submission(csv)
    masks = masks_of(submission, submission.sizes)
    made = format_named(to).write(Place(tmp_path, "", tmp_path / "made"), masks)
    back = CsvFormat().write(Place(tmp_path, "", tmp_path / "b.csv"), reader_for(made).read(made))
    assert back.read_bytes() == csv.read_bytes()


@pytest.mark.parametrize("to", ["csv", "coco", "png", "labelme", "handbone"])
def test_labels_of_a_data_set_come_back_pixel_for_pixel(phantom_folder, tmp_path, to):
    labels = read_dataset_masks(phantom_folder)
    csv = CsvFormat().write(Place(tmp_path, "", tmp_path / "a.csv"), labels)
    made = format_named(to).write(Place(tmp_path, "", tmp_path / "made"), labels)
    reader = reader_for(made)
    masks = masks_of(read_submission(made), labels.images) if to == "csv" else reader.read(made)
    back = CsvFormat().write(Place(tmp_path, "", tmp_path / "b.csv"), masks)
    assert back.read_bytes() == csv.read_bytes()
