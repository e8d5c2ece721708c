"""Parts of a work done by several processes, as if by one."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from handseg.ensemble.vote import AHEAD, map_in_processes

PARTS = range(60)


def square(number):
    return number * number


@pytest.mark.parametrize("workers", [1, 2, 5, 100])
def test_results_come_in_the_order_of_the_parts(workers):
    def slow_now_and_then(number):
        time.sleep(0.02 * (number % 7 == 0))
        return square(number), os.getpid()

    results, processes = zip(*map_in_processes(slow_now_and_then, PARTS, workers), strict=True)
    assert list(results) == list(map(square, PARTS))
    assert (os.getpid() in processes) == (workers == 1)


def test_what_a_process_inherits_need_not_be_picklable(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(bytes(PARTS))
    with path.open("rb") as file:
        found = map_in_processes(lambda at: os.pread(file.fileno(), 1, at)[0], PARTS, 2)
        assert list(found) == list(PARTS)


@pytest.mark.parametrize("place", [0, 30, 59])
def test_a_process_that_is_killed_costs_no_result(place):
    parent = os.getpid()

    def killed(number):
        if number == place and os.getpid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)
        return square(number)

    assert list(map_in_processes(killed, PARTS, 2)) == list(map(square, PARTS))


def test_what_the_work_raises_is_raised_at_its_part():
    def failing(number):
        if number in (20, 40):
            raise ValueError(f"part {number}")
        return square(number)

    found = map_in_processes(failing, PARTS, 2)
    assert [next(found) for _ in range(20)] == list(map(square, range(20)))
    with pytest.raises(ValueError, match="part 20"):
        next(found)


def test_what_cannot_be_sent_back_is_done_again_here():
    assert len(list(map_in_processes(lambda _: lambda: 1, PARTS, 2))) == len(PARTS)


def test_no_more_is_done_ahead_than_memory_should_hold(tmp_path):
    def noted(number):
        (tmp_path / str(number)).touch()
        return number

    found = map_in_processes(noted, PARTS, 2)
    assert next(found) == 0
    time.sleep(0.5)
    assert len(list(tmp_path.iterdir())) <= 2 * AHEAD + 1
    found.close()


@pytest.mark.parametrize("error", [PermissionError("/dev/shm"), NotImplementedError("sem_open")])
def test_a_machine_without_semaphores_does_all_in_one_process(monkeypatch, error):
    def refused(*_):
        raise error

    monkeypatch.setattr("concurrent.futures.ProcessPoolExecutor", refused)
    assert list(map_in_processes(square, PARTS, 2)) == list(map(square, PARTS))


SCRIPT = """
import os, sys, time
from pathlib import Path
from handseg.ensemble.vote import map_in_processes

def work(number):
    (Path(sys.argv[1]) / str(os.getpid())).touch()
    time.sleep(float(sys.argv[2]))

for _ in map_in_processes(work, range(10000), 3):
    pass
"""


@pytest.fixture
def working(tmp_path):
    """Starts a process of three workers in a group of its own; gives it and the workers' ids."""
    started = []

    def start(seconds):
        words = [sys.executable, "-c", SCRIPT, str(tmp_path), str(seconds)]
        process = subprocess.Popen(words, stderr=subprocess.PIPE, start_new_session=True)
        started.append(process)
        wait_until(lambda: len(list(tmp_path.iterdir())) == 3)
        return process, [int(path.name) for path in tmp_path.iterdir()]

    yield start
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stderr.close()


def wait_until(happens):
    end = time.monotonic() + 20
    while not happens():
        assert time.monotonic() < end
        time.sleep(0.02)


def is_alive(process):
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("seconds", [0, 0.05])
def test_workers_end_with_a_parent_that_is_killed(working, seconds):
    process, workers = working(seconds)
    process.kill()
    wait_until(lambda: not any(map(is_alive, workers)))


def test_ctrl_c_ends_all_and_only_the_parent_says_so(working):
    process, workers = working(0.01)
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=20)
    wait_until(lambda: not any(map(is_alive, workers)))
    assert said.count(b"Traceback") == 1
    assert said.rstrip().endswith(b"KeyboardInterrupt")
