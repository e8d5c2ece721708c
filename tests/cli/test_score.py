"""`handseg score` as a person types it."""

import csv
import io
import json
import os
import re
import subprocess
import sys

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
    assert "trained on 1 person of these images (ID001)" in done.stderr
    assert "1 image without rows counted as empty: ID002.png" in done.stderr


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
    assert "56 rows missing, counted as empty masks" in result.stderr  # 28 bones of two hands


def test_a_run_that_was_just_begun_gives_way_to_the_newest_validation(hands, type_score):
    finished_run(hands, HALF)
    begun = RunWriter.create(hands / "runs", "fpn", recipe_toml="", facts={"classes": ["Ulna"]})
    result = type_score("--json")
    begun.end("stopped")
    assert result.exit_code == 0
    assert "unet-1" in json.loads(result.stdout)["predictions"][0]["path"]


def write_rows_of(path, rows, **sidecar):
    return write_submission(path, [(*key, rle.parse(text)) for key, text in rows.items()], sidecar)


@pytest.fixture
def pair(tmp_path):
    """a.csv and labels.csv of seven images of two classes, in a folder without a data set."""
    images = [f"{place}.png" for place in range(7)]
    label = {(image, cls): "11 10" for image in images for cls in ("Ulna", "[red]x[/]")}
    ours = {key: "11 8" if key[1] == "Ulna" else "11 10" for key in label}
    write_rows_of(tmp_path / "labels.csv", label)
    write_rows_of(tmp_path / "a.csv", ours)
    return tmp_path


def test_a_submission_can_be_the_label_where_there_is_no_data_set(pair, type_score):
    before = sorted(pair.iterdir())
    done = type_score("a.csv", "--labels", "labels.csv", "--json")
    assert done.exit_code == 0
    document = json.loads(done.stdout)
    [prediction] = document["predictions"]
    assert prediction["classes"] == {"Ulna": pytest.approx(16 / 18, abs=1e-5), "[red]x[/]": 1.0}
    assert (document["labels"], prediction["people"]) == ("labels.csv", 7)
    assert "people not known of 7 images" in done.stderr
    assert sorted(pair.iterdir()) == before


def test_names_are_no_markup_in_tables_and_words(pair, type_score):
    for words in ([], ["--worst", "1"], ["--csv"], ["--metrics", "overlap"]):
        done = type_score("a.csv", "--labels", "labels.csv", *words)
        assert done.exit_code == 0
        assert "[red]x[/]" in done.stdout


