"""`--on-end`: a person's own command after a training in this process."""

import os
import signal
import time
from pathlib import Path

import pytest

from handseg.cli.train import on_end
from handseg.cli.train.on_end import RunEnd, end_of, on_end_of_training, run_on_end
from handseg.errors import FailedError
from handseg.runs.writer import RunWriter

RUNS = Path("runs")
TELL = 'echo "$(basename "$HANDSEG_RUN") $HANDSEG_STATE $HANDSEG_DICE $HANDSEG_REASON" > told.txt'


@pytest.fixture
def train(empty_folder):
    """Open a run, as a training does, and end it."""

    def run(state, reason="", dice=0.75, error=None):
        writer = RunWriter.create(RUNS, "unet", recipe_toml="", facts={"classes": ["x"]})
        writer.validation(step=1, epoch=1, dice={"x": dice})
        writer.end(state, reason)
        if error is not None:
            raise error

    return run


def on_signal():
    return Path("told.txt").read_text().split()


def test_a_run_that_finishes_is_on_end_of_training(train):
    with on_end_of_training(TELL, RUNS):
        train("finished")
    assert on_signal() == ["unet-1", "finished", "0.7500"]


def test_a_failure_is_told_and_goes_on_its_way(train):
    with pytest.raises(FailedError), on_end_of_training(TELL, RUNS):
        train("failed", "out of memory", error=FailedError("the device ran out of memory"))
    assert on_signal() == ["unet-1", "failed", "0.7500", "out", "of", "memory"]


def test_an_interruption_is_told_too(train):
    with pytest.raises(KeyboardInterrupt), on_end_of_training(TELL, RUNS):
        train("stopped", "Ctrl-C twice", dice=float("nan"), error=KeyboardInterrupt())
    assert on_signal() == ["unet-1", "stopped", "Ctrl-C", "twice"]


def test_a_training_that_had_no_folder_yet_is_told_with_its_error(empty_folder):
    with pytest.raises(FailedError), on_end_of_training(TELL, RUNS):
        raise FailedError("the weights cannot be had")
    assert on_signal() == ["failed", "the", "weights", "cannot", "be", "had"]
    assert end_of(None, "why").as_variables()["HANDSEG_RUN"] == ""


def test_a_run_of_before_is_not_the_one_that_is_on_end_of_training(train):
    train("finished")
    with on_end_of_training(TELL, RUNS):
        pass
    assert on_signal() == ["failed"]


def test_no_command_is_nothing(train):
    with on_end_of_training(None, RUNS):
        train("finished")


def test_a_command_that_takes_too_long_is_ended_with_all_it_started(
    empty_folder, monkeypatch, capsys
):
    monkeypatch.setattr(on_end, "PATIENCE", 0.3)
    begun = time.monotonic()
    run_on_end("sleep 600 & echo $! > pid; wait", RunEnd(None, "finished", "", None))
    assert time.monotonic() - begun < 20
    assert "took more than" in capsys.readouterr().err
    pid = int(Path("pid").read_text())
    end = time.monotonic() + 20
    while alive(pid):
        assert time.monotonic() < end
        time.sleep(0.02)


def alive(pid):
    """Whether a process runs; one that waits to be reaped does not."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


def test_a_command_that_fails_or_dies_is_said(empty_folder, capsys):
    run_on_end("exit 3", RunEnd(None, "finished", "", None))
    assert "--on-end ended with 3: exit 3" in capsys.readouterr().err
    run_on_end("kill -9 $$", RunEnd(None, "finished", "", None))
    assert f"--on-end ended with -{signal.SIGKILL.value}" in capsys.readouterr().err


def test_what_the_command_prints_is_no_result(empty_folder, capfd):
    run_on_end("echo hello", RunEnd(None, "finished", "", None))
    assert capfd.readouterr() == ("", "hello\n")
