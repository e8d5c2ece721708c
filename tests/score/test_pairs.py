"""Dice inside the overlaps of bones against the same on pixels."""

from pathlib import Path

import numpy as np
import pytest

from handseg import anatomy
from handseg.score.ground_truth import GroundTruth, read_truth
from handseg.score.metrics import touching_pairs
from handseg.score.scoring import Comparison, report_rows, score_submission

CLASSES = ["x", "y", "z"]


def pixel_dice(a, b):
    if not a.any() and not b.any():
        return np.nan
    return (2 * (a & b).sum() + 1e-4) / (a.sum() + b.sum() + 1e-4)


@pytest.fixture
def masks():
    """Predicted and true masks of two images; z never meets x in the labels."""
    predicted, true = np.random.default_rng(3).integers(0, 2, (2, 2, 3, 12, 10), dtype=np.uint8)
    true[:, 2] &= 1 - true[:, 0]
    return predicted, true


def test_each_pair_and_each_image_have_the_dice_of_their_shared_pixels(judged, masks):
    predicted, true = masks
    scores = judged(predicted, true, ("dice", "overlap"), CLASSES).overlaps
    assert scores.pairs == (("x", "y"), ("y", "z"))
    for image in range(2):
        ours, theirs = predicted[image], true[image]
        expected = [
            pixel_dice(ours[a] & ours[b], theirs[a] & theirs[b]) for a, b in ((0, 1), (1, 2))
        ]
        np.testing.assert_allclose(scores.of_pairs[image], expected)
        twice = pixel_dice(ours.sum(axis=0) > 1, theirs.sum(axis=0) > 1)
        assert scores.of_images[image] == pytest.approx(twice)


def test_an_image_without_an_overlap_on_either_side_does_not_count(judged):
    true = np.zeros((2, 2, 6, 6), np.uint8)
    true[:, 0, 1:4, 1:4] = true[0, 1, 3:5, 3:5] = 1
    scores = judged(true, true, ("dice", "overlap"), ["x", "y"]).overlaps
    assert scores.of_images.tolist() == pytest.approx([1.0, np.nan], nan_ok=True)
    assert scores.by_pair()["x", "y"] == (1.0, 1)


def test_an_overlap_that_only_the_prediction_has_is_a_dice_of_nothing(judged):
    true = np.zeros((1, 2, 6, 6), np.uint8)
    true[0, 0, :3], true[0, 1, 3:] = 1, 1
    predicted = true.copy()
    predicted[0, 1, 2] = 1
    scores = judged(predicted, true, ("dice", "overlap"), ["finger-1", "finger-2"]).overlaps
    assert scores.by_pair()["finger-1", "finger-2"].dice == pytest.approx(0, abs=1e-4)


def test_the_bones_of_the_hand_have_the_pairs_of_the_anatomy(submission):
    labels = submission([])

    def pairs_of(truth):
        return touching_pairs(truth.labels, truth.classes, truth.class_of, ())

    assert pairs_of(GroundTruth(labels, anatomy.BONES)) == anatomy.NEIGHBOURS
    assert pairs_of(GroundTruth(labels, ("Radius", "Ulna", "ring"))) == (("Radius", "Ulna"),)


def test_a_pair_of_which_one_is_not_labelled_has_no_figure(submission, judged):
    masks = np.ones((1, 2, 4, 4), np.uint8)
    labels = submission(masks, "l.csv", ["Radius", "Ulna"], labelled={"0.png": ["Ulna"]})
    truth = read_truth(labels.path, Path("nowhere"))
    ours = submission(masks, "p.csv", ["Radius", "Ulna"])
    scores = score_submission(ours, truth, ("0.png",), ("dice", "overlap")).overlaps
    assert scores.by_pair()["Radius", "Ulna"].images == 0
    assert np.isnan(scores.of_images).all()


def test_submissions_of_different_images_have_a_row_for_each_pair_of_either(submission):
    true = np.zeros((2, 3, 6, 6), np.uint8)
    true[0, :2] = true[1, 1:] = 1
    truth = read_truth(submission(true, "l.csv", CLASSES).path, Path("nowhere"))
    scored = [
        score_submission(
            submission(true[[row]], name, CLASSES), truth, (image,), ("dice", "overlap")
        )
        for row, image, name in ((0, "0.png", "a.csv"), (1, "1.png", "b.csv"))
    ]
    pairs = report_rows(Comparison(scored, ["a", "b"], ("dice", "overlap")), "class")[-1]
    assert pairs.names == ["x ∩ y", "y ∩ z"]
    assert pairs.columns[0].values == pytest.approx([1, np.nan], nan_ok=True)


def test_pairs_of_bones_by_other_names_are_not_lost(judged):
    """As RAM-H1200 has them: some bones by the anatomy's names, others by its own."""
    true = np.ones((1, 4, 6, 6), np.uint8)
    classes = ["Scaphoid", "Lunate", "DistalRadius", "Trapzium"]
    scores = judged(true, true, ("dice", "overlap"), classes).overlaps
    assert set(scores.pairs) == {
        ("Scaphoid", "Lunate"),
        ("Scaphoid", "DistalRadius"),
        ("Lunate", "DistalRadius"),
        ("Trapzium", "Scaphoid"),
    }
