"""`handseg vote` as a person types it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from handseg import rle
from handseg.cli.vote import score_line, vote
from handseg.rle.submission import read_submission, write_submission
from handseg.runs.writer import RunWriter

app = typer.Typer()
app.command()(vote)


@pytest.fixture
def type_vote(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HANDSEG_RUNS", raising=False)
    return lambda *words: CliRunner().invoke(app, [*words, "--no-progress"])


@pytest.fixture
def three(tmp_path):
    """a.csv, b.csv and c.csv: pixels 0–5, 2–7 and 4–9 of one bone; c.csv lacks the other."""
    for number, name in enumerate("abc"):
        rows = [("i.png", "Ulna", rle.parse(f"{1 + 2 * number} 6"))]
        rows += [("i.png", "Radius", rle.parse("1 1"))] if name != "c" else []
        fields = {"images": {"i.png": [4, 4]}, "validation_dice": 0.95 - 0.01 * number}
        write_submission(tmp_path / f"{name}.csv", rows, fields)
    return tmp_path


def ulna(path):
    return rle.format(read_submission(path).runs("i.png", "Ulna"))


def test_a_vote_is_numbered_and_its_path_is_all_that_stdout_holds(three, type_vote):
    done = type_vote("a.csv", "b.csv", "c.csv")
    assert (done.exit_code, done.stdout) == (0, "votes/vote-001.csv\n")
    assert ulna(three / "votes/vote-001.csv") == "3 6"
    assert "votes > 1.5 of 3" in done.stderr
    assert "c.csv  validation Dice 0.9300, 0.020 below the best  1 row missing" in done.stderr
    assert "b.csv  validation Dice 0.9400, 0.010 below the best" in done.stderr
    assert type_vote("a.csv", "b.csv", "c.csv").stdout == "votes/vote-002.csv\n"
    sidecar = json.loads((three / "votes/vote-001.csv.json").read_text())
    assert [member["path"] for member in sidecar["members"]] == ["a.csv", "b.csv", "c.csv"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--threshold", "0"], "1 10"),
        (["--threshold", "2"], "5 2"),
        (["--min-votes", "3"], "5 2"),
        (["--threshold", "70%"], "5 2"),
        (["--threshold", "30%"], "1 10"),
    ],
)
def test_thresholds_are_strict(three, type_vote, words, expected):
    assert type_vote("a.csv", "b.csv", "c.csv", *words).exit_code == 0
    assert ulna(three / "votes/vote-001.csv") == expected


def test_only_a_name_that_a_person_gave_can_be_taken(three, type_vote):
    assert type_vote("a.csv", "b.csv", "--out", "best.csv").stdout == "best.csv\n"
    before = (three / "best.csv").read_bytes()
    refused = type_vote("a.csv", "b.csv", "c.csv", "--out", "best.csv")
    assert refused.exit_code == 2
    assert "--force" in refused.stderr
    assert (three / "best.csv").read_bytes() == before
    assert type_vote("a.csv", "c.csv", "--out", "a.csv", "--force").exit_code == 0
    assert ulna(three / "a.csv") == "5 2"


def test_out_of_a_dash_streams_to_stdout_and_leaves_no_file(three, type_vote):
    before = sorted(three.iterdir())
    done = type_vote("a.csv", "b.csv", "--out", "-")
    assert done.stdout == "image_name,class,rle\ni.png,Ulna,3 4\ni.png,Radius,1 1\n"
    assert sorted(three.iterdir()) == before


def test_the_same_content_twice_and_a_vote_of_one_are_said(three, type_vote):
    twice = type_vote("a.csv", "a.csv", "b.csv")
    assert "the same content votes 2 times: a.csv, a.csv" in twice.stderr
    one = type_vote("a.csv")
    assert one.exit_code == 0
    assert "a vote of one is a copy" in one.stderr


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["a.csv", "b.csv", "--threshold", "1", "--min-votes", "2"], 2, "one thing"),
        (["a.csv", "b.csv", "--threshold", "x"], 2, "neither"),
        (["a.csv", "b.csv", "--out", "."], 2, "is a folder"),
        (["a.csv", "none.csv"], 3, "none.csv"),
        (["a.csv", "other.csv"], 3, "lacks 1 of 2 images"),
        (["past.csv"], 3, "past.csv, line 2, i.png, Ulna: a run ends at pixel 17"),
    ],
)
def test_what_cannot_be_is_one_message_and_leaves_nothing(three, type_vote, words, code, said):
    write_submission(three / "other.csv", [("j.png", "Ulna", rle.parse("1 2"))], {})
    past = [("i.png", "Ulna", rle.parse("16 2"))]
    write_submission(three / "past.csv", past, {"images": {"i.png": [4, 4]}})
    done = type_vote(*words)
    assert (done.exit_code, done.stdout) == (code, "")
    assert said in done.stderr
    assert not list(three.glob("votes/*"))


def test_without_arguments_the_newest_predictions_vote(tmp_path, type_vote):
    for recipe, text in (("unet", "1 4"), ("segformer", "3 4")):
        run = RunWriter.create(
            tmp_path / "runs", recipe, recipe_toml="", facts={"fold": 0, "classes": ["Ulna"]}
        )
        run.end("finished")
        rows = [("i.png", "Ulna", rle.parse(text))]
        write_submission(run.folder / "predictions/test.csv", rows, {"run": run.name})
    done = type_vote()
    assert (done.exit_code, done.stdout) == (0, "votes/vote-001.csv\n")
    assert "runs/unet-1/predictions/test.csv" in done.stderr
    assert ulna(tmp_path / "votes/vote-001.csv") == "3 2"


def test_a_row_at_fault_of_a_newest_prediction_is_left_out_with_skip_bad(tmp_path, type_vote):
    for recipe, bad in (("unet", "half a row\n"), ("segformer", "")):
        facts = {"fold": 0, "classes": ["Ulna"]}
        run = RunWriter.create(tmp_path / "runs", recipe, recipe_toml="", facts=facts)
        run.end("finished")
        (run.folder / "predictions").mkdir()
        text = "image_name,class,rle\ni.png,Ulna,1 4\n" + bad
        (run.folder / "predictions/test.csv").write_text(text)
    assert type_vote().exit_code == 3
    done = type_vote("--skip-bad")
    assert done.exit_code == 0
    assert "1 row left out" in done.stderr


def test_an_empty_variable_names_no_data_set(three, type_vote, monkeypatch):
    monkeypatch.setenv("HANDSEG_DATA", "")
    assert type_vote("a.csv", "b.csv").exit_code == 0


def test_in_an_empty_folder_it_says_an_example_and_creates_nothing(tmp_path, type_vote):
    done = type_vote()
    assert done.exit_code == 3
    assert "handseg vote a.csv b.csv c.csv" in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_vote_loads_neither_torch_pandas_textual_nor_cv2(three):
    script = """
