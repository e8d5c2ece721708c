"""A data set of phantoms on disk: layout, bytes, and nothing half-written."""

import hashlib
import json
from pathlib import Path

import cv2
import pytest
import typer
from typer.testing import CliRunner

from handseg.anatomy import BONES
from handseg.cli.phantom import phantom as phantom_command
from handseg.errors import UsageError
from handseg.phantom import writing
from handseg.phantom.phantom import make_phantom
from handseg.phantom.writing import write_phantoms


def digest(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("phantoms") / "data"
    return write_phantoms(folder, people=4, size=96, seed=7)


def test_every_image_has_its_label_in_the_competition_s_layout(written):
    for split, people in (("train", 3), ("test", 1)):
        images = sorted((written / split / "DCM").glob("ID*/image*.png"))
        labels = sorted((written / split / "outputs_json").glob("ID*/image*.json"))
        assert len(images) == 2 * people
        assert [(p.parent.name, p.stem) for p in images] == [
            (p.parent.name, p.stem) for p in labels
        ]


def test_only_the_first_person_s_names_tell_the_side(written):
    names = [path.stem for path in written.rglob("*.png")]
    assert len(set(names)) == len(names)
    for path in written.rglob("*.png"):
        digits, _, side = path.stem.removeprefix("image").partition("_")
        assert len(digits) == 13
        assert digits.isdigit()
        assert bool(side) == (path.parent.name == "ID001")
    assert (written / "train" / "DCM" / "ID001").is_dir()


def test_images_are_grey_in_three_channels(written):
    image = cv2.imread(str(next(written.rglob("*.png"))), cv2.IMREAD_UNCHANGED)
    assert image.shape == (96, 96, 3)
    assert (image[..., 0] == image[..., 1]).all()
    assert (image[..., 0] == image[..., 2]).all()


def test_labels_have_the_real_schema_and_its_stale_fields(written):
    path = next(written.rglob("*_R.json"))
    document = json.loads(path.read_text())
    assert set(document) == {
        "annotations", "attributes", "file_id", "filename", "parent_path", "last_modifier_id",
        "metadata", "last_workers",
    }  # fmt: skip
    assert document["metadata"] == {"height": 3060, "width": 3060}
    assert document["filename"] == f"{path.stem}.jpg"
    assert [annotation["label"] for annotation in document["annotations"]] == list(BONES)
    for annotation in document["annotations"]:
        assert set(annotation) == {"id", "type", "attributes", "points", "label"}
        assert annotation["type"] == "poly_seg"
        assert all(isinstance(value, int) for point in annotation["points"] for value in point)


def test_the_written_image_is_the_phantom_of_its_person_and_side(written):
    path = next(written.rglob("ID001/*_R.png"))
    stored = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    straight = make_phantom(96, 7, side="right", person=1, bent=False).image
    bent = make_phantom(96, 7, side="right", person=1, bent=True).image
    assert (stored == straight).all() or (stored == bent).all()


def test_the_number_of_processes_changes_no_byte(written, tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "_ALONE_UP_TO", 0)
    monkeypatch.setattr(writing.os, "cpu_count", lambda: 2)
    seen = []
    again = write_phantoms(
        tmp_path / "again", people=4, size=96, seed=7,
        progress=lambda done, total, note="": seen.append((done, total)),
    )  # fmt: skip
    assert digest(again) == digest(written)
    assert seen == [(done, 8) for done in range(9)]


def test_the_wrists_of_about_an_eighth_of_train_and_half_of_test_are_bent(tmp_path):
    split = writing._split_people(136, None, 0)
    tasks = writing._tasks(tmp_path, split, 64, 0)
    for name, people, share in (("train", 100, 0.115), ("test", 36, 0.576)):
        of_split = [task for task in tasks if task.image.is_relative_to(tmp_path / name)]
        assert len(of_split) == 2 * people
        assert abs(sum(task.bent for task in of_split) / len(of_split) - share) < 0.02


@pytest.mark.parametrize(
    ("people", "asked", "test"), [(1, None, 0), (2, None, 1), (40, None, 11), (10, 0, 0), (9, 8, 8)]
)
def test_the_test_split_has_the_people_asked_for_or_the_competition_s_share(people, asked, test):
    split = writing._split_people(people, asked, 3)
    assert len(split["test"]) == test
    assert sorted(split["train"] + split["test"]) == list(range(1, people + 1))
    assert 1 in split["train"]


@pytest.mark.parametrize(
    "wrong", [{"people": 0}, {"size": 8}, {"size": 9000}, {"test_people": 2}, {"test_people": -1}]
)
def test_impossible_numbers_are_refused_before_anything_is_written(tmp_path, wrong):
    with pytest.raises(UsageError):
        write_phantoms(tmp_path / "data", **{"people": 2, "size": 64, "seed": 0, **wrong})
    assert list(tmp_path.iterdir()) == []


def test_a_data_set_is_replaced_only_when_forced_and_what_else_lies_there_stays(tmp_path):
    folder = write_phantoms(tmp_path / "data", people=1, size=64, seed=0)
    (folder / "notes.txt").write_text("mine")
    (folder / "folds.json").write_text("{}")
    before = digest(folder)
    with pytest.raises(UsageError) as refused:
        write_phantoms(folder, people=2, size=64, seed=1)
    assert f"handseg phantom {folder} --force" in refused.value.hints
    assert digest(folder) == before
    write_phantoms(folder, people=2, size=64, seed=1, force=True)
    assert len(list(folder.rglob("*.png"))) == 4
    assert (folder / "notes.txt").read_text() == "mine"
    assert not (folder / "folds.json").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_a_data_set_that_is_no_phantoms_is_not_replaced_even_when_forced(tmp_path):
    (tmp_path / "data" / "train").mkdir(parents=True)
    with pytest.raises(UsageError):
        write_phantoms(tmp_path / "data", people=1, size=64, seed=0, force=True)
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["train"]


def test_an_empty_folder_is_filled(tmp_path):
    write_phantoms(tmp_path, people=1, size=64, seed=0)
    assert len(list((tmp_path / "train").rglob("*.json"))) == 2


@pytest.mark.parametrize("alone_up_to", [0, 10**9])
def test_an_interruption_leaves_nothing_behind(tmp_path, monkeypatch, alone_up_to):
    monkeypatch.setattr(writing, "_ALONE_UP_TO", alone_up_to)
    monkeypatch.setattr(writing.os, "cpu_count", lambda: 2)

    def interrupt(done, total, note=""):
        if done == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_phantoms(tmp_path / "data", people=3, size=64, seed=0, progress=interrupt)
    assert list(tmp_path.iterdir()) == []


def run_command(*words: str):
    app = typer.Typer()
    app.command()(phantom_command)
    return CliRunner().invoke(app, list(words))


def test_the_command_prints_the_folder_alone_and_a_second_time_exits_with_2(tmp_path):
    words = (str(tmp_path / "data"), "--people", "2", "--size", "64", "--test-people", "0")
    first = run_command(*words)
    assert first.exit_code == 0
    assert first.stdout.strip() == str(tmp_path / "data")
    second = run_command(*words)
    assert second.exit_code == 2
    assert second.stdout == ""
    assert "--force" in second.stderr
    assert run_command(*words, "--force").exit_code == 0
