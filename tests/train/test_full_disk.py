"""A disk that is full keeps the last good checkpoint, is told of and tried again."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from handseg.models.checkpoints import load_checkpoint
from handseg.runs import layout
from handseg.runs.events import steps_of
from handseg.runs.history import read_run
from handseg.train.checkpointing import copied, size_of

RUN = Path("runs/small")
SCRIPT = Path(__file__).with_name("on_a_small_disk.py")
MOUNT = (
    'mount -t tmpfs -o size="$1" none runs && shift && "$@"; code=$?; cp -r runs kept; exit $code'
)


@pytest.fixture
def on_a_small_disk(tiny_recipe):
    """Train on a small disk of its own; what lay on it at the end is then in `runs`."""
    unshare = shutil.which("unshare")
    if unshare is None or subprocess.run([unshare, "-rm", "true"], check=False).returncode:
        pytest.skip("no mount namespaces here: a small disk cannot be made")

    def run(how, size="6m"):
        Path("runs").mkdir()
        command = ["sh", "-c", MOUNT, "sh", size, sys.executable, str(SCRIPT), ".", how]
        done = subprocess.run(
            [unshare, "-rm", *command], capture_output=True, text=True, timeout=120, check=False
        )
        Path("runs").rmdir()
        Path("kept").rename("runs")
        return done

    return run


def test_a_disk_that_is_full_for_a_while_costs_nothing(on_a_small_disk, begin):
    done = on_a_small_disk("full-for-a-while")
    assert done.returncode == 0, done.stderr + done.stdout
    assert "is full" in done.stdout
    assert "the last good one is step-0000000" in done.stdout
    whole = begin("train.batch_size=2", "train.epochs=3").run
    one, other = (load_checkpoint(run / "checkpoints", "last") for run in (whole, RUN))
    assert one.manifest["step"] == other.manifest["step"] == 9
    assert all(torch.equal(one.weights[name], other.weights[name]) for name in one.weights)
    details = read_run(RUN)
    assert details.summary.state == "finished"
    # What was logged while the disk was full is there too.
    assert set(details.steps["loss"].steps.tolist()) >= {1, 9}
    lines = map(json.loads, (RUN / layout.STEPS).read_text().splitlines())
    assert [step for line in lines for step in steps_of(line)] == list(range(1, 10))
    assert [event["epoch"] for event in details.events if event["kind"] == "validation"] == [
        1,
        2,
        3,
    ]
    warnings = [event for event in details.events if event["kind"] == "warning"]
    assert [event["about"] for event in warnings].count("disk") == 1


def test_a_disk_that_stays_full_ends_the_run_with_its_last_good_checkpoint(
    on_a_small_disk, go_on, begin
):
    done = on_a_small_disk("stays-full")
    assert done.returncode == 1, done.stderr + done.stdout
    assert "stays full" in done.stdout
    assert "handseg train --resume small" in done.stdout
    kept = load_checkpoint(RUN / "checkpoints", "last")
    assert kept.manifest["step"] <= 2
    for line in (RUN / layout.EVENTS).read_text().splitlines()[:-1]:
        json.loads(line)
    (RUN.parent / "ballast").unlink()
    whole = begin("train.batch_size=2", "train.epochs=3").run
    go_on("small")
    one, other = (load_checkpoint(run / "checkpoints", "last") for run in (whole, RUN))
    assert all(torch.equal(one.weights[name], other.weights[name]) for name in one.weights)


def test_a_held_checkpoint_is_a_copy_that_training_does_not_move():
    live = {"a": torch.zeros(3), "nested": [{"b": torch.ones(2)}], "n": 1}
    held = copied(live)
    live["a"] += 1
    live["nested"][0]["b"] += 1
    assert held["a"].tolist() == [0, 0, 0]
    assert held["nested"][0]["b"].tolist() == [1, 1]
    assert size_of({"a": torch.zeros(3), "b": {"c": torch.zeros(2, dtype=torch.float64)}}) == 28
