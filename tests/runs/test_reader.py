"""Lists of runs come from the ends of their logs; a broken one harms no other."""

import json

import numpy as np
import pytest

from handseg.errors import InputError
from handseg.runs import jsonl, layout
from handseg.runs.history import read_run
from handseg.runs.index import RunIndex, list_runs, summarise_run
from handseg.runs.writer import RunWriter


def test_a_folder_that_is_not_there_holds_no_runs(tmp_path):
    assert list_runs(tmp_path / "nowhere") == []


def test_the_newest_start_comes_first(make_run):
    for recipe in ("a", "b", "c"):
        make_run(recipe).end("finished")
    assert [run.name for run in list_runs(make_run("d").folder.parent)] == [
        "d-1",
        "c-1",
        "b-1",
        "a-1",
    ]


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        (layout.RUN, None, "no run.json"),
        (layout.RUN, b'{"v":', "bad run.json"),
        (layout.EVENTS, None, "no events.jsonl"),
        (layout.EVENTS, b"\x00\xffgarbage\n[1]\n", "bad log"),
        (layout.EVENTS, b"", "bad log"),
    ],
)
def test_a_broken_run_says_so_and_the_others_are_listed(make_run, file, content, said):
    make_run("good").end("finished")
    bad = make_run("bad")
    bad.end("finished")
    path = bad.folder / file
    path.unlink() if content is None else path.write_bytes(content)
    states = {run.name: (run.state, run.message) for run in list_runs(bad.folder.parent)}
    assert states["good-1"][0] == "finished"
    assert states["bad-1"][0] == "broken"
    assert said in states["bad-1"][1]
    with pytest.raises(InputError, match="bad-1"):
        read_run(bad.folder)


def test_values_of_the_wrong_kind_do_not_stop_a_list(make_run):
    writer = make_run()
    writer.end("finished")
    event = {"kind": "validation", "step": "x", "dice": [1], "best": 3, "means": None}
    with (writer.folder / layout.EVENTS).open("ab") as file:
        file.write(jsonl.encode(event) + b'"text"\n[]\n')
    assert [run.state for run in list_runs(writer.folder.parent)] == ["finished"]
    assert np.isnan(summarise_run(writer.folder).last_dice)


def test_a_validation_far_from_the_end_is_found(make_run):
    writer = make_run()
    writer.validation(step=5, epoch=1, dice={"finger-1": 0.5})
    for _ in range(200):
        writer.event("warning", message="x" * 1000)
    writer.end("finished")
    assert summarise_run(writer.folder).last_dice == 0.5


def test_backwards_gives_every_line_once_whatever_the_blocks_cut(tmp_path):
    path = tmp_path / "log"
    rng = np.random.default_rng(1)
    path.write_bytes(
        b"".join(jsonl.encode({"n": n, "x": "é" * int(rng.integers(300))}) for n in range(900))
    )
    assert [line["n"] for line in jsonl.backwards(path)] == list(range(899, -1, -1))


def read_all(follower):
    blocks = list(follower.read())
    entries = [entry for _, entries in blocks for entry in entries]
    return any(anew for anew, _ in blocks), entries


def test_a_follower_reads_half_a_line_only_when_it_is_whole(tmp_path):
    path = tmp_path / "log"
    path.write_bytes(b'{"a":1}\n{"a"')
    follower = jsonl.Follower(path)
    assert read_all(follower) == (True, [{"a": 1}])
    with path.open("ab") as file:
        file.write(b":2}\n")
    assert read_all(follower) == (False, [{"a": 2}])
    path.write_bytes(b'{"a":3}\n')
    assert read_all(follower) == (True, [{"a": 3}])


def test_a_follower_reads_a_long_log_in_blocks_and_each_line_once(tmp_path):
    path = tmp_path / "log"
    lines = [{"n": n, "x": "é" * (n % 300)} for n in range(4000)]
    path.write_bytes(b"".join(map(jsonl.encode, lines)))
    blocks = list(jsonl.Follower(path).read())
    assert len(blocks) > 4
    assert max(len(entries) for _, entries in blocks) < 2500
    assert [anew for anew, _ in blocks] == [True] + [False] * (len(blocks) - 1)
    assert [entry for _, entries in blocks for entry in entries] == lines


def test_a_line_that_is_finished_while_its_beginning_is_read_is_not_torn(tmp_path):
    path = tmp_path / "log"
    path.write_bytes(b'{"a":1}\n{"a"')
    follower = jsonl.Follower(path)
    found = []
    for _, entries in follower.read():
        found += entries
        if entries:
            with path.open("ab") as file:
                file.write(b":2}\n")
    assert found == [{"a": 1}]
    assert read_all(follower) == (False, [{"a": 2}])


def test_the_time_left_follows_from_the_pace_of_the_last_validations(make_run):
    writer = make_run(epochs=10, steps_per_epoch=5)
    for epoch in (1, 2):
        writer.step(epoch * 5, loss=1.0)
        writer.validation(step=epoch * 5, epoch=epoch, dice={"finger-1": 0.5})
    lines = [json.loads(line) for line in (writer.folder / layout.EVENTS).open()]
    for back, line in enumerate(reversed(lines)):
        line["t"] -= 60 * back
    (writer.folder / layout.EVENTS).write_bytes(b"".join(map(jsonl.encode, lines)))
    run = summarise_run(writer.folder)
    assert run.eta == pytest.approx(8 * 60, rel=0.05)
    assert (run.epoch, run.epochs) == (2, 10)
    writer.end("stopped")
    assert np.isnan(summarise_run(writer.folder).eta)


def test_an_index_notices_new_changed_and_vanished_runs(make_run, tmp_path):
    index = RunIndex(tmp_path / "runs")
    assert index.refresh() == []
    writer = make_run()
    assert [run.state for run in index.refresh()] == ["running"]
    writer.validation(step=5, epoch=1, dice={"finger-1": 0.5})
    assert index.refresh()[0].last_dice == 0.5
    writer.end("finished")
    for path in sorted(writer.folder.rglob("*")):
        path.unlink()
    assert index.refresh()[0].state == "broken"
    writer.folder.rmdir()
    assert index.refresh() == []


def test_300_runs_are_listed_with_their_names_and_dice(make_run, tmp_path):
    first = make_run("many")
    first.validation(step=5, epoch=1, dice={"finger-1": 0.5, "Radius": 0.7})
    first.end("finished")
    kept = {name: (first.folder / name).read_bytes() for name in (layout.RUN, layout.EVENTS)}
    for number in range(2, 301):
        folder = tmp_path / "runs" / f"many-{number}"
        folder.mkdir()
        for name, content in kept.items():
            (folder / name).write_bytes(content)
    found = list_runs(tmp_path / "runs")
    assert len(found) == 300
    assert {run.worst_class for run in found} == {"finger-1"}


def test_a_run_in_the_making_is_not_listed(tmp_path):
    (tmp_path / "runs" / ".new-1-abc").mkdir(parents=True)
    assert list_runs(tmp_path / "runs") == []


def test_a_run_without_any_validation_is_listed(tmp_path):
    writer = RunWriter.create(tmp_path, "bare", recipe_toml="", facts={})
    run = summarise_run(writer.folder)
    assert (run.state, run.epochs, run.worst_class, run.classes) == ("running", None, None, ())
    writer.end("failed", "no classes")
    assert summarise_run(writer.folder).message == "no classes"
