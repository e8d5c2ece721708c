"""Submissions against the labels of a data set."""

import numpy as np
import pytest

from handseg import rle
from handseg.data.dataset import with_test_labels
from handseg.errors import InputError
from handseg.rle.submission import read_submission, write_submission
from handseg.score.predictions import score_predictions, score_submissions
from handseg.score.samples import has_labels

ONE, TWO, TEST = (f"image_{person}_R.png" for person in ("ID001", "ID002", "ID003"))


def square(left, top, side):
    mask = np.zeros((64, 64), np.uint8)
    mask[top : top + side + 1, left : left + side + 1] = 1
    return rle.from_mask(mask)


ULNA, RADIUS = square(8, 8, 15), square(30, 8, 15)


@pytest.fixture
def submission(tmp_path):
    def make(rows, sidecar=None, name="a.csv"):
        return read_submission(write_submission(tmp_path / name, rows, sidecar or {}))

    return make


def test_labels_are_drawn_as_the_competition_draws_them(submission, dataset):
    half = square(8, 8, 15)[:8]
    one = submission([(ONE, "Ulna", ULNA), (ONE, "Radius", RADIUS), (TWO, "Ulna", half)])
    [scores] = score_predictions([one.path], dataset)
    by_class = scores.by_class()
    assert scores.images == (ONE, TWO)
    assert scores.dice[0, scores.classes.index("Ulna")] == 1.0
    assert by_class["Ulna"] == pytest.approx((1 + 2 / 3) / 2, abs=1e-6)
    assert by_class["Radius"] == pytest.approx(0.5, abs=1e-6)
    assert by_class["finger-1"] == 1.0


def test_test_labels_are_read_for_scoring_only(submission, dataset):
    assert dataset.test[0].labels is None
    [scores] = score_predictions([submission([(TEST, "Ulna", ULNA)]).path], dataset)
    assert scores.images == (TEST,)
    assert scores.by_class()["Ulna"] == 1.0


def test_images_of_a_fold_without_rows_count_as_empty(submission, dataset):
    sizes = {ONE: [64, 64], TWO: [64, 64]}
    some = submission([(ONE, "Ulna", ULNA)], {"images": sizes, "split": "val"})
    [scored] = score_submissions([some], dataset)
    assert scored.without_rows == (TWO,)
    assert scored.scores.by_class()["Ulna"] == pytest.approx(0.5, abs=1e-6)


def test_a_fold_without_a_sidecar_is_scored_on_its_own_images(submission, dataset):
    [scored] = score_submissions([submission([(ONE, "Ulna", ULNA)])], dataset)
    assert scored.scores.images == (ONE,)
    assert scored.without_rows == ()


def test_people_that_were_trained_on_are_noticed(submission, dataset):
    sidecar = {"trained_people": ["ID001", "ID003"]}
    [scored] = score_submissions([submission([(ONE, "Ulna", ULNA)], sidecar)], dataset)
    assert scored.trained_on == ("ID001",)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([("other.png", "Ulna", ULNA)], "1 of 1 images of .* are not in the data set"),
        ([(ONE, "ulna", ULNA)], "(did you mean Ulna?)"),
        ([], "has no rows"),
    ],
)
def test_what_the_data_set_does_not_have_cannot_be_scored(submission, dataset, rows, said):
    with pytest.raises(InputError, match=said):
        score_predictions([submission(rows).path], dataset)


def test_images_without_labels_cannot_be_scored(submission, dataset, data):
    (data / "test/outputs_json/ID003/image_ID003_R.json").unlink()
    one = submission([(TEST, "Ulna", ULNA)])
    assert not has_labels(one, with_test_labels(dataset))
    with pytest.raises(InputError, match="1 of 1 images have no label"):
        score_predictions([one.path], dataset)
