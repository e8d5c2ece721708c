"""What an earlier handseg wrote, frozen in `before/`, is still read and gone on with.

In a fresh clone all files are new: what was remembered of files by their times does not hold there.
Caches are named after contents, so they do.
"""

import json
import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from places import BEFORE
from surface import Told, parsed, run


@pytest.fixture
def place(tmp_path):
    """A working folder with all of it, the cache under the name that handseg looks for."""
    for path in BEFORE.iterdir():
        name = ".handseg" if path.name == "cache" else path.name
        if path.is_dir():
            shutil.copytree(path, tmp_path / name)
        else:
            shutil.copy(path, tmp_path / name)
    return tmp_path


@pytest.fixture
def handseg(place):
    """Types a command line in that folder; it must succeed without a warning or complaint."""

    def type_line(line: str, code: int = 0) -> Told:
        told = run(parsed(line), place)
        assert told.code == code, told.stderr
        assert "warning" not in told.stderr
        assert "unknown" not in told.stderr
        return told

    return type_line


def identities(folder: Path) -> dict[str, tuple[int, int]]:
    """Which file each path is, and when it was last written: neither survives being made anew."""
    states = {path: path.stat() for path in folder.rglob("*") if path.is_file()}
    return {
        path.relative_to(folder).as_posix(): (state.st_ino, state.st_mtime_ns)
        for path, state in states.items()
        # Files by their times: other ones in every clone.
        if path.name != "hashes.json"
    }


def events(run_folder: Path) -> list[dict]:
    return [json.loads(line) for line in (run_folder / "events.jsonl").read_text().splitlines()]


def scores(csv: str) -> dict[str, float]:
    lines = csv.splitlines()[1:]
    return {name: float(figure) for name, figure in (line.split(",") for line in lines)}


def test_a_stopped_run_goes_on_from_its_checkpoint_and_finishes(handseg, place):
    told = handseg("train --resume stopped --data data")
    assert told.stdout == "runs/stopped\n"
    assert "resuming stopped at step 3" in told.stderr
    log = events(place / "runs/stopped")
    (resumed,) = [one for one in log if one["kind"] == "resume"]
    assert (resumed["step"], resumed["validated"]) == (3, False)
    steps = [one["step"] for one in log if one["kind"] == "validation"]
    assert steps == [2, 4, 6]
    assert log[-1] == log[-1] | {"kind": "end", "state": "finished"}
    assert (place / "runs/stopped/predictions/val.csv").is_file()


def test_the_average_and_the_optimizer_of_a_stopped_run_go_on(handseg, place):
    """Were one of them begun anew, the average would have jumped to the weights."""
    from handseg.models.checkpoints import load_checkpoint

    root = place / "runs/stopped/checkpoints"
    before = load_checkpoint(root, "last")
    handseg("train --resume stopped --data data")
    after = load_checkpoint(root, "last")
    assert after.ema.keys() == before.ema.keys()
    name = next(name for name, one in before.ema.items() if one.is_floating_point())
    assert not after.ema[name].equal(before.ema[name])
    assert not after.ema[name].equal(after.weights[name])


def test_prepared_images_and_labels_are_used_and_not_made_anew(handseg, place):
    before = identities(place / ".handseg")
    told = handseg("train --resume stopped --data data")
    assert "preparing" not in told.stderr
    assert "become run lengths" not in handseg("stats").stderr
    assert "become run lengths" not in handseg("score finished:val").stderr
    assert identities(place / ".handseg") == before


def test_crops_are_up_to_date_for_crop_and_for_a_training(handseg, place):
    before = identities(place / "data/crops")
    told = handseg("crop --regions wrist,fingertip")
    assert told.stderr.count("is up to date") == 2
    sets = '--set train.epochs=1 --set \'data.crops=["wrist", "fingertip"]\''
    told = handseg(f"train segformer.toml --name new {sets}")
    assert "4 training images and 24 crops of 2 people" in told.stderr
    assert identities(place / "data/crops") == before


