"""Several trainings in one call: each in its own process, whatever becomes of the others."""

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
from handseg.cli.train import queue
from handseg.runs.writer import RunWriter

STAND_IN = Path(__file__).with_name("stand_in.py")
LAUNCH = (
    "import sys; from handseg.cli.train import queue; "
    f"queue.PROGRAM = (sys.executable, {str(STAND_IN)!r}); "
    "from handseg.cli.main import main; main()"
)
"""The real command, whose trainings are stand-ins: in a process of its own, as in a terminal."""


@pytest.fixture
def start(empty_folder):
    """Start `handseg train` with recipes that are called after how their training ends."""
    for name in ("good", "better", "fails", "crashes", "waits", "bare"):
        Path(f"{name}.toml").write_text('[model]\nweights = "none"\n')

    def run(*words):
        return subprocess.Popen(
            [sys.executable, "-c", LAUNCH, "train", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    return run


@pytest.fixture
def train(start, monkeypatch, capfd):
    """The same in this process; gives the exit code, stdout and what was said by whomever."""
    monkeypatch.setattr(queue, "PROGRAM", (sys.executable, str(STAND_IN)))

    def run(*words):
        done = CliRunner().invoke(application("train"), ["train", *words])
        return done.exit_code, done.stdout, capfd.readouterr().err + done.stderr

    return run


def wait_for(path, process):
    end = time.monotonic() + 60
    while not path.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end, "the training never began"
        time.sleep(0.02)


def test_every_fold_is_a_run_and_the_folds_are_joined_to_one_csv(tiny_recipe, capfd):
    def type_line(*words):
        return CliRunner().invoke(application(words[0]), words)

    type_line("folds", "--k", "2", "-q")
    done = type_line(
        *("train", "tiny.toml", "--fold", "all", "--no-progress"),
        *("--set", "train.epochs=1", "--set", "train.batch_size=4", "--set", "model.prior=0.5"),
        *("--on-end", "echo $HANDSEG_RUN $HANDSEG_STATE $HANDSEG_DICE >> ended.txt; echo hooked"),
    )
    assert done.exit_code == 0, capfd.readouterr().err
    assert done.stdout.splitlines() == ["runs/tiny-1", "runs/tiny-2", "oof/tiny-001.csv"]
    facts = [json.loads(Path(f"runs/tiny-{n}/run.json").read_text()) for n in (1, 2)]
    assert [fact["fold"] for fact in facts] == [0, 1]
    assert facts[0]["pid"] != facts[1]["pid"] != os.getpid()
    assert "run 2 of 2: tiny fold 1" in done.stderr
    assert "2 folds joined: 8 images" in done.stderr
    # What the trainings and the person's command say reaches our stderr, not stdout.
    said = capfd.readouterr().err
    assert said.count("held-out people") == said.count("hooked") == 2
    ended = [line.split() for line in Path("ended.txt").read_text().splitlines()]
    assert [(Path(run).name, state) for run, state, _ in ended] == [
        ("tiny-1", "finished"),
        ("tiny-2", "finished"),
    ]
    assert all(0 < float(dice) < 1 for *_, dice in ended)
    scored = type_line("score", "oof/tiny-001.csv", "--json")
    (found,) = json.loads(scored.stdout)["predictions"]
    assert scored.exit_code == 0
    assert "trained on" not in scored.stderr
    assert found["images"] == 8


def test_what_fails_does_not_stop_the_rest_and_is_told_with_what_to_type(train):
    code, out, said = train("fails.toml", "crashes.toml", "bare.toml", "good.toml")
    assert code == 1
    assert out == "runs/good-1\n"
    rows = [line.split() for line in said.splitlines()]
    assert ["fails-1", "fails", "fold", "0", "failed", "0.5000", "out", "of", "memory"] in rows
    assert ["good-1", "good", "fold", "0", "finished", "0.5000"] in rows
    assert ["-", "bare", "fold", "0", "failed", "exit", "code", "3"] in rows
    assert "crashes fold 0 was ended by SIGKILL" in said
    assert "3 of 4 trainings did not end well" in said
    # Where there is a checkpoint the run goes on; else it begins anew.
    assert "→ handseg train --resume fails-1" in said
    assert "→ handseg train crashes.toml" in said
    assert "→ handseg train bare.toml" in said
    assert "train good.toml" not in said


def test_the_exit_code_is_that_of_the_first_that_failed(train):
    assert train("good.toml", "bare.toml", "fails.toml")[0] == 3
    assert train("crashes.toml", "bare.toml")[0] == 1
    assert train("good.toml", "better.toml")[:2] == (0, "runs/good-2\nruns/better-1\n")


def test_quiet_says_only_what_went_wrong(train):
    assert train("good.toml", "better.toml", "-q")[2] == ""
    said = train("good.toml", "bare.toml", "-q")[2]
    assert said.startswith("error: nothing here\nerror: 1 of 2 trainings did not end well\n")


def test_the_options_reach_every_training_and_what_is_left_to_type(train, empty_folder):
    code, _, said = train(
        *("bare.toml", "fails.toml", "--fold", "2", "--set", "train.epochs=5", "--limit", "8"),
        *("--data", "my hands"),
    )
    assert code == 3
    options = "--fold 2 --set train.epochs=5 --data 'my hands' --limit 8"
    assert f"handseg train bare.toml {options}\n" in said
    assert "handseg train --resume fails-1 --data 'my hands'\n" in said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1, signal.SIGHUP])
