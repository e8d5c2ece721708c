"""Which submissions vote when nobody says which."""

import pytest

from handseg import rle
from handseg.ensemble.members import newest_members
from handseg.errors import InputError
from handseg.rle.submission import write_submission
from handseg.runs.writer import RunWriter


@pytest.fixture
def run(tmp_path):
    """Makes finished runs in tmp_path/runs, with test predictions of the given images."""

    def make(recipe, images=("a",), **facts):
        facts = {"fold": 0, "classes": ["x"], **facts}
        writer = RunWriter.create(tmp_path / "runs", recipe, recipe_toml="", facts=facts)
        writer.end("finished")
        if images:
            rows = [(image, "x", rle.parse("1 2")) for image in images]
            write_submission(writer.folder / "predictions" / "test.csv", rows, {})
        return writer.name

    return make


def names(submissions):
    return {submission.path.parent.parent.name for submission in submissions}


def test_the_newest_prediction_of_each_recipe_votes(run, tmp_path):
    run("unet")
    run("unet")
    run("segformer")
    assert names(newest_members(tmp_path / "runs").submissions) == {"unet-2", "segformer-1"}


def test_smoke_runs_neither_vote_nor_are_asked_for_predictions(run, tmp_path):
    run("unet")
    run("unet-limit8", limit=8)
    run("fpn-limit8", images=(), limit=8)
    with pytest.raises(InputError) as caught:
        newest_members(tmp_path / "runs")
    assert "limit8" not in str(caught.value)


def test_predictions_of_other_images_are_left_out(run, tmp_path):
    for recipe, images in (("unet", "ab"), ("fcn", "a"), ("segformer", "ab")):
        run(recipe, tuple(images))
    choice = newest_members(tmp_path / "runs")
    assert names(choice.submissions) == {"unet-1", "segformer-1"}
    assert names(choice.left_out) == {"fcn-1"}


def test_too_few_predictions_give_the_lines_to_type(run, tmp_path):
    run("unet")
    run("segformer", images=())
    with pytest.raises(InputError, match="at least two test predictions") as caught:
        newest_members(tmp_path / "runs")
    assert caught.value.hints == ("handseg predict segformer-1",)
    assert "unet-1" in caught.value.details


def test_an_empty_folder_gives_an_example(tmp_path):
    with pytest.raises(InputError) as caught:
        newest_members(tmp_path / "runs")
    assert any("handseg vote a.csv b.csv" in hint for hint in caught.value.hints)
    assert not list(tmp_path.iterdir())
