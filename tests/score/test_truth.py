"""Labels that are a submission: what is scored, and what cannot be."""

from pathlib import Path

import pytest

from handseg import rle
from handseg.data.dataset import find_dataset
from handseg.data.image_sizes import check_all_known
from handseg.errors import InputError
from handseg.score.ground_truth import images_to_score, read_truth
from handseg.score.scoring import score_submission

DOT = rle.parse("1 1")


def rows(*keys):
    return [(image, cls, DOT) for image, cls in keys]


@pytest.fixture
def truth(submission):
    def read(*keys, data=Path("nowhere"), **sidecar):
        return read_truth(submission(rows(*keys), "labels.csv", **sidecar).path, data)

    return read


def test_without_a_sidecar_all_images_of_the_labels_are_scored(submission, truth):
    labels = truth(("a", "x"), ("b", "x"), ("c", "x"))
    ours = submission(rows(("c", "x"), ("a", "x")))
    assert images_to_score(ours, labels) == ("a", "b", "c")
    scored = score_submission(ours, labels, ("a", "b", "c"))
    assert scored.without_rows == ("b",)


def test_a_sidecar_says_what_a_submission_is_of(submission, truth):
    labels = truth(("a", "x"), ("b", "x"), ("c", "x"))
    sizes = {"b": [8, 8], "c": [8, 8]}
    assert images_to_score(submission(rows(("c", "x")), images=sizes), labels) == ("b", "c")


def test_images_that_the_labels_lack_are_listed(submission, truth):
    ours = submission(rows(("a", "x"), ("z", "x"), ("y", "x")))
    with pytest.raises(InputError, match=r"(?s)2 of 3 images of .* have no row.*y, z"):
        images_to_score(ours, truth(("a", "x")))


def test_a_class_that_the_labels_lack_is_named(submission, truth):
    with pytest.raises(InputError, match=r"class 'ulna' .*did you mean Ulna"):
        images_to_score(submission(rows(("a", "ulna"))), truth(("a", "Ulna")))


def test_rows_that_the_labels_lack_are_counted_and_empty(submission, truth):
    labels = truth(("a", "x"), ("a", "y"), ("b", "x"))
    assert labels.rows_missing == 1
    scored = score_submission(submission(rows(("b", "y"))), labels, ("b",))
    assert scored.scores.dice[0, 1] == pytest.approx(0, abs=1e-3)


def test_the_sidecar_of_labels_says_which_classes_there_are_and_which_were_labelled(truth):
    sidecar = {"classes": ["z", "y", "x"], "labelled": {"a": ["x"]}}
    labels = truth(("a", "x"), ("b", "y"), **sidecar)
    assert labels.classes == ("z", "y", "x")
    assert labels.labelled(("a", "b")).tolist() == [[False, False, True], [True, True, True]]


@pytest.mark.parametrize("strange", [7, ["a"], {"a": 7}, {"a": {"x": 1}}, {"a": [["x"]]}])
def test_a_sidecar_that_says_nothing_sensible_of_what_was_labelled_says_nothing(truth, strange):
    labels = truth(("a", "x"), ("b", "x"), labelled=strange)
    assert labels.labelled(("a", "b")).all()


@pytest.mark.parametrize("strange", [7, "xy", ["x", 7], {"x": 1}])
def test_a_sidecar_whose_classes_are_no_names_says_nothing(truth, strange):
    assert truth(("a", "x"), ("b", "x"), classes=strange).classes == ("x",)


def test_labels_without_rows_are_none(submission):
    with pytest.raises(InputError, match="have no rows"):
        read_truth(submission([]).path, Path("nowhere"))


def test_people_come_from_a_data_set_where_there_is_one(data, truth):
    image = "image_ID002_R.png"
    labels = truth((image, "Ulna"), ("unknown.png", "Ulna"), data=data)
    assert (labels.person(image), labels.person("unknown.png")) == ("ID002", "unknown.png")
    assert find_dataset(Path("nowhere")) is None


def test_a_size_that_is_needed_and_not_known_is_said():
    with pytest.raises(InputError, match="size of 1 images is not known") as caught:
        check_all_known({"a": (1, 1)}, ["a", "b"])
    assert "--image-size 2048x2048" in str(caught.value)
