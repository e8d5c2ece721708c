"""A tiny data set in the competition's layout, made by hand."""

import json

import numpy as np
import pytest
from PIL import Image

from handseg.data.dataset import open_dataset

SIZE = 64


def square(left, top, side):
    """A polygon of side + 1 pixels a side, as cv2.fillPoly draws it with its boundary."""
    return [[left, top], [left + side, top], [left + side, top + side], [left, top + side]]


@pytest.fixture
def data(tmp_path):
    """Two training images and a test image of three people; Ulna and Radius are drawn.

    The label of the test image lies under test/outputs_json.
    """
    root = tmp_path / "data"
    for split, person in (("train", "ID001"), ("train", "ID002"), ("test", "ID003")):
        name = f"image_{person}_R"
        image = root / split / "DCM" / person / f"{name}.png"
        label = root / split / "outputs_json" / person / f"{name}.json"
        for path in (image, label):
            path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((SIZE, SIZE), 99, np.uint8)).save(image)
        annotations = [
            {"id": "1", "type": "poly_seg", "label": "Ulna", "points": square(8, 8, 15)},
            {"id": "2", "type": "poly_seg", "label": "Radius", "points": square(30, 8, 15)},
        ]
        label.write_text(json.dumps({"annotations": annotations}))
    return root


@pytest.fixture
def dataset(data):
    return open_dataset(data)
