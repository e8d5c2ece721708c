"""Alive or dead is asked of the kernel."""

import errno
import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from handseg.errors import UsageError
from handseg.runs import layout, lock, process
from handseg.runs.index import RunIndex, list_runs, summarise_run
from handseg.runs.lock import is_held
from handseg.runs.writer import RunWriter

CHILD = """
import os, sys, time
from pathlib import Path
from handseg.runs.writer import RunWriter
writer = RunWriter.create(Path(sys.argv[1]), "child", recipe_toml="", facts={"classes": ["a"]})
if len(sys.argv) > 2:
    if os.fork() == 0:
        time.sleep(60)
print(writer.name, flush=True)
time.sleep(60)
"""


@pytest.fixture
def start(tmp_path):
    """Starts a process that makes a run and holds it."""
    children = []

    def begin(*arguments: str) -> subprocess.Popen:
        command = [sys.executable, "-c", CHILD, str(tmp_path), *arguments]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
        children.append(child)
        assert child.stdout is not None
        assert child.stdout.readline() == "child-1\n"
        return child

    yield begin
    for child in children:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def soon(folder: Path, state: str, seconds: float = 3.0) -> bool:
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        if summarise_run(folder).state == state:
            return True
        time.sleep(0.02)
    return False


def test_a_killed_training_is_dead_within_three_seconds_even_as_a_zombie(start, tmp_path):
    child = start()
    assert summarise_run(tmp_path / "child-1").state == "running"
    os.kill(child.pid, signal.SIGKILL)
    # Not waited for: the process is a zombie now.
    assert soon(tmp_path / "child-1", "dead")
    assert summarise_run(tmp_path / "child-1").message == "killed or crashed"


def test_a_worker_that_survives_does_not_keep_the_run_alive(start, tmp_path):
    child = start("with a worker")
    os.kill(child.pid, signal.SIGKILL)
    assert soon(tmp_path / "child-1", "dead")


def test_two_trainings_of_one_run_are_impossible(start, tmp_path):
    start()
    with pytest.raises(UsageError):
        RunWriter.resume(tmp_path / "child-1", step=0, facts={})


def test_listing_runs_in_the_training_process_does_not_lose_its_lock(make_run, tmp_path):
    writer = make_run()
    for _ in range(3):
        assert list_runs(tmp_path / "runs")[0].state == "running"
    question = (
        "import sys; from pathlib import Path; from handseg.runs.lock import is_held; "
        "print(is_held(Path(sys.argv[1])))"
    )
    command = [sys.executable, "-c", question, str(writer.folder / layout.LOCK)]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "True\n"
    writer.end("finished")
    assert is_held(writer.folder / layout.LOCK) is False


@pytest.fixture
def unlocked(make_run):
    """The folder of a run without end whose lock is free, and its `run.json`."""
    writer = make_run()
    writer._steps.stop()
    writer._lock.release()
    return writer.folder, json.loads((writer.folder / layout.RUN).read_text())


def test_where_locks_are_refused_the_process_is_asked_for(unlocked):
    folder, run = unlocked
    run["locked"] = False
    assert process.is_alive(folder, run) is True
    assert process.is_alive(folder, {**run, "start_ticks": 1}) is False
    assert process.is_alive(folder, {**run, "boot_id": "before", "host": run["host"]}) is False


@pytest.mark.parametrize("change", [{"pid_namespace": "pid:[1]"}, {"boot_id": "x", "host": "far"}])
def test_where_nothing_can_be_asked_silence_tells(unlocked, change):
    folder, run = unlocked
    run = {**run, "locked": False, **change}
    assert process.is_alive(folder, run) is None
    assert process.state_of(folder, run, {"kind": "start"}, 5)[0] == "running"
    assert process.state_of(folder, run, {"kind": "start"}, 31)[0] == "dead"


def test_where_locks_are_refused_a_run_that_lives_is_left_alone_all_the_same(unlocked, monkeypatch):
    folder, run = unlocked
    parent = {"pid": os.getppid(), "start_ticks": process.start_ticks(os.getppid())}
    (folder / layout.RUN).write_text(json.dumps({**run, "locked": False, **parent}))

    def refuse(*arguments):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(lock.fcntl, "lockf", refuse)
    with pytest.raises(UsageError, match="being trained"):
        RunWriter.resume(folder, step=0, facts={})
    (folder / layout.RUN).write_text(json.dumps({**run, "locked": False, "start_ticks": 1}))
    RunWriter.resume(folder, step=0, facts={}).end("stopped")


def test_a_free_lock_says_nothing_of_a_process_on_another_machine(unlocked):
    folder, run = unlocked
    # As seen over a network file system that keeps locks to each machine.
    assert process.is_alive(folder, {**run, "boot_id": "x", "host": "far"}) is None


def _look_later(path, released, answers):
    released.wait(20)
    answers.put((is_held(path), lock.holds(path)))


