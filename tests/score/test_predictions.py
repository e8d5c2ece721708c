"""Submissions against the labels of a data set, and of another submission."""

import json

import numpy as np
import pytest

from handseg import rle
from handseg.data.dataset import with_test_labels
from handseg.errors import InputError
from handseg.score.ground_truth import GroundTruth, has_labels
from handseg.score.scoring import score_submission

ONE, TWO, TEST = (f"image_{person}_R.png" for person in ("ID001", "ID002", "ID003"))


def square(left, top, side):
    mask = np.zeros((64, 64), np.uint8)
    mask[top : top + side + 1, left : left + side + 1] = 1
    return rle.from_mask(mask)


ULNA, RADIUS = square(8, 8, 15), square(30, 8, 15)


def pixel_dice(a, b):
    return (2 * (a & b).sum() + 1e-4) / (a.sum() + b.sum() + 1e-4)


def test_dice_is_that_of_the_pixels_for_each_image_and_class(judged):
    predicted, true = np.random.default_rng(1).integers(0, 2, (2, 3, 2, 12, 10), dtype=np.uint8)
    scored = judged(predicted, true)
    expected = [
        [pixel_dice(*pair) for pair in zip(*planes, strict=True)]
        for planes in zip(predicted, true, strict=True)
    ]
    assert scored.images == ("0.png", "1.png", "2.png")
    np.testing.assert_allclose(scored.scores.dice, expected, rtol=1e-12)
    assert scored.scores.mean() == pytest.approx(np.mean(expected))


def test_a_missing_row_is_an_empty_mask_and_both_empty_is_a_dice_of_one(submission):
    labels = submission([("a", "x", rle.parse("1 3")), ("a", "y", rle.empty())], "labels.csv")
    truth = GroundTruth(labels, ("x", "y"))
    scored = score_submission(submission([("a", "y", rle.empty())]), truth, ("a",))
    np.testing.assert_allclose(scored.scores.dice, [[1e-4 / (3 + 1e-4), 1.0]], rtol=1e-9)
    assert scored.rows_missing == 1


def test_labels_are_drawn_as_the_competition_draws_them(submission, dataset, score_submissions):
    half = square(8, 8, 15)[:8]
    one = submission([(ONE, "Ulna", ULNA), (ONE, "Radius", RADIUS), (TWO, "Ulna", half)])
    scores = score_submissions([one], dataset)[0].scores
    by_class = scores.by_class()
    assert scores.images == (ONE, TWO)
    assert scores.dice[0, scores.classes.index("Ulna")] == 1.0
    assert by_class["Ulna"] == pytest.approx((1 + 2 / 3) / 2, abs=1e-6)
    assert by_class["Radius"] == pytest.approx(0.5, abs=1e-6)
    assert by_class["finger-1"] == 1.0


def test_a_class_that_was_not_labelled_has_no_dice(submission, dataset, data, score_submissions):
    label = data / "train/outputs_json/ID001/image_ID001_R.json"
    document = json.loads(label.read_text())
    label.write_text(json.dumps({**document, "attributes": {"labelled": ["Ulna", "Radius"]}}))
    [scored] = score_submissions([submission([(ONE, "Ulna", ULNA)])], dataset)
    known = {cls: value for cls, value in scored.scores.by_class().items() if value == value}
    assert known == {"Radius": pytest.approx(0, abs=1e-6), "Ulna": 1.0}
    assert scored.undefined("dice") == 0


def test_test_labels_are_read_for_scoring_only(submission, dataset, score_submissions):
    assert dataset.test[0].labels is None
    [scored] = score_submissions([submission([(TEST, "Ulna", ULNA)])], dataset)
    scores = scored.scores
    assert scores.images == (TEST,)
    assert scores.by_class()["Ulna"] == 1.0


def test_images_of_a_fold_without_rows_count_as_empty(submission, dataset, score_submissions):
    sizes = {ONE: [64, 64], TWO: [64, 64]}
    [scored] = score_submissions(
        [submission([(ONE, "Ulna", ULNA)], images=sizes, split="val")], dataset
    )
    assert scored.without_rows == (TWO,)
    assert scored.scores.by_class()["Ulna"] == pytest.approx(0.5, abs=1e-6)


def test_a_fold_without_a_sidecar_is_scored_on_its_own_images(
    submission, dataset, score_submissions
):
    [scored] = score_submissions([submission([(ONE, "Ulna", ULNA)])], dataset)
    assert scored.scores.images == (ONE,)
    assert scored.without_rows == ()


def test_people_that_were_trained_on_are_noticed(submission, dataset, score_submissions):
    ours = submission([(ONE, "Ulna", ULNA)], trained_people=["ID001", "ID003"])
    [scored] = score_submissions([ours], dataset)
    assert scored.trained_on == ("ID001",)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([("other.png", "Ulna", ULNA)], "1 of 1 images of .* are not in the data set"),
        ([(ONE, "ulna", ULNA)], "(did you mean Ulna?)"),
        ([], "has no rows"),
    ],
)
def test_what_the_data_set_does_not_have_cannot_be_scored(
    submission, dataset, rows, said, score_submissions
):
    with pytest.raises(InputError, match=said):
        score_submissions([submission(rows)], dataset)


def test_images_without_labels_cannot_be_scored(submission, dataset, data, score_submissions):
    (data / "test/outputs_json/ID003/image_ID003_R.json").unlink()
    one = submission([(TEST, "Ulna", ULNA)])
    assert not has_labels(one, with_test_labels(dataset))
    with pytest.raises(InputError, match="1 of 1 images have no label"):
        score_submissions([one], dataset)


def test_a_mask_of_an_image_of_another_size_than_its_labels_is_refused(
    submission, dataset, score_submissions
):
    ours = submission([(ONE, "Ulna", ULNA)], images={ONE: [32, 64]})
    with pytest.raises(InputError, match=rf"(?s){ONE} has two sizes.*itself: 64 × 64.*64 × 32"):
        score_submissions([ours], dataset)


def test_a_run_past_the_labelled_image_is_refused_with_its_place(
    submission, dataset, score_submissions
):
    ours = submission([(ONE, "Ulna", rle.parse("4096 2"))])
    with pytest.raises(InputError, match=rf"a\.csv, line 2, {ONE}, Ulna: a run ends at pixel 4097"):
        score_submissions([ours], dataset)
