"""Small masks as a submission and as a COCO document."""

import json

import numpy as np
import pytest

from handseg import rle
from handseg.formats.masks import Place, format_named
from handseg.formats.submission import masks_of
from handseg.rle.submission import read_submission, write_submission


@pytest.fixture
def bar():
    """uint8 [3, 5]: its first run wraps, its last ends at the last pixel."""
    return np.array([[0, 0, 0, 0, 0], [0, 1, 1, 1, 1], [1, 1, 0, 0, 1]], np.uint8)


@pytest.fixture
def bars(tmp_path, bar):
    """a.csv of two images and two classes; the bar is the Ulna of the first, all else is empty."""
    grid = [(image, cls) for image in ("i.png", "j.png") for cls in ("Ulna", "Radius")]
    masks = {("i.png", "Ulna"): rle.from_mask(bar)}
    return write_submission(
        tmp_path / "a.csv",
        [(*key, masks.get(key, rle.empty())) for key in grid],
        {
            "images": {"i.png": [3, 5], "j.png": [3, 5]},
            "classes": ["Ulna", "Radius"],
            "trained_people": ["ID001"],
            "fold": 0,
        },
    )


@pytest.fixture
def write_coco(tmp_path):
    """Writes a COCO document of one image of 3 × 5 pixels and one category; gives its path."""

    def write(*segmentations, **parts):
        document = {
            "images": [{"id": 7, "file_name": "i.png", "height": 3, "width": 5}],
            "categories": [{"id": 3, "name": "Ulna"}],
            "annotations": [
                {"id": number, "image_id": 7, "category_id": 3, "segmentation": segmentation}
                for number, segmentation in enumerate(segmentations)
            ],
            **parts,
        }
        path = tmp_path / "coco.json"
        path.write_text(json.dumps(document))
        return path

    return write


@pytest.fixture(params=["labelme", "handbone"])
def name(request):
    """Each of the two schemas of polygon files."""
    return request.param


@pytest.fixture
def folder(bars, tmp_path, name):
    """The bar of i.png and three empty masks as polygon files."""
    submission = read_submission(bars)
    masks = masks_of(submission, submission.sizes)
    return format_named(name).write(Place(tmp_path, "", tmp_path / "made"), masks)
