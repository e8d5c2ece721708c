"""`handseg folds` as a person types it."""

import json
from pathlib import Path

import openpyxl
import pytest
import typer
from typer.testing import CliRunner

from handseg.cli.folds import folds
from handseg.data.dataset import open_dataset
from handseg.data.folds import load_or_make_folds

app = typer.Typer()
app.command()(folds)


def typed(*words):
    return CliRunner().invoke(app, [*words, "--no-progress"])


def rows(result):
    return [line.split() for line in result.stdout.splitlines()]


def test_folds_are_written_and_shown_and_then_only_shown(workplace):
    first, again = typed("--k", "2"), typed()
    assert first.exit_code == again.exit_code == 0
    assert "wrote data/folds.json: 2 folds, seed 0" in first.stderr
    assert "read data/folds.json: 2 folds, seed 0" in again.stderr
    assert first.stdout == again.stdout
    header, *lines = rows(first)
    assert header[:3] == ["fold", "people", "images"]
    assert [line[:3] for line in lines] == [["0", "2", "4"], ["1", "2", "4"], ["all", "4", "8"]]


def test_training_obeys_what_is_written(workplace):
    typed("--k", "2", "--seed", "3")
    found = load_or_make_folds(open_dataset(Path("data")))
    assert (found.folds.k, found.folds.seed, found.written) == (2, 3, False)


def test_folds_that_differ_are_replaced_only_by_force(workplace):
    typed("--k", "2")
    before = Path("data/folds.json").read_text()
    refused = typed("--k", "3")
    assert refused.exit_code == 2
    assert "exists and has k 2" in refused.stderr
    assert "--force" in refused.stderr
    assert Path("data/folds.json").read_text() == before
    assert typed("--k", "2").exit_code == 0
    forced = typed("--k", "3", "--force")
    assert "runs on them and runs on the new do not compare" in forced.stderr
    assert json.loads(Path("data/folds.json").read_text())["k"] == 3


def test_a_damaged_file_is_refused_and_replaced_by_force(workplace):
    Path("data/folds.json").write_text("{")
    refused = typed()
    assert refused.exit_code == 3
    assert "folds --force" in refused.stderr
    assert typed("--force").exit_code == 0


def test_json_has_the_folds_and_their_balance(workplace):
    value = json.loads(typed("--json").stdout)
    assert value["k"] == len(value["balance"]) == 4
    assert set(value["folds"].values()) == set(range(4))
    assert sum(fold["left"] for fold in value["balance"]) == 4
    assert value["written"]


def test_more_folds_than_people_cannot_be(workplace):
    result = typed("--k", "9")
    assert result.exit_code == 0
    assert "4 folds, not 9" in result.stderr


@pytest.mark.parametrize("people", [0, 1])
def test_one_person_is_too_few(empty_folder, add_hand, people):
    add_hand(empty_folder / "data", "ID001/a", [], split="train" if people else "test")
    result = typed()
    assert result.exit_code == 3
    assert "two people" in result.stderr
    assert not Path("data/folds.json").exists()


def test_sex_and_age_of_the_metadata_are_spread_and_shown(workplace):
    book = openpyxl.Workbook()
    book.active.append(["ID", "Age", "Sex"])
    people = sorted({sample.person for sample in open_dataset(Path("data")).train})
    for number, person in enumerate(people):
        book.active.append([person, 20 + 10 * number, "MF"[number % 2]])
    book.save("data/meta_data.xlsx")
    result = typed("--k", "2")
    header, *lines = rows(result)
    assert header[-4:] == ["female", "male", "mean", "age"]
    assert [line[-3:-1] for line in lines[:2]] == [["1", "1"], ["1", "1"]]
    assert "sex, age" in result.stderr


def test_without_labels_people_are_shuffled_and_poses_unknown(empty_folder, add_hand):
    for number in range(4):
        add_hand(empty_folder / "data", f"ID{number:03d}/a{number}", None)
    result = typed("--k", "2")
    assert result.exit_code == 0
    assert "shuffled people" in result.stderr
    assert "poses are not known" in result.stderr
    assert rows(result)[1] == ["0", "2", "2", "–", "–"]
