"""Dice of a submission for each image and class."""

import math

import numpy as np
import pytest

from handseg import rle
from handseg.data.labels import SampleLabels
from handseg.errors import InputError
from handseg.rle.submission import read_submission, write_submission
from handseg.score.dice import Scores, mean_of_classes, score_submission, worst_first


def pixel_dice(a, b):
    return (2 * (a & b).sum() + 1e-4) / (a.sum() + b.sum() + 1e-4)


@pytest.fixture
def pair(tmp_path):
    """Three images of two classes, predicted and true, with their submission and labels."""
    generator = np.random.default_rng(1)
    predicted, true = generator.integers(0, 2, (2, 3, 2, 12, 10), dtype=np.uint8)
    rows = [
        (f"{image}.png", cls, rle.from_mask(predicted[image, column]))
        for image in (2, 0, 1)
        for column, cls in ((1, "y"), (0, "x"))
    ]
    labels = {
        f"{image}.png": SampleLabels(
            (12, 10), tuple(rle.from_mask(mask) for mask in true[image]), (True, True)
        )
        for image in range(3)
    }
    submission = read_submission(write_submission(tmp_path / "a.csv", rows, {}))
    return predicted, true, submission, labels


def test_dice_is_that_of_the_pixels_for_each_image_and_class(pair):
    predicted, true, submission, labels = pair
    scores = score_submission(submission, labels, ("x", "y"))
    expected = [[pixel_dice(predicted[i, c], true[i, c]) for c in (0, 1)] for i in range(3)]
    assert scores.images == ("0.png", "1.png", "2.png")
    np.testing.assert_allclose(scores.dice, expected, rtol=1e-12)
    assert scores.by_class() == pytest.approx(
        dict(zip(("x", "y"), np.mean(expected, axis=0), strict=True))
    )
    assert scores.mean() == pytest.approx(np.mean(expected))


def test_a_missing_row_is_an_empty_mask(pair):
    _, true, submission, labels = pair
    scores = score_submission(submission, {"new.png": labels["0.png"]}, ("x", "y"))
    expected = [1e-4 / (mask.sum() + 1e-4) for mask in true[0]]
    np.testing.assert_allclose(scores.dice, [expected], rtol=1e-9)


def test_both_empty_is_a_dice_of_one(tmp_path):
    submission = read_submission(write_submission(tmp_path / "a.csv", [], {}))
    labels = {"a": SampleLabels((2, 2), (rle.empty(),), (True,))}
    assert score_submission(submission, labels, ("x",)).dice.tolist() == [[1.0]]


def test_an_unlabelled_class_is_left_out_of_every_mean():
    dice = np.array([[0.5, np.nan, np.nan], [0.7, 0.2, np.nan]])
    scores = Scores(("a", "b"), ("x", "y", "z"), dice)
    by_class = scores.by_class()
    assert (by_class["x"], by_class["y"]) == pytest.approx((0.6, 0.2))
    assert math.isnan(by_class["z"])
    assert scores.mean() == pytest.approx(0.4)
    assert scores.worst_class() == "y"


def test_where_nothing_is_labelled_there_is_no_mean():
    scores = Scores(("a",), ("x",), np.array([[np.nan]]))
    assert math.isnan(scores.mean())
    assert scores.worst_class() is None


def test_a_run_past_the_labelled_image_is_refused(tmp_path):
    rows = [("a", "x", rle.parse("4 2"))]
    submission = read_submission(write_submission(tmp_path / "a.csv", rows, {}))
    labels = {"a": SampleLabels((2, 2), (rle.empty(),), (True,))}
    with pytest.raises(InputError, match=r"a\.csv, line 2, a, x: a run ends at pixel 5"):
        score_submission(submission, labels, ("x",))


def test_a_class_without_a_dice_is_neither_worst_nor_in_the_mean():
    by_class = {"a": 0.75, "unlabelled": math.nan, "b": 0.25}
    assert worst_first(by_class) == [("b", 0.25), ("a", 0.75)]
    assert mean_of_classes(by_class) == 0.5
    assert math.isnan(mean_of_classes({"unlabelled": math.nan}))
