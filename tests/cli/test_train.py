"""`handseg train` as a person types it."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from handseg.cli.main import application

QUICK = ["--set", "train.batch_size=2", "--no-progress"]


@pytest.fixture
def type_train(workplace):
    return lambda *words: CliRunner().invoke(application(), ["train", *words])


def test_stdout_is_the_run_and_stderr_what_a_person_wants_to_know(tiny_recipe, type_train):
    done = type_train("tiny.toml", *QUICK)
    assert (done.exit_code, done.stdout) == (0, "runs/tiny-1\n")
    said = done.stderr
    assert "6 training images of 3 people, 2 to validate on" in said
    assert "wrote data/folds.json" in said
    assert "preparing 8 images at 64 px" in said
    assert "no GPU" in said
    assert "epoch   2/2  loss" in said
    assert "moving average" not in said
    for bone in ("finger-19", "Pisiform", "Ulna"):
        assert f"{bone} " in said
    assert "runs/tiny-1/predictions/val.csv" in said
    assert "handseg score tiny-1:val" in said
    again = type_train("tiny.toml", *QUICK)
    assert (again.exit_code, again.stdout) == (0, "runs/tiny-2\n")
    assert "preparing" not in again.stderr


def test_with_an_average_of_the_weights_it_is_said_whose_the_best_dice_is(tiny_recipe, type_train):
    done = type_train("tiny.toml", *QUICK, "--set", "train.ema=0.9", "--set", "train.epochs=1")
    (event,) = [
        json.loads(line)
        for line in Path("runs/tiny-1/events.jsonl").read_text().splitlines()
        if '"validation"' in line
    ]
    other = event["raw_mean"] if event["uses_ema"] else event["ema_mean"]
    assert f"had {other:.4f}" in done.stderr
    whose = "of the weights' moving average" if event["uses_ema"] else "of the weights themselves"
    assert f"best Dice {event['mean']:.4f} (validation) {whose}" in done.stderr


def test_what_ends_a_training_runs_the_persons_command(tiny_recipe, type_train):
    line = "echo $HANDSEG_STATE $(basename $HANDSEG_RUN) $HANDSEG_DICE > told.txt"
    done = type_train("tiny.toml", "-q", *QUICK, "--set", "train.epochs=1", "--on-end", line)
    assert (done.exit_code, done.stdout) == (0, "runs/tiny-1\n")
    state, run, dice = Path("told.txt").read_text().split()
    assert (state, run) == ("finished", "tiny-1")
    assert 0 <= float(dice) <= 1


def test_quiet_prints_the_run_alone(tiny_recipe, type_train):
    done = type_train("tiny.toml", "-q", *QUICK)
    assert (done.stdout, done.stderr) == ("runs/tiny-1\n", "")


def test_a_bundled_recipe_is_said_and_trains_at_a_size_that_a_cpu_bears(type_train):
    done = type_train(
        "recipes/segformer.toml",
        *QUICK,
        *("--set", "data.size=64", "--set", "model.weights=none", "--set", "train.epochs=1"),
    )
    assert (done.exit_code, done.stdout) == (0, "runs/segformer-1\n")
    assert "using the bundled recipe" in done.stderr


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ([], 2, "name a recipe"),
        (["tiny.toml", "--resume", "tiny-1"], 2, "has its own recipe"),
        (["--resume", "last", "--dry-run"], 2, "is not measured"),
        (["--resume", "last", "--name", "x"], 2, "keeps its name"),
        (["--resume", "last"], 3, "no run"),
        (["tiny.toml", "--set", "train.epoch=3"], 2, "did you mean epochs?"),
        (["tiny.toml", "--set", "train.memory=low"], 2, "train.memory"),
        (["tiny.toml", "--set", "data.fold=9"], 2, "no fold 9"),
        (["tiny.toml", "--set", "data.crops=['wrist']"], 3, "handseg crop --regions wrist"),
        (["tiny.toml", "--set", "train.precision=fp16"], 1, "needs a GPU"),
        (["tiny.toml", "--data", "elsewhere"], 3, "elsewhere"),
    ],
)
def test_what_cannot_be_is_one_message_and_leaves_no_run(
    tiny_recipe, type_train, words, code, said
):
    done = type_train(*words)
    assert (done.exit_code, done.stdout) == (code, "")
    assert said in done.stderr
    assert done.stderr.count("error:") == 1
    assert not Path("runs").exists()


def test_three_faults_of_a_recipe_are_reported_each_with_its_line(workplace, type_train):
    Path("bad.toml").write_text('[train]\nepochs = 0\nepoch = 3\n[data]\nsize = "big"\n')
    done = type_train("bad.toml")
    assert done.exit_code == 2
    assert "the recipe bad.toml has 3 faults" in done.stderr
    for place in ("bad.toml:2", "bad.toml:3", "bad.toml:5"):
        assert place in done.stderr


def test_weights_that_cannot_be_had_are_exit_1_with_what_to_type(
    tiny_recipe, type_train, monkeypatch
):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    done = type_train("tiny.toml", "--set", "model.weights=nvidia/mit-b0")
    assert done.exit_code == 1
    assert "the weights nvidia/mit-b0 cannot be had" in done.stderr
    assert "--set model.weights=none" in done.stderr
    assert not Path("runs").exists()


def test_a_name_that_is_taken_is_exit_2(tiny_recipe, type_train):
    assert type_train("tiny.toml", "--name", "mine", *QUICK).stdout == "runs/mine\n"
    done = type_train("tiny.toml", "--name", "mine", *QUICK)
    assert done.exit_code == 2
    assert "handseg train --resume mine" in done.stderr


def test_ctrl_c_is_130_and_resume_goes_on_but_changes_nothing_else(
    tiny_recipe, type_train, monkeypatch
):
    from handseg.train import trainer as loop

    real = loop.Trainer.training_step

    def interrupted(self, *arguments):
        real(self, *arguments)
        if self.state.step == 2:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop.Trainer, "training_step", interrupted)
        done = type_train("tiny.toml", *QUICK)
    assert (done.exit_code, done.stdout) == (130, "")
    assert "handseg train --resume tiny-1" in done.stderr
    words = ("--resume", "tiny-1", "--set", "optimizer.lr=1", "--on-end", "touch ended")
    refused = type_train(*words)
    assert refused.exit_code == 2
    assert not Path("ended").exists()
    assert "optimizer.lr" in refused.stderr
    done = type_train("--resume", "tiny-1", "--set", "train.epochs=3", "--no-progress")
    assert (done.exit_code, done.stdout) == (0, "runs/tiny-1\n")
    assert "resuming tiny-1 at step 2" in done.stderr
    assert "epoch   3/3" in done.stderr


def test_a_run_folder_that_was_damaged_is_said(trained):
    Path("runs/tiny-1/run.json").write_text("{}")
    done = CliRunner().invoke(application(), ["train", "--resume", "tiny-1"])
    assert done.exit_code == 3
    assert "run.json" in done.stderr


def test_a_real_process_that_is_terminated_keeps_a_checkpoint_and_ends_with_143(tiny_recipe):
    line = ["train", "tiny.toml", "--set", "train.epochs=100000", "--no-progress"]
    process = subprocess.Popen(
        [sys.executable, "-c", "from handseg.cli.main import main; main()", *line],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    log = Path("runs/tiny-1/log.txt")
    end = time.monotonic() + 120
    while not log.exists() and process.poll() is None and time.monotonic() < end:
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    out, said = process.communicate(timeout=60)
    assert (process.returncode, out) == (143, ""), said
    assert "stopped by SIGTERM; a checkpoint is kept" in said
    assert Path("runs/tiny-1/checkpoints/last").exists()
    last = json.loads(Path("runs/tiny-1/events.jsonl").read_text().splitlines()[-1])
    assert (last["kind"], last["state"], last["reason"]) == ("end", "stopped", "SIGTERM")
