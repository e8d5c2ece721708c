"""`--dry-run`: what a training would take, measured, and nothing left behind."""

import tempfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from handseg.cli.main import application

QUICK = ("--set", "train.batch_size=2", "--set", "train.epochs=7", "--no-progress")


@pytest.fixture
def type_dry_run(tiny_recipe, monkeypatch, tmp_path_factory):
    place = tmp_path_factory.mktemp("temporary")
    monkeypatch.setattr(tempfile, "tempdir", str(place))

    def run(*words):
        done = CliRunner().invoke(application("train"), ["train", "tiny.toml", "--dry-run", *words])
        assert list(place.iterdir()) == []
        return done

    return run


def figures(done):
    assert done.exit_code == 0, done.stderr
    return dict(line.split(maxsplit=1) for line in done.stdout.splitlines())


def test_time_memory_and_parameters_are_told_and_nothing_is_left(type_dry_run):
    found = figures(type_dry_run(*QUICK, "--set", "train.ema=0.9", "--on-end", "touch ended"))
    assert found["training"] == "tiny fold 0"
    assert found["images"].startswith("6 images of 3 people to train on, 2 to validate on")
    assert "3 an epoch, 21 in all" in found["step"]
    assert "7 in all" in found["validation"]
    assert int(found["parameters"].replace(",", "")) > 10_000
    assert found["device"] == "cpu, 2 images at once"
    assert found["memory"].endswith("of this process at most")
    assert found["everything"].startswith("about ")
    # Only the images of the two batches were prepared; folds are made by what trains.
    (prepared,) = Path(".handseg/prepared").iterdir()
    assert (prepared / "images.npy").stat().st_size < 5 * 64 * 64
    for trace in ("runs", "data/folds.json", "ended"):
        assert not Path(trace).exists()


def test_a_limit_is_what_would_be_trained_on(type_dry_run):
    found = figures(type_dry_run(*QUICK, "--limit", "2"))
    assert found["images"].startswith("2 images of 1 person to train on, 2 to validate on")
    assert "1 an epoch, 7 in all" in found["step"]


def test_what_cannot_be_trained_is_found_out(type_dry_run):
    done = type_dry_run("--set", "data.fold=9")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "no fold 9" in done.stderr
    assert not Path("data/folds.json").exists()
