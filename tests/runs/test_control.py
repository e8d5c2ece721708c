"""Stopping and resuming: real processes, and the proofs without which nothing is done."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from handseg.errors import UsageError
from handseg.runs import control, layout
from handseg.runs.control import ask_to_stop, check_resumable, start_resume, stop_command
from handseg.runs.index import summarise_run
from handseg.runs.lock import holder
from handseg.runs.writer import RunWriter

TRAINING = """
import signal, sys, threading
from pathlib import Path
from handseg.runs.writer import RunWriter
asked = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: asked.set())
writer = RunWriter.create(Path(sys.argv[1]), "child", recipe_toml="", facts={"classes": ["a"]})
print(writer.name, flush=True)
asked.wait(60)
writer.end("stopped", "SIGTERM")
"""


@pytest.fixture
def training(tmp_path):
    """A process that trains `child-1` and stops when it is asked to."""
    command = [sys.executable, "-c", TRAINING, str(tmp_path)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "child-1\n"
    yield child
    child.kill()
    child.wait()


@pytest.fixture
def stranger():
    """A process that has nothing to do with it."""
    child = subprocess.Popen(["sleep", "60"])
    yield child
    child.kill()
    child.wait()


def rewrite(folder: Path, **changes: object) -> None:
    run = json.loads((folder / layout.RUN).read_text())
    (folder / layout.RUN).write_text(json.dumps({**run, **changes}))


def test_a_training_that_is_asked_to_stop_ends_as_stopped(training, tmp_path):
    folder = tmp_path / "child-1"
    assert stop_command(summarise_run(folder)) == f"kill -TERM {training.pid}"
    assert holder(folder / layout.LOCK) == training.pid
    assert ask_to_stop(folder) == training.pid
    assert training.wait(10) == 0
    assert summarise_run(folder).state == "stopped"
    assert holder(folder / layout.LOCK) is None


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"boot_id": "another", "host": "hk-03"}, "it runs on hk-03"),
        ({"pid_namespace": "pid:[1]"}, "another pid namespace"),
        ({"start_ticks": 1}, "started at another time"),
        ({"pid": 1}, "held by another process than 1"),
        ({"pid": None}, "held by another process than None"),
    ],
)
def test_nothing_is_sent_without_proof(training, tmp_path, changes, said):
    rewrite(tmp_path / "child-1", **changes)
    with pytest.raises(UsageError) as refused:
        ask_to_stop(tmp_path / "child-1")
    assert said in str(refused.value)
    assert summarise_run(tmp_path / "child-1").state == "running"
    assert training.poll() is None


def test_a_process_that_has_got_the_number_of_a_dead_training_is_left_alone(
    training, stranger, tmp_path
):
    os.kill(training.pid, signal.SIGKILL)
    training.wait()
    rewrite(tmp_path / "child-1", pid=stranger.pid)
    with pytest.raises(UsageError, match="no process holds its lock"):
        ask_to_stop(tmp_path / "child-1")
    assert stranger.poll() is None


def test_a_training_that_was_begun_anew_in_between_gets_no_signal_and_that_is_said(
    training, tmp_path, monkeypatch
):
    pids = iter([training.pid, training.pid + 1])
    monkeypatch.setattr(control, "proven_process", lambda folder: next(pids))
    with pytest.raises(UsageError, match="just ended"):
        ask_to_stop(tmp_path / "child-1")
    assert summarise_run(tmp_path / "child-1").state == "running"


def test_a_training_of_this_very_process_is_its_own_holder(make_run):
    writer = make_run("unet")
    assert holder(writer.folder / layout.LOCK) == os.getpid()
    writer.end("finished")


@pytest.fixture
def stopped(tmp_path, make_run, monkeypatch) -> Path:
    """A run that was started in `work` and stopped; its recipe is at fault."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    writer: RunWriter = make_run("unet")
    writer.log("what was said before")
    writer.end("stopped", "Ctrl-C")
    (writer.folder / layout.RECIPE).write_text("schema =\n")
    monkeypatch.chdir(tmp_path)
    return writer.folder


def test_a_resumed_run_is_a_session_of_its_own_that_writes_to_the_log(stopped):
    child = start_resume(stopped)
    assert os.getsid(child.pid) == child.pid != os.getsid(0)
    assert child.wait(60) == 2
    log = (stopped / layout.LOG).read_text()
    assert log.startswith("what was said before\n")
    assert "recipe.toml" in log.splitlines()[1]


def test_a_resumed_run_works_where_it_was_started(stopped, tmp_path, monkeypatch):
    seen: dict[str, object] = {}
    real = subprocess.Popen

    def noting(command, **options):
        seen.update(options, command=command)
        return real(["true"], **options)

    monkeypatch.setattr(subprocess, "Popen", noting)
    start_resume(stopped).wait()
    assert seen["cwd"] == str(tmp_path / "work")
    assert seen["command"][1:5] == ["-m", "handseg", "train", "--resume"]


def test_a_run_that_lives_is_not_resumed(training, tmp_path):
    with pytest.raises(UsageError, match="it is running"):
        start_resume(tmp_path / "child-1")


def test_a_finished_run_is_not_resumed_and_it_is_said_how_it_trains_longer(make_run):
    writer = make_run("unet")
    writer.end("finished")
    with pytest.raises(UsageError, match=r"train\.epochs=N"):
        check_resumable(writer.folder)


def test_a_run_of_another_host_is_resumed_there(stopped):
    rewrite(stopped, boot_id="another", host="hk-03")
    with pytest.raises(UsageError, match=r"--resume unet-1 .*# on hk-03"):
        check_resumable(stopped)


def test_a_run_whose_working_folder_is_gone_is_not_resumed(stopped, tmp_path):
    (tmp_path / "work").rmdir()
    with pytest.raises(UsageError, match="where it was started is gone"):
        check_resumable(stopped)
