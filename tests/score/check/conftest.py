"""Phantom hands as masks, and CSVs of them written by hand."""

import cv2
import numpy as np
import pytest

from handseg import rle
from handseg.anatomy import BONES
from handseg.data.phantom import make_polygons
from handseg.score.check import check_submission, open_to_check

SIZE = 512


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
