"""Hands of phantoms as labels measure them, without radiographs."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from handseg.anatomy import BONES
from handseg.data.phantom import make_polygons

SIDE = 256


@pytest.fixture(scope="session")
def phantom_labels():
    """Twenty hands of ten people: for each its polygons by bone, as lists of points."""
    return [
        {
            bone: parts[0].tolist()
            for bone, parts in make_polygons(SIDE, 777, person=person, side=side).items()
        }
        for person in range(10)
        for side in ("right", "left")
    ]


@pytest.fixture
def data(tmp_path: Path, phantom_labels) -> Path:
    """A data set of these hands, the last two people's as test images."""
    root = tmp_path / "data"
    for number, polygons in enumerate(phantom_labels):
        split = "test" if number >= 16 else "train"
        hand_on_disk(root, f"ID{number // 2:03d}/image{number:02d}", polygons, split, number)
    return root


def hand_on_disk(root, place, polygons, split="train", number=0, side=SIDE):
    """One image and its label; gives both paths. Each number has an image of its own."""
    image = root / split / "DCM" / f"{place}.png"
    label = root / split / "outputs_json" / f"{place}.json"
    for path in (image, label):
        path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.zeros((side, side), np.uint8)
    pixels[number::9] = 90
    Image.fromarray(pixels).save(image)
    label_on_disk(label, [(bone, polygons[bone]) for bone in BONES])
    return image, label


def label_on_disk(path, polygons):
    entries = [{"label": name, "points": points} for name, points in polygons]
    path.write_text(json.dumps({"annotations": entries}))


@pytest.fixture
def write_hand():
    """Writes one image and its label to a data set."""
    return hand_on_disk


@pytest.fixture
def write_label():
    """Writes a label of pairs of class and points."""
    return label_on_disk