def test_folds_are_obeyed(handseg, place):
    written = json.loads((place / "data/folds.json").read_text())["folds"]
    told = handseg("folds --json")
    found = json.loads(told.stdout)
    assert (found["folds"], found["written"]) == (written, False)


def test_runs_are_listed_with_their_states(handseg):
    rows = json.loads(handseg("runs --json").stdout)
    shown = {(row["name"], row["state"], row["step"], row["epochs"]) for row in rows}
    assert shown == {
        ("stopped", "stopped", 3, 3),
        ("other", "finished", 180, 90),
        ("finished", "finished", 240, 120),
    }


def test_a_run_is_shown_with_its_classes_and_checkpoints(handseg):
    told = handseg("runs show finished")
    assert "best .0334 at epoch 80, last .0332, 3 validations" in told.stdout
    assert "step 240" in told.stdout
    assert "step 160" in told.stdout
    assert "test.csv, val.csv" in told.stdout
    assert "handseg train --resume stopped" in handseg("runs show stopped").stdout


def test_runs_are_compared_image_by_image(handseg):
    (found,) = json.loads(handseg("runs compare finished other --json").stdout)["others"]
    assert (found["images"], found["people"], found["knows_people"]) == (4, 2, True)
    assert found["difference"] == pytest.approx(0.12207003988)
    difference = {one["name"]: one["difference"] for one in found["classes"]}
    assert difference["Capitate"] == pytest.approx(0.6499, abs=1e-4)


@pytest.mark.parametrize("run", ["finished", "other"])
def test_predictions_with_sidecars_score_what_their_validation_said(handseg, place, run):
    figures = scores(handseg(f"score {run}:val --csv").stdout)
    sidecar = json.loads((place / f"runs/{run}/predictions/val.csv.json").read_text())
    assert figures["mean"] == pytest.approx(sidecar["validation_dice"], abs=1e-6)


@pytest.mark.parametrize("run", ["finished", "other"])
def test_an_old_checkpoint_predicts_nearly_what_it_predicted(handseg, place, run):
    path = place / f"runs/{run}/predictions/val.csv"
    before = path.read_text()
    assert "is up to date" in handseg(f"predict {run} --split val").stderr
    shutil.copy(path, place / "earlier.csv")
    assert "is up to date" not in handseg(f"predict {run} --split val --force").stderr
    # Another processor has other last bits, which turn a few pixels of an edge.
    assert path.read_text().count("\n") == before.count("\n")
    found = json.loads(handseg(f"diff earlier.csv {run}:val --json").stdout)
    assert found["masks"] == 116
    assert found["dice"] > 0.98


def test_a_plan_votes_on_old_predictions(handseg, place):
    told = handseg("vote --plan plan.toml --out new.csv")
    assert told.stdout == "new.csv\n"
    assert "2 members, 2 images, 29 classes" in told.stderr
    assert "2 classes have their own rules" in told.stderr
    sidecar = json.loads((place / "new.csv.json").read_text())
    assert [one["weight"] for one in sidecar["members"]] == ["1", "1.5"]


def test_the_same_vote_is_the_same_file(handseg, place):
    handseg("vote finished other --out new.csv")
    assert (place / "new.csv").read_bytes() == (place / "votes/vote-001.csv").read_bytes()


@pytest.mark.parametrize("csv", ["votes/vote-001.csv", "finished:val", "csvs/a.csv"])
def test_an_old_csv_with_its_sidecar_has_no_errors(handseg, csv):
    found = json.loads(handseg(f"check {csv} --json").stdout)["csvs"][0]
    assert found["errors"] == 0


def test_old_csvs_are_scored_against_old_labels(handseg):
    figures = scores(handseg("score csvs/a.csv --labels csvs/truth.csv --csv").stdout)
    assert figures["mean"] == pytest.approx(0.55539668893112)


def test_the_dashboard_shows_the_old_runs_and_previews(handseg):
    frame = handseg("tui --once --screen viewer --run finished --cells 100x30").stdout
    assert "image1661131237984_R.png" in frame
    assert "✔ finished" in handseg("tui --once --screen run --run finished").stdout