import sys
import typer
import handseg.cli.vote
app = typer.Typer()
app.command()(handseg.cli.vote.vote)
light = sorted({"numpy", "rich.table"} & sys.modules.keys())
app(["a.csv", "b.csv", "c.csv", "--no-progress"], standalone_mode=False)
heavy = {"torch", "pandas", "textual", "cv2", "PIL", "transformers"} & sys.modules.keys()
print(light, sorted(heavy))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=three, capture_output=True, text=True, check=True
    )
    assert done.stdout == "votes/vote-001.csv\n[] []\n"


def test_a_folder_that_is_no_run_and_a_packed_name_are_refused(three, type_vote):
    (three / "data").mkdir()
    folder = type_vote("a.csv", "data")
    assert (folder.exit_code, "data is a folder, but no run" in folder.stderr) == (3, True)
    packed = type_vote("a.csv", "b.csv", "--out", "best.csv.gz")
    assert (packed.exit_code, "not packed" in packed.stderr) == (2, True)


def test_a_sidecar_of_other_contents_is_said_and_no_row_left_out_with_skip_bad(three, type_vote):
    with (three / "a.csv").open("a") as file:
        file.write("\n")
    assert type_vote("a.csv", "b.csv").exit_code == 3
    done = type_vote("a.csv", "b.csv", "--skip-bad")
    assert done.exit_code == 0
    assert "a.csv is not the file that its sidecar" in done.stderr
    assert "left out" not in done.stderr


def test_a_sidecar_with_strange_classes_is_no_crash(three, type_vote):
    write_submission(three / "d.csv", [("i.png", "Ulna", rle.parse("1 6"))], {"classes": 7})
    done = type_vote("d.csv", "d.csv")
    assert (done.exit_code, done.stdout) == (0, "votes/vote-001.csv\n")


def test_the_line_that_compares_with_labels_names_the_data_set_unless_it_is_the_usual_one():
    assert score_line(Path("a.csv"), None) == "handseg score a.csv"
    assert score_line(Path("a.csv"), Path("data")) == "handseg score a.csv"
    named = score_line(Path("my votes/a.csv"), Path("other data"))
    assert named == "handseg score 'my votes/a.csv' --data 'other data'"
