"""Hands of phantoms: as labels without radiographs, as masks, and CSVs of them written by hand."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from handseg import rle
from handseg.anatomy import BONES
from handseg.check.submission import check_submission, open_to_check
from handseg.phantom.phantom import make_polygons

SIDE = 256
"""Pixels of the hands with labels."""
SIZE = 512
"""Pixels of the hands as masks."""


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """No test leaves anything in the folder that the tests run in."""
    monkeypatch.setenv("HANDSEG_CACHE", str(tmp_path / "cache"))


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


def hand(seed, side):
    """The masks of a phantom's bones, every third with a bent wrist."""
    polygons = make_polygons(SIZE, seed, side=side, person=seed, bent=seed % 3 == 0)
    masks = {}
    for bone in BONES:
        mask = np.zeros((SIZE, SIZE), np.uint8)
        for polygon in polygons.get(bone, ()):
            cv2.fillPoly(mask, [polygon], 1)
        masks[bone] = rle.from_mask(mask)
    return masks


@pytest.fixture(scope="session")
def hands():
    """image -> bone -> runs, of 20 people; shared, never changed."""
    return {
        f"{seed:02d}_{side}.png": hand(seed, side)
        for seed in range(20)
        for side in ("left", "right")
    }


@pytest.fixture
def few(hands):
    """Six of the hands, to be changed."""
    return {image: dict(hands[image]) for image in list(hands)[:6]}


def rows_of(hands):
    return [
        (image, bone, rle.format(runs))
        for image, masks in hands.items()
        for bone, runs in masks.items()
    ]


@pytest.fixture
def write(tmp_path):
    """Writes rows (image, class, text), or hands, as they are to a CSV; gives its path."""

    def write(rows, name="a.csv"):
        rows = rows_of(rows) if isinstance(rows, dict) else rows
        path = tmp_path / name
        lines = ["image_name,class,rle", *(",".join(row) for row in rows)]
        path.write_text("\n".join(lines) + "\n")
        return path

    return write


@pytest.fixture
def look():
    """Checks a CSV; images are of 512 × 512 pixels where nobody says other."""

    def look(path, size=(SIZE, SIZE), **words):
        return check_submission(path, open_to_check(path), image_size=size, **words)

    return look


@pytest.fixture
def found(look):
    """The findings on a CSV as (severity, reason, place, detail)."""

    def found(path, *sizes, **words):
        checked = look(path, *sizes, **words)
        return [(one.severity, one.reason, one.place, one.detail) for one in checked.findings]

    return found
