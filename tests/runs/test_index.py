"""Polling looks at what may have changed at once, and at the rest in turn."""

import json
import os
import shutil
import time

import pytest

from handseg.errors import InputError
from handseg.runs import jsonl, layout
from handseg.runs.history import RunFollower
from handseg.runs.index import LATEST, ROUND, RunIndex
from handseg.runs.writer import RunWriter


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def many(make_run, tmp_path):
    """60 finished runs, the later the newer; the folder was not touched lately."""
    first = make_run("many")
    first.validation(step=5, epoch=1, dice={"finger-1": 0.5, "Radius": 0.7})
    first.end("finished")
    runs = tmp_path / "runs"
    for number in range(2, 61):
        shutil.copytree(first.folder, runs / f"many-{number}")
        events = runs / f"many-{number}" / layout.EVENTS
        ended = [json.loads(line) | {"t": 1e9 + number} for line in events.open("rb")]
        events.write_bytes(b"".join(map(jsonl.encode, ended)))
        for path in (runs / f"many-{number}").iterdir():
            os.utime(path, (1e9 + number, 1e9 + number))
    settle(runs)
    return runs


def settle(runs):
    os.utime(runs, (time.time() - 60, time.time() - 60))


def states(found):
    return {run.name: run.state for run in found}


def end(folder, state="failed"):
    """Another event, as a process elsewhere would write it."""
    with (folder / layout.EVENTS).open("ab") as file:
        file.write(jsonl.encode({"v": 1, "kind": "end", "state": state}))


def test_a_run_that_comes_within_the_same_step_of_the_clock_is_noticed(many, clock):
    index = RunIndex(many, clock)
    os.utime(many)
    at = many.stat().st_mtime_ns
    index.poll()
    shutil.copytree(many / "many-2", many / "many-61")
    os.utime(many, ns=(at, at))
    assert "many-61" in states(index.poll())


def test_a_poll_gives_what_a_refresh_gives(many, clock):
    assert RunIndex(many, clock).poll() == RunIndex(many).refresh()


def test_without_a_change_the_same_list_is_given(many, clock):
    index = RunIndex(many, clock)
    first = index.poll()
    clock.now += 0.5
    assert index.poll() is first


def test_a_run_that_is_shown_is_looked_at_each_time(many, clock):
    index = RunIndex(many, clock)
    index.poll()
    end(many / "many-2")
    assert states(index.poll(["many-2", "no such run"]))["many-2"] == "failed"


def test_every_run_is_looked_at_within_a_round(many, clock):
    index = RunIndex(many, clock)
    index.poll()
    old = [f"many-{number}" for number in range(2, 60 - LATEST)]
    for name in old:
        end(many / name)
    seen = []
    for _ in range(int(ROUND / 0.5) + 1):
        clock.now += 0.5
        seen.append(sum(state == "failed" for state in states(index.poll()).values()))
    assert seen[-1] == len(old)
    assert seen[2] < len(old) / 4


def test_a_new_event_of_a_live_run_is_seen_at_the_next_poll(many, make_run, clock):
    writer = make_run("live")
    index = RunIndex(many, clock)
    assert states(index.poll())["live-1"] == "running"
    writer.validation(step=5, epoch=1, dice={"finger-1": 0.25})
    (live,) = [run for run in index.poll() if run.name == "live-1"]
    assert live.last_dice == 0.25
    writer.end("finished")
    assert states(index.poll())["live-1"] == "finished"


def test_a_stopped_run_that_is_resumed_is_seen_at_the_next_poll(many, make_run, clock):
    writer = make_run("stops")
    index = RunIndex(many, clock)
    writer.end("stopped")
    assert states(index.poll())["stops-1"] == "stopped"
    again = RunWriter.resume(writer.folder, step=0, facts={})
    assert states(index.poll())["stops-1"] == "running"
    again.end("finished")


def test_new_and_vanished_runs_are_noticed_at_once(many, make_run, clock):
    index = RunIndex(many, clock)
    assert len(index.poll()) == 60
    make_run("new").end("finished")
    assert len(index.poll()) == 61
    settle(many)
    index.poll()
    shutil.rmtree(many / "many-7")
    found = index.poll()
    assert len(found) == 60
    assert "many-7" not in states(found)


def test_a_folder_that_comes_later_and_goes_is_no_fault(tmp_path, clock):
    index = RunIndex(tmp_path / "runs", clock)
    assert index.poll() == []
    writer = RunWriter.create(tmp_path / "runs", "a", recipe_toml="", facts={})
    assert states(index.poll()) == {"a-1": "running"}
    writer.end("finished")
    shutil.rmtree(tmp_path / "runs")
    assert index.poll() == []


def test_a_run_whose_files_vanish_is_broken_and_the_others_stay(many, clock):
    index = RunIndex(many, clock)
    index.poll()
    (many / "many-9" / layout.EVENTS).unlink()
    found = states(index.poll(["many-9"]))
    assert found["many-9"] == "broken"
    assert sum(state == "finished" for state in found.values()) == 59


def test_a_heartbeat_alone_reads_nothing_anew(make_run, clock):
    writer = make_run()
    index = RunIndex(writer.folder.parent, clock)
    (before,) = index.poll()
    # Whoever read the events now would find them gone.
    content = (writer.folder / layout.EVENTS).stat()
    (writer.folder / layout.EVENTS).write_bytes(b" " * content.st_size)
    os.utime(writer.folder / layout.EVENTS, ns=(content.st_atime_ns, content.st_mtime_ns))
    os.utime(writer.folder / layout.STEPS, (before.updated + 9, before.updated + 9))
    (after,) = index.poll()
    assert after.state == "running"
    assert after.updated == pytest.approx(before.updated + 9)
    writer.end("finished")


def test_a_log_of_200_mb_is_listed_from_its_end(make_run):
    writer = make_run()
    with (writer.folder / layout.EVENTS).open("r+b") as file:
        # A hole reads as zero bytes: one torn line of 200 MB.
        file.truncate(200_000_000)
        file.seek(0, os.SEEK_END)
        file.write(b"\n")
    writer.validation(step=5, epoch=1, dice={"finger-1": 0.5})
    writer.end("finished")
    (run,) = RunIndex(writer.folder.parent).refresh()
    assert (run.state, run.last_dice) == ("finished", 0.5)


def test_5000_runs_are_listed(make_run):
    writer = make_run("many")
    writer.validation(step=5, epoch=1, dice={"finger-1": 0.5})
    writer.end("finished")
    for number in range(2, 5001):
        folder = writer.folder.with_name(f"many-{number}")
        folder.mkdir()
        for name in (layout.RUN, layout.EVENTS):
            (folder / name).hardlink_to(writer.folder / name)
    found = RunIndex(writer.folder.parent).refresh()
    assert len(found) == 5000
    assert {run.last_dice for run in found} == {0.5}


def test_a_folder_that_is_deleted_while_it_is_read_is_broken_not_an_error(make_run):
    writer = make_run()
    writer.end("finished")
    follower = RunFollower(writer.folder)
    follower.refresh()
    shutil.rmtree(writer.folder)
    with pytest.raises(InputError, match=r"no run\.json"):
        follower.refresh()