def test_what_a_process_held_when_it_forked_is_not_held_by_the_child(tmp_path):
    context = multiprocessing.get_context("fork")
    released, answers = context.Event(), context.Queue()
    held = lock.RunLock(tmp_path / layout.LOCK)
    child = context.Process(target=_look_later, args=(tmp_path / layout.LOCK, released, answers))
    child.start()
    held.release()
    released.set()
    assert answers.get(timeout=20) == (False, False)
    child.join()


def test_a_lock_that_is_given_back_twice_is_given_back_once(tmp_path):
    held = lock.RunLock(tmp_path / layout.LOCK)
    held.release()
    again = lock.RunLock(tmp_path / layout.LOCK)
    held.release()
    assert is_held(tmp_path / layout.LOCK)
    again.release()


def test_a_free_lock_is_believed_in_another_pid_namespace(unlocked):
    folder, run = unlocked
    assert process.is_alive(folder, {**run, "pid_namespace": "pid:[1]"}) is False


def test_a_living_process_that_is_silent_is_quiet(make_run):
    writer = make_run()
    run = json.loads((writer.folder / layout.RUN).read_text())
    assert process.state_of(writer.folder, run, {"kind": "start"}, 60)[0] == "quiet"
    writer.end("finished")


def test_out_of_memory_is_said_only_where_the_log_says_so(unlocked):
    folder, run = unlocked
    (folder / layout.LOG).write_text("epoch 1\ntorch.OutOfMemoryError: CUDA out of memory.\n")
    assert process.state_of(folder, run, {"kind": "start"}, 0) == ("dead", "out of memory")


def test_a_zombie_does_not_count_as_a_process():
    child = subprocess.Popen([sys.executable, "-c", ""])
    limit = time.monotonic() + 5
    while process.start_ticks(child.pid) is not None and time.monotonic() < limit:
        time.sleep(0.02)
    assert process.start_ticks(child.pid) is None
    assert Path(f"/proc/{child.pid}").exists()
    child.wait()


def test_what_the_kernel_kills_for_memory_in_its_cgroup_is_out_of_memory(unlocked, tmp_path):
    folder, run = unlocked
    counted = tmp_path / "memory.events"
    here = str(Path("/proc/self/ns/cgroup").readlink())
    run |= {"memory_events": str(counted), "oom_kills": 1, "cgroup_namespace": here}
    counted.write_text("low 0\nhigh 3\nmax 9\noom 2\noom_kill 1\noom_group_kill 0\n")
    assert process.state_of(folder, run, {"kind": "start"}, 0)[1] == "killed or crashed"
    counted.write_text("oom 3\noom_kill 2\n")
    assert process.state_of(folder, run, {"kind": "start"}, 0)[1].startswith("out of memory")
    other = {**run, "cgroup_namespace": "cgroup:[1]"}
    assert process.state_of(folder, other, {"kind": "start"}, 0)[1] == "killed or crashed"
    counted.unlink()
    assert process.state_of(folder, run, {"kind": "start"}, 0)[1] == "killed or crashed"


def test_a_machine_that_was_started_anew_is_the_reason(unlocked):
    folder, run = unlocked
    run |= {"boot_id": "before", "locked": False}
    found = process.state_of(folder, run, {"kind": "start"}, 0)
    assert found == ("dead", "its machine was started anew")


def test_a_log_that_speaks_of_memory_before_its_end_is_no_proof(unlocked):
    folder, run = unlocked
    (folder / layout.LOG).write_text("out of memory: halved the batch\nepoch 2\n\n")
    assert process.state_of(folder, run, {"kind": "start"}, 0)[1] == "killed or crashed"


def may_unshare() -> bool:
    """Whether this process may make a pid namespace."""
    unshare = shutil.which("unshare")
    if unshare is None:
        return False
    command = [unshare, "--pid", "--fork", "true"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not may_unshare(), reason="needs the right to make a pid namespace")
def test_a_training_in_another_pid_namespace_lives_and_dies_as_any_other(tmp_path):
    command = ["unshare", "--pid", "--fork", "--kill-child", sys.executable, "-c", CHILD]
    child = subprocess.Popen([*command, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == "child-1\n"
        run = json.loads((tmp_path / "child-1" / layout.RUN).read_text())
        assert run["pid_namespace"] != process.pid_namespace()
        assert summarise_run(tmp_path / "child-1").state == "running"
    finally:
        child.kill()
        child.wait()
    assert soon(tmp_path / "child-1", "dead")


def test_somebody_who_polls_sees_a_killed_training_dead_within_three_seconds(start, tmp_path):
    child = start()
    index = RunIndex(tmp_path)
    assert [run.state for run in index.poll()] == ["running"]
    os.kill(child.pid, signal.SIGKILL)
    limit = time.monotonic() + 3
    while index.poll()[0].state != "dead":
        assert time.monotonic() < limit
        time.sleep(0.1)