def test_a_signal_to_the_queue_reaches_its_training_and_ends_both(start, number):
    process = start("good.toml", "waits.toml", "better.toml", "--set", "train.epochs=5")
    wait_for(Path("runs/waits-1/ready"), process)
    process.send_signal(number)
    out, said = process.communicate(timeout=60)
    assert (process.returncode, out) == (143, "runs/good-1\n")
    assert f"asked: {number.name}\n" in said
    assert f"the queue was stopped by {number.name}: 2 of 3" in said
    assert "→ handseg train --resume waits-1\n  → handseg train better.toml --set" in said
    assert not Path("runs/better-1").exists()


def test_ctrl_c_reaches_the_training_once_by_the_terminal(start):
    process = start("waits.toml", "good.toml")
    wait_for(Path("runs/waits-1/ready"), process)
    # What a terminal does: a signal to everybody in front of it.
    os.killpg(process.pid, signal.SIGINT)
    out, said = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert "the queue was stopped by Ctrl-C: 2 of 2 are left" in said
    assert "asked: SIGINT\n" in said
    assert "handseg train --resume waits-1" in said
    assert "handseg train good.toml" in said


def test_a_training_that_is_stopped_alone_does_not_stop_the_queue(start):
    process = start("waits.toml", "good.toml")
    wait_for(Path("runs/waits-1/ready"), process)
    pid = json.loads(Path("runs/waits-1/run.json").read_text())["pid"]
    os.kill(pid, signal.SIGTERM)
    out, said = process.communicate(timeout=60)
    assert (process.returncode, out) == (143, "runs/good-1\n")
    assert "1 of 2 trainings did not end well" in said


def test_folds_of_which_one_failed_are_not_joined_but_told_how_to(train, phantom_folder):
    code, out, said = train("fails.toml", "--fold", "all", "--data", str(phantom_folder))
    assert (code, out) == (1, "")
    names = " ".join(f"fails-{number}" for number in range(1, 5))
    assert f"handseg vote --out-of-fold {names} --data {phantom_folder}" in said
    assert not Path("oof").exists()


def test_the_persons_command_is_told_how_each_ended(train):
    words = '"$(basename "$HANDSEG_RUN")" "$HANDSEG_STATE" "$HANDSEG_REASON" "$HANDSEG_DICE"'
    train(
        *("good.toml", "fails.toml", "crashes.toml", "bare.toml"),
        *("--on-end", f"printf '%s|%s|%s|%s\\n' {words} >> ended.txt"),
    )
    assert Path("ended.txt").read_text().splitlines() == [
        "good-1|finished||0.5000",
        "fails-1|failed|out of memory|0.5000",
        "crashes-1|dead|killed or crashed|0.5000",
        "|failed|bare fold 0: exit code 3|",
    ]


def test_a_command_that_fails_is_said_and_changes_nothing(train):
    code, out, said = train("good.toml", "better.toml", "--on-end", "exit 7")
    assert (code, out) == (0, "runs/good-1\nruns/better-1\n")
    assert said.count("warning: --on-end ended with 7: exit 7") == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["good.toml", "better.toml", "--name", "x"], "--name names one run"),
        (["good.toml", "--fold", "all", "--name", "x"], "--name names one run"),
        (["good.toml", "--fold", "one"], "--fold one is neither"),
        (["good.toml", "--fold", "-1"], "--fold -1 is neither"),
        (["good.toml", "--fold", "1", "--set", "data.fold=2"], "say the same"),
        (["--resume", "last", "--fold", "1"], "--fold and --resume exclude each other"),
        (["--resume", "last", "--limit", "8"], "--limit and --resume exclude each other"),
        (["--resume", "last", "--dry-run"], "--dry-run and --resume exclude each other"),
    ],
)
def test_what_cannot_be_asked_for_is_one_message(start, words, said):
    done = CliRunner().invoke(application("train"), ["train", *words])
    assert (done.exit_code, done.stdout) == (2, "")
    assert said in done.stderr
    assert done.stderr.count("error:") == 1
    assert not Path("runs").exists()


def test_all_faults_of_all_recipes_are_told_before_any_training_begins(workplace):
    Path("good.toml").write_text('[model]\nweights = "none"\n')
    Path("bad.toml").write_text("[train]\nepoch = 3\nbatch_size = 0\n")
    Path("odd.toml").write_text('[model]\nencoder = "mit-b9"\n')
    done = CliRunner().invoke(
        application("train"), ["train", "good.toml", "bad.toml", "nowhere.toml", "odd.toml"]
    )
    assert (done.exit_code, done.stdout) == (2, "")
    assert "3 of 4 recipes cannot be used" in done.stderr
    for part in ("bad.toml:2  train.epoch", "bad.toml:3", "no recipe nowhere.toml", "odd.toml:2"):
        assert part in done.stderr
    assert done.stderr.count("error:") == 1
    assert not Path("runs").exists()
    assert not Path(".handseg").exists()
    assert not Path("data/folds.json").exists()


def test_all_folds_of_no_data_set_is_exit_3(start):
    done = CliRunner().invoke(application("train"), ["train", "good.toml", "--fold", "all"])
    assert done.exit_code == 3
    assert not Path("data").exists()


def test_the_run_of_a_process_is_not_that_of_an_earlier_one_with_its_number(tmp_path):
    from handseg.runs.query import find_run_by_pid

    writer = RunWriter.create(tmp_path, "unet", recipe_toml="", facts={})
    writer.end("finished")
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "run.json").write_text("{ no")
    assert find_run_by_pid(os.getpid(), 0.0, tmp_path) == tmp_path / "unet-1"
    assert find_run_by_pid(os.getpid(), time.time() + 1, tmp_path) is None
    assert find_run_by_pid(os.getpid() + 1, 0.0, tmp_path) is None
