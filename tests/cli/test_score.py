"""`handseg score` as a person types it."""

import csv
import io
import json
import os

import numpy as np
import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

from handseg import rle
from handseg.cli.score import score
from handseg.rle.submission import write_submission
from handseg.runs.writer import RunWriter

app = typer.Typer()
app.command()(score)

ULNA = [[8, 8], [23, 8], [23, 23], [8, 23]]
WHOLE = np.zeros((64, 64), np.uint8)
WHOLE[8:24, 8:24] = 1
HALF = WHOLE.copy()
HALF[16:] = 0


@pytest.fixture
def type_score(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("HANDSEG_RUNS", "HANDSEG_DATA"):
        monkeypatch.delenv(name, raising=False)
    return lambda *words: CliRunner().invoke(app, [*words, "--no-progress"])


def add_hand(root, split, person):
    image = root / split / "DCM" / person / f"{person}.png"
    label = root / split / "outputs_json" / person / f"{person}.json"
    for path in (image, label):
        path.parent.mkdir(parents=True)
    Image.fromarray(np.zeros((64, 64), np.uint8)).save(image)
    label.write_text(json.dumps({"annotations": [{"label": "Ulna", "points": ULNA}]}))


@pytest.fixture
def hands(tmp_path):
    """data/ with two training hands and a test hand; an Ulna of 16 × 16 pixels in each."""
    for split, person in (("train", "ID001"), ("train", "ID002"), ("test", "ID003")):
        add_hand(tmp_path / "data", split, person)
    return tmp_path


def predict(path, people, mask, **sidecar):
    rows = [(f"{person}.png", "Ulna", rle.from_mask(mask)) for person in people]
    return write_submission(path, rows, sidecar)


def finished_run(folder, mask):
    run = RunWriter.create(folder / "runs", "unet", recipe_toml="", facts={"classes": ["Ulna"]})
    run.end("finished")
    predict(run.folder / "predictions/val.csv", ["ID002"], mask, trained_people=["ID001"])
    return run.name


def test_several_submissions_stand_side_by_side_with_their_difference(hands, type_score):
    predict(hands / "a.csv", ["ID003"], HALF)
    predict(hands / "b.csv", ["ID003"], WHOLE)
    done = type_score("a.csv", "b.csv")
    assert done.exit_code == 0
    lines = {words[1]: words for line in done.stdout.splitlines() if len(words := line.split()) > 4}
    assert [word for word in lines["Ulna"] if "." in word] == ["0.6667", "1.0000", "+0.3333"]
    assert {"class", "finger-1", "Pisiform", "mean"} <= lines.keys()


def test_json_holds_path_mean_images_and_classes(hands, type_score):
    predict(hands / "a.csv", ["ID003"], HALF)
    [prediction] = json.loads(type_score("a.csv", "--json").stdout)["predictions"]
    assert (prediction["path"], prediction["images"]) == ("a.csv", 1)
    assert prediction["classes"]["Ulna"] == pytest.approx(2 / 3, abs=1e-6)
    assert prediction["mean"] == pytest.approx((28 + 2 / 3) / 29, abs=1e-6)


def test_csv_is_printed_too_but_not_both(hands, type_score):
    predict(hands / "a.csv", ["ID003"], HALF)
    rows = list(csv.DictReader(io.StringIO(type_score("a.csv", "--csv").stdout)))
    assert [row["class"] for row in rows][-2:] == ["Ulna", "mean"]
    assert float(rows[-2]["a"]) == pytest.approx(2 / 3, abs=1e-6)
    assert type_score("a.csv", "--csv", "--json").exit_code == 2


def test_without_arguments_the_newest_vote_is_scored(hands, type_score):
    finished_run(hands, WHOLE)
    for name, mask, age in (("vote-001.csv", WHOLE, 10), ("vote-002.csv", HALF, 20)):
        path = predict(hands / "votes" / name, ["ID003"], mask)
        os.utime(path, (age, age))
    document = json.loads(type_score("--json").stdout)
    assert document["predictions"][0]["path"] == "votes/vote-002.csv"


def test_a_vote_whose_images_have_no_labels_gives_way_to_the_last_validation(hands, type_score):
    name = finished_run(hands, WHOLE)
    predict(hands / "votes/vote-001.csv", ["ID003"], WHOLE)
    (hands / "data/test/outputs_json/ID003/ID003.json").unlink()
    done = type_score("--json")
    assert json.loads(done.stdout)["predictions"][0]["path"] == f"runs/{name}/predictions/val.csv"
    assert "vote-001.csv have no labels" in done.stderr


def test_another_data_set_can_hold_the_labels(hands, type_score):
    predict(hands / "a.csv", ["ID009"], WHOLE)
    assert type_score("a.csv").exit_code == 3
    add_hand(hands / "other", "test", "ID009")
    assert type_score("a.csv", "--labels", "other").exit_code == 0


def test_people_trained_on_and_images_without_rows_are_said(hands, type_score):
    images = {"ID001.png": [64, 64], "ID002.png": [64, 64]}
    predict(hands / "a.csv", ["ID001"], WHOLE, trained_people=["ID001"], images=images)
    done = type_score("a.csv")
    assert "trained on 1 people of these images (ID001)" in done.stderr
    assert "1 images without rows count as empty: ID002.png" in done.stderr


def test_submissions_of_different_images_are_said(hands, type_score):
    predict(hands / "a.csv", ["ID001"], WHOLE)
    predict(hands / "b.csv", ["ID003"], WHOLE)
    assert "different images" in type_score("a.csv", "b.csv").stderr


def test_in_an_empty_folder_it_says_an_example_and_creates_nothing(tmp_path, type_score):
    done = type_score()
    assert done.exit_code == 3
    assert "handseg score prediction.csv" in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_submission_without_a_data_set_says_where_it_looked(tmp_path, type_score):
    predict(tmp_path / "a.csv", ["ID003"], WHOLE)
    done = type_score("a.csv")
    assert done.exit_code == 3
    assert "no data set" in done.stderr.lower()


def test_rows_that_are_missing_are_said(hands, type_score):
    csv_file = predict(hands / "a.csv", ["ID001", "ID002"], WHOLE)
    result = type_score(str(csv_file))
    assert result.exit_code == 0
    assert "56 rows missing count as empty masks" in result.stderr  # 28 bones of two hands


def test_a_run_that_was_just_begun_gives_way_to_the_newest_validation(hands, type_score):
    finished_run(hands, HALF)
    begun = RunWriter.create(hands / "runs", "fpn", recipe_toml="", facts={"classes": ["Ulna"]})
    result = type_score("--json")
    begun.end("stopped")
    assert result.exit_code == 0
    assert "unet-1" in json.loads(result.stdout)["predictions"][0]["path"]
