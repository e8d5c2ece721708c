"""What may be typed for a run or a prediction."""

import pytest

from handseg.errors import InputError, UsageError
from handseg.runs.predictions import find_prediction, newest_predictions, prediction_path
from handseg.runs.query import find_run


@pytest.fixture
def runs(make_run):
    for recipe, name in (("unet", None), ("unet", "unet-10"), ("segformer", None)):
        writer = make_run(recipe, name=name)
        writer.end("finished")
    return writer.folder.parent


def predict(run, split="test"):
    path = prediction_path(run, split)
    path.parent.mkdir(exist_ok=True)
    path.write_text("image_name,class,rle\n")
    return path


def test_a_name_a_prefix_a_path_and_last_find_a_run(runs):
    assert find_run("seg", runs).name == "segformer-1"
    assert find_run("last", runs).name == "segformer-1"
    assert find_run(str(runs / "unet-1"), runs / "elsewhere") == runs / "unet-1"


def test_an_exact_name_beats_a_prefix(runs):
    assert find_run("unet-1", runs).name == "unet-1"


def test_a_prefix_of_several_runs_names_them(runs):
    with pytest.raises(InputError, match=r"several.*\n.*unet-10, unet-1"):
        find_run("unet", runs)


@pytest.mark.parametrize("text", ["", "nothing", "../runs/unet-1x"])
def test_what_is_no_run_names_those_there_are(runs, text):
    with pytest.raises(InputError, match="segformer-1"):
        find_run(text, runs)


def test_without_runs_it_says_how_to_get_one(tmp_path):
    with pytest.raises(InputError, match="handseg train"):
        find_run("last", tmp_path / "runs")


def test_a_prediction_is_a_csv_or_a_run_with_its_split(runs, tmp_path):
    test, val = predict(runs / "unet-1"), predict(runs / "unet-1", "val")
    assert find_prediction(str(test), runs) == test
    assert find_prediction("unet-1", runs) == test
    assert find_prediction("unet-1:val", runs) == val
    assert find_prediction("unet-1", runs, "val") == val


def test_a_missing_prediction_says_the_line_to_type(runs):
    with pytest.raises(InputError, match="handseg predict segformer-1 --split val"):
        find_prediction("segformer-1:val", runs)
    with pytest.raises(InputError, match=r"no CSV nothing\.csv"):
        find_prediction("nothing.csv", runs)


def test_the_newest_ended_run_of_each_recipe_and_fold_with_predictions_counts(runs, make_run):
    for name in ("unet-1", "unet-10", "segformer-1"):
        predict(runs / name)
    other_fold = make_run("unet", fold=1)
    other_fold.end("stopped")
    predict(other_fold.folder)
    predict(make_run("segformer").folder)  # still running
    make_run("unet").end("finished")  # newest, without predictions
    found = [path.parent.parent.name for path in newest_predictions(runs, "test")]
    assert found == [other_fold.name, "segformer-1", "unet-10"]


def test_a_split_that_there_is_not_is_said(runs):
    with pytest.raises(UsageError, match=r"'vla'.*\n.*train, val, test, all"):
        find_prediction("unet-1:vla", runs)
