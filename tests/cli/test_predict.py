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