def test_scoring_csvs_loads_neither_images_nor_tables_nor_networks(pair):
    script = """
import sys
from handseg.cli.main import main
sys.argv = ["handseg", "score", "a.csv", "a.csv", "--labels", "labels.csv", "--worst", "1"]
sys.argv += ["--metrics", "iou,precision,recall,overlap"]
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
print(sorted({name.partition(".")[0] for name in sys.modules}))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=pair
    )
    heavy = {"cv2", "pandas", "PIL", "torch", "scipy", "textual"}
    loaded = set(re.findall(r"'([^']*)'", done.stdout.splitlines()[-1]))
    assert "numpy" in loaded
    assert loaded & heavy == set()


def test_labels_that_lack_images_or_rows_are_said(pair, type_score):
    write_rows_of(pair / "few.csv", {("0.png", "Ulna"): "1 1", ("1.png", "[red]x[/]"): "1 1"})
    done = type_score("a.csv", "--labels", "few.csv")
    assert done.exit_code == 3
    assert "5 of 7 images of a.csv have no row in the labels few.csv" in done.stderr
    assert "2.png, 3.png" in done.stderr
    write_rows_of(pair / "b.csv", {("0.png", "Ulna"): "1 1"})
    assert (
        "2 rows missing, counted as empty labels"
        in type_score("b.csv", "--labels", "few.csv").stderr
    )


def test_a_better_submission_is_told_from_noise(pair, type_score):
    write_rows_of(
        pair / "b.csv", {(f"{place}.png", "Ulna"): f"11 {7 + place % 2}" for place in range(7)}
    )
    lines = type_score("b.csv", "a.csv", "--labels", "labels.csv").stdout.splitlines()
    assert "over 7 people: more than noise" in lines[-1]
    assert any("95 % from" in line for line in lines)
    few = type_score("b.csv", "a.csv", "--labels", "labels.csv", "--csv").stdout
    assert few.splitlines()[0] == "class,b,a,a − b"


def test_rows_can_be_images_and_the_worst_of_each_class_have_their_lines(pair, type_score):
    write_rows_of(
        pair / "b.csv", {(f"{place}.png", "Ulna"): f"11 {place + 1}" for place in range(7)}
    )
    by_image = type_score("b.csv", "--labels", "labels.csv", "--by", "image", "--csv").stdout
    assert [row["image"] for row in csv.DictReader(io.StringIO(by_image))] == [
        *(f"{place}.png" for place in range(7)), "mean"
    ]  # fmt: skip
    worst = type_score("b.csv", "--labels", "labels.csv", "--worst", "2", "--csv").stdout
    found = list(csv.DictReader(io.StringIO(worst)))
    assert [(row["class"], row["image_name"], row["line"]) for row in found][:2] == [
        ("Ulna", "0.png", "2"), ("Ulna", "1.png", "3")
    ]  # fmt: skip
    table = type_score("b.csv", "--labels", "labels.csv", "--worst", "1").stdout
    assert "b: worst 1 of each class" in table


def test_a_person_has_the_mean_of_both_hands(workplace, type_score):
    document = type_score_of(workplace, "test", type_score, "--by", "person", "--json")
    [prediction] = document["predictions"]
    of_people = prediction["by_person"]["dice"]
    assert len(of_people) == 2
    for person, mean in of_people.items():
        hands = [row["dice"] for row in prediction["by_image"] if row["person"] == person]
        assert len(hands) == 2
        assert mean == pytest.approx(sum(hands) / 2)


def type_score_of(place, split, type_score, *words):
    """The JSON of a submission of a split of the phantoms that is their labels, less a bone."""
    from handseg.data.dataset import open_dataset, with_test_labels
    from handseg.data.labels import label_runs

    dataset = with_test_labels(open_dataset(place / "data"))
    rows = [
        (sample.image_name, cls, runs[: 5 + len(runs) // 2])
        for sample in dataset.split(split)
        for cls, runs in zip(dataset.classes, label_runs(sample, dataset.classes).runs, strict=True)
    ]
    write_submission(place / "a.csv", rows, {"split": split})
    done = type_score("a.csv", *words)
    assert done.exit_code == 0, done.stderr
    return json.loads(done.stdout)


def test_labels_become_run_lengths_once_and_that_is_said(workplace, type_score):
    type_score_of(workplace, "test", type_score, "--json")
    [kept] = (workplace / ".handseg/labels").glob("*.csv")
    kept.unlink()
    first, second = type_score("a.csv"), type_score("a.csv")
    assert "the labels of 4 images become run lengths, once" in first.stderr
    assert "become run lengths" not in second.stderr
    assert first.stdout == second.stdout


def test_a_mean_can_stand_for_more_bent_wrists(workplace, type_score):
    document = type_score_of(workplace, "all", type_score, "--reweight", "pose=0.75", "--json")
    [prediction] = document["predictions"]
    rows, bent = prediction["by_image"], [row["bend"] > 12 for row in prediction["by_image"]]
    assert (prediction["pose"]["bent"], prediction["pose"]["straight"]) == (
        sum(bent),
        len(rows) - sum(bent),
    )
    mean = [
        sum(row["dice"] for row, is_bent in zip(rows, bent, strict=True) if is_bent == kind)
        / bent.count(kind)
        for kind in (True, False)
    ]
    found = prediction["metrics"]["dice"]["reweighted"]["mean"]
    assert found == pytest.approx(0.75 * mean[0] + 0.25 * mean[1])
    table = type_score("a.csv", "--reweight", "pose=0.75")
    assert "75 % bent" in table.stdout
    assert "wrists are bent by more than 12°" in table.stderr


def test_without_bent_wrists_there_is_nothing_to_weight(workplace, type_score):
    type_score_of(workplace, "test", type_score, "--json")
    rows = list(csv.DictReader(io.StringIO((workplace / "a.csv").read_text())))
    with (workplace / "one.csv").open("w") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(row for row in rows if row["image_name"] == rows[0]["image_name"])
    words = ["--reweight", "pose=0.5", "--image-size", "192x192"]
    write_submission(
        workplace / "label.csv",
        [(row["image_name"], row["class"], rle.parse(row["rle"])) for row in rows[:29]],
        {},
    )
    done = type_score("one.csv", "--labels", "label.csv", *words)
    assert done.exit_code == 3
    assert re.search("no image has a (bent|straight) wrist", done.stderr)


def test_outlines_need_the_size_of_the_image_and_it_is_said_where_it_is_assumed(pair, type_score):
    done = type_score("a.csv", "--labels", "labels.csv", "--metrics", "hd95")
    assert "the size of 7 images, taken as 2048 × 2048 (--image-size)" in done.stderr
    assert "--image-size" not in type_score("a.csv", "--labels", "labels.csv").stderr
    words = ["--metrics", "hd95,nsd", "--image-size", "3x20", "--json"]
    [prediction] = json.loads(type_score("a.csv", "--labels", "labels.csv", *words).stdout)[
        "predictions"
    ]
    # In rows of 20 pixels the label is the pixels 10 to 19 of the first, and 8 of them are found.
    assert prediction["metrics"]["hd95"]["classes"]["Ulna"] == pytest.approx(1.55)
    assert prediction["metrics"]["nsd"]["classes"]["Ulna"] == 1.0


def test_masks_without_a_distance_are_said(pair, type_score):
    write_rows_of(pair / "b.csv", {("0.png", "Ulna"): "11 10"})
    words = ["--metrics", "hd95", "--image-size", "3x20"]
    done = type_score("b.csv", "--labels", "labels.csv", *words)
    assert "13 masks without hd95 (13 missed, 0 where" in done.stderr


def test_the_newest_vote_is_scored_with_labels_that_are_a_csv_too(pair, type_score):
    (pair / "votes").mkdir()
    (pair / "a.csv").rename(pair / "votes/vote-001.csv")
    (pair / "a.csv.json").rename(pair / "votes/vote-001.csv.json")
    done = type_score("--labels", "labels.csv", "--json")
    assert json.loads(done.stdout)["predictions"][0]["path"] == "votes/vote-001.csv"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--metrics", "dice,iuo"], "did you mean iou?"),
        (["--reweight", "bent=0.5"], "--reweight pose=0.576"),
        (["--image-size", "2048"], "--image-size 2048x2048"),
        (["--by", "bone"], "'bone'"),
        (["--worst", "0"], "--worst"),
    ],
)
def test_words_that_cannot_be_read_are_exit_2(pair, type_score, words, said):
    done = type_score("a.csv", "--labels", "labels.csv", *words)
    assert (done.exit_code, done.stdout) == (2, "")
    assert said in done.stderr


def test_labels_that_are_not_there_are_said(pair, type_score):
    done = type_score("a.csv", "--labels", "none")
    assert done.exit_code == 3
    assert "there are no labels at none" in done.stderr


def test_distances_take_the_size_from_the_data_set_where_no_sidecar_says_it(hands, type_score):
    truth = predict(hands / "truth.csv", ["ID001", "ID002"], WHOLE)
    predict(hands / "a.csv", ["ID001", "ID002"], HALF)
    words = ("a.csv", "--labels", str(truth), "--metrics", "hd95", "--json")
    from_data = json.loads(type_score(*words).stdout)
    told = json.loads(type_score(*words, "--image-size", "64x64").stdout)
    assert from_data == told
    assert "hd95" in json.dumps(told)


def test_distances_on_a_size_that_the_masks_do_not_have_are_refused(tmp_path, type_score):
    truth = predict(tmp_path / "truth.csv", ["ID001"], WHOLE)
    predict(tmp_path / "a.csv", ["ID001"], HALF)
    done = type_score("a.csv", "--labels", str(truth), "--metrics", "hd95")
    assert done.exit_code == 3
    assert "--image-size 64x64" in done.stderr
