"""A tiny data set in the competition's layout, made by hand, and submissions of any masks."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from handseg import rle
from handseg.data.dataset import open_dataset
from handseg.rle.submission import read_submission, write_submission
from handseg.score.ground_truth import GroundTruth, images_to_score, read_truth
from handseg.score.scoring import ScoredSubmission, score_submission

SIZE = 64


def square(left, top, side):
    """A polygon of side + 1 pixels a side, as cv2.fillPoly draws it with its boundary."""
    return [[left, top], [left + side, top], [left + side, top + side], [left, top + side]]


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """No test leaves anything in the folder that the tests run in."""
    monkeypatch.setenv("HANDSEG_CACHE", str(tmp_path / "cache"))


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


@pytest.fixture
def submission(tmp_path):
    """Writes masks uint8 [images, classes, H, W] or (image, class, runs) rows as a submission."""

    def make(masks, name="a.csv", bones=None, **sidecar):
        rows = masks if isinstance(masks, list) else rows_of(masks, bones)
        if not isinstance(masks, list):
            sizes = {f"{image}.png": list(masks.shape[2:]) for image in range(len(masks))}
            sidecar = {"images": sizes, **sidecar}
        return read_submission(write_submission(tmp_path / name, rows, sidecar))

    return make


@pytest.fixture
def judged(submission):
    """Scores masks against label masks by metrics, as `--labels CSV` does."""

    def judge(predicted, true, metrics=("dice",), classes=None, name="a.csv"):
        labels = submission(true, f"labels_of_{name}", classes)
        truth = read_truth(labels.path, Path("nowhere"))
        ours = submission(predicted, name, classes)
        return score_submission(ours, truth, images_to_score(ours, truth), metrics)

    return judge


def rows_of(masks, bones):
    for image, planes in enumerate(masks):
        names = bones or [f"bone-{place}" for place in range(len(planes))]
        for cls, mask in zip(names, planes, strict=True):
            yield f"{image}.png", cls, rle.from_mask(mask)


@pytest.fixture
def made_up(submission):
    """A scored submission with the Dice that one gives it: float [images, classes]."""

    def make(dice, name="a.csv", classes=("x", "y", "z"), people=None, images=None):
        dice = np.array(dice, dtype=float)
        images = tuple(images or (f"{row}.png" for row in range(len(dice))))
        rows = [(image, cls, rle.empty()) for image in images for cls in classes]
        one = submission(rows, name)
        owners = dict(zip(images, people or images, strict=True))
        truth = GroundTruth(one, tuple(classes), owners)
        return ScoredSubmission(one, truth, images, ~np.isnan(dice), {"dice": dice})

    return make
