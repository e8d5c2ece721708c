"""`handseg predict` as a person types it."""

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from handseg.cli.main import application

TEST = Path("runs/tiny-1/predictions/test.csv")


@pytest.fixture
def type_predict(trained):
    return lambda *words: CliRunner().invoke(application(), ["predict", *words, "--no-progress"])


def test_the_test_images_are_predicted_by_every_finished_run_once(type_predict):
    shutil.copytree("runs/tiny-1", "runs/tiny-2")
    done = type_predict()
    assert done.exit_code == 0
    assert set(done.stdout.splitlines()) == {str(TEST), "runs/tiny-2/predictions/test.csv"}
    assert TEST.exists()
    made = TEST.stat().st_mtime_ns
    again = type_predict()
    assert again.exit_code == 0
    assert sorted(again.stdout.splitlines()) == sorted(done.stdout.splitlines())
    assert again.stderr.count("is up to date") == 2
    assert TEST.stat().st_mtime_ns == made


def test_force_makes_it_again(type_predict):
    type_predict("tiny-1")
    TEST.write_text("spoilt")
    done = type_predict("tiny-1", "--force")
    assert (done.exit_code, done.stdout) == (0, f"{TEST}\n")
    assert TEST.read_text().startswith("image_name,class,rle\n")


def test_a_run_is_named_by_its_beginning_a_path_or_last(type_predict):
    for name in ("tiny", "last", "runs/tiny-1"):
        assert type_predict(name).stdout == f"{TEST}\n"


def test_out_names_a_file_of_one_run_that_is_not_taken(type_predict):
    done = type_predict("last", "--out", "mine/best.csv")
    assert (done.exit_code, done.stdout) == (0, "mine/best.csv\n")
    assert json.loads(Path("mine/best.csv.json").read_text())["run"] == "tiny-1"
    assert not TEST.exists()
    refused = type_predict("last", "--out", "mine/best.csv")
    assert refused.exit_code == 2
    assert "--force" in refused.stderr
    assert type_predict("last", "--out", "mine/best.csv", "--force").exit_code == 0
    shutil.copytree("runs/tiny-1", "runs/tiny-2")
    several = type_predict("--out", "all.csv")
    assert several.exit_code == 2
    assert "2 runs" in several.stderr


@pytest.mark.parametrize(("split", "images"), [("train", 6), ("val", 2), ("all", 12)])
def test_other_splits_have_their_own_file(type_predict, split, images):
    done = type_predict("last", "--split", split)
    path = TEST.with_name(f"{split}.csv")
    assert (done.exit_code, done.stdout) == (0, f"{path}\n")
    assert len(path.read_text().splitlines()) == 1 + 29 * images


def test_labels_of_test_images_may_be_anything(type_predict):
    for path in Path("data/test/outputs_json").rglob("*.json"):
        path.write_bytes(b"\x00 no JSON")
    assert type_predict().exit_code == 0


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["no-such-run"], 3, "tiny-1"),
        (["last", "--split", "tets"], 2, "train, val, test, all"),
        (["last", "--data", "elsewhere"], 3, "no data set found"),
    ],
)
def test_what_cannot_be_is_one_message(type_predict, words, code, said):
    done = type_predict(*words)
    assert (done.exit_code, done.stdout) == (code, "")
    assert said in done.stderr


def test_a_run_that_did_not_finish_is_predicted_only_when_it_is_named(type_predict):
    events = Path("runs/tiny-1/events.jsonl")
    kept = [line for line in events.read_text().splitlines() if '"end"' not in line]
    stop = '{"v":1,"t":1,"kind":"end","state":"stopped","reason":"SIGINT"}'
    events.write_text("\n".join([*kept, stop]) + "\n")
    done = type_predict()
    assert done.exit_code == 3
    assert "no finished run" in done.stderr
    assert type_predict("tiny-1").exit_code == 0


def test_out_may_be_stdout(type_predict):
    done = type_predict("last", "--out", "-")
    assert done.exit_code == 0
    assert done.stdout.startswith("image_name,class,rle\n")
    assert len(done.stdout.splitlines()) == 1 + 29 * 4
    assert not TEST.exists()
    assert not Path("-").exists()


def test_out_is_no_folder(type_predict):
    Path("mine").mkdir()
    done = type_predict("last", "--out", "mine")
    assert done.exit_code == 2
    assert "is a folder" in done.stderr


def test_an_image_that_cannot_be_read_costs_no_other_its_prediction(type_predict):
    bad, *others = sorted(Path("data/test/DCM").glob("*/*.png"))
    whole = bad.read_bytes()
    bad.write_bytes(whole[: len(whole) // 2])
    for _ in range(2):
        done = type_predict("last")
        assert (done.exit_code, done.stdout) == (3, f"{TEST}\n")
        assert "1 image that cannot be read has no prediction" in done.stderr
        assert bad.name in done.stderr
    sidecar = json.loads(Path(f"{TEST}.json").read_text())
    assert sidecar["unreadable"] == [bad.name]
    assert set(sidecar["images"]) == {path.name for path in others}
    assert bad.name not in TEST.read_text()
    bad.write_bytes(whole)
    assert type_predict("last").exit_code == 0
    assert bad.name in TEST.read_text()


@pytest.mark.parametrize("fault", ["empty", "gone", "text"])
def test_an_image_without_a_header_costs_no_other_its_prediction(type_predict, fault):
    bad, *others = sorted(Path("data/test/DCM").glob("*/*.png"))
    if fault == "gone":
        bad.unlink()
        bad.symlink_to("nowhere.png")
    else:
        bad.write_text("" if fault == "empty" else "no image")
    done = type_predict("last")
    assert (done.exit_code, done.stdout) == (3, f"{TEST}\n")
    assert bad.name in done.stderr
    assert len(TEST.read_text().splitlines()) == 1 + 29 * len(others)


def test_an_image_that_could_not_be_read_is_missing_and_not_empty(type_predict):
    bad = sorted(Path("data/test/DCM").glob("*/*.png"))[0]
    bad.write_text("")
    type_predict("last")

    def said(*words):
        return CliRunner().invoke(application(), [*words, "--no-progress"])

    score = said("score", str(TEST), "--data", "data")
    assert "1 image that could not be read" in score.stderr
    assert "counted as empty" not in score.stderr
    vote = said("vote", str(TEST), str(TEST), "--out", "vote.csv")
    assert f"not in the vote: {bad.name}" in vote.stderr
    for path in (str(TEST), "vote.csv"):
        done = said("check", path, "--json")
        assert done.exit_code == 3
        found = json.loads(done.stdout)["csvs"][0]["findings"]
        assert ["error", bad.name] in [[one["severity"], one["image"]] for one in found]


def other_data(name, images=2, **settings):
    """A flat folder of test pictures without labels, of other names than those in `data`."""
    folder = Path(name)
    folder.mkdir()
    for number, path in enumerate(sorted(Path("data/train/DCM").glob("*/*.png"))[:images]):
        shutil.copy(path, folder / f"new{number}.png")
    lines = [f"{key} = {json.dumps(value)}" for key, value in settings.items()]
    (folder / "dataset.toml").write_text("\n".join(lines))
    return folder


def test_predictions_of_other_data_are_never_replaced_unasked(type_predict):
    type_predict("last")
    before = TEST.read_bytes()
    (Path("data2/test/DCM/ID9")).mkdir(parents=True)
    shutil.copy(next(Path("data/train/DCM").glob("*/*.png")), "data2/test/DCM/ID9/new.png")
    refused = type_predict("last", "--data", "data2")
    assert refused.exit_code == 2
    assert "--out tiny-1-data2.csv" in refused.stderr
    assert TEST.read_bytes() == before
    assert type_predict("last", "--data", "data2", "--out", "tiny-1-data2.csv").exit_code == 0
    assert type_predict("last", "--data", "data2", "--force").exit_code == 0
    assert "new.png" in TEST.read_text()


def test_without_a_run_those_that_fit_are_predicted_and_others_named(type_predict):
    shutil.copytree("runs/tiny-1", "runs/other-1")
    facts = json.loads(Path("runs/other-1/run.json").read_text())
    facts["classes"] = [f"bone {number}" for number in range(len(facts["classes"]))]
    Path("runs/other-1/run.json").write_text(json.dumps(facts))
    done = type_predict()
    assert (done.exit_code, done.stdout) == (0, f"{TEST}\n")
    assert "other-1 is left out: other-1 knows other classes" in done.stderr
    assert type_predict("other-1").exit_code == 3


def test_pictures_without_labels_are_of_the_classes_of_the_run(type_predict):
    facts = json.loads(Path("runs/tiny-1/run.json").read_text())
    facts["classes"] = [f"bone {number}" for number in range(len(facts["classes"]))]
    Path("runs/tiny-1/run.json").write_text(json.dumps(facts))
    other_data("pictures")
    done = type_predict("last", "--data", "pictures", "--split", "all", "--out", "all.csv")
    assert done.exit_code == 0, done.stderr
    assert "new0.png,bone 0," in Path("all.csv").read_text()
    other_data("named", classes=["Ulna"])
    assert type_predict("last", "--data", "named", "--split", "all").exit_code == 3
