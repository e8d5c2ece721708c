"""What a training writes is what everybody else reads."""

import errno
import json
import multiprocessing
import os
import time
from pathlib import Path

import numpy as np
import pytest

from handseg.errors import UsageError
from handseg.runs import jsonl, layout
from handseg.runs.artifacts import read_scores, score_steps
from handseg.runs.history import StepsTable, read_run
from handseg.runs.index import list_runs, summarise_run
from handseg.runs.writer import BURST, RunWriter, StepsThread


def both(value: float) -> dict[str, float]:
    return {"finger-1": value, "Radius": value + 0.1}


def test_a_validation_comes_back_as_it_was_written(make_run):
    writer = make_run()
    assert writer.validation(step=5, epoch=1, dice=both(0.5))
    assert not writer.validation(step=10, epoch=2, dice={"finger-1": 0.6, "Radius": 0.3})
    writer.end("finished")
    found = read_run(writer.folder)
    assert found.validation_steps.tolist() == [5, 10]
    assert found.dice.tolist() == [[0.5, 0.6], [0.6, 0.3]]
    summary = found.summary
    assert summary.state == "finished"
    assert summary.best_dice == pytest.approx(0.55)
    assert summary.last_dice == pytest.approx(0.45)
    assert (summary.worst_class, summary.best_epoch) == ("Radius", 1)
    assert summary.best_by_class == {"finger-1": 0.6, "Radius": 0.6}
    assert summary.means == pytest.approx((0.55, 0.45))


def test_a_class_that_was_nowhere_labelled_counts_neither_in_the_mean_nor_as_the_worst(make_run):
    writer = make_run()
    writer.validation(step=5, epoch=1, dice={"finger-1": 0.5, "Radius": float("nan")})
    writer.end("finished")
    summary = summarise_run(writer.folder)
    assert (summary.last_dice, summary.worst_class) == (0.5, "finger-1")
    assert np.isnan(read_run(writer.folder).dice[0, 1])


def test_every_line_of_the_logs_is_strict_json_even_when_the_loss_is_not_finite(make_run):
    writer = make_run()
    writer.step(1, loss=float("nan"), lr=float("inf"))
    writer.event("warning", message="loss", loss=np.float32("nan"), shape=np.arange(2))
    writer.end("failed", "loss is not finite")

    def refuse(name: str) -> float:
        raise AssertionError(name)

    for log in (layout.EVENTS, layout.STEPS):
        for line in (writer.folder / log).read_text().splitlines():
            json.loads(line, parse_constant=refuse)
    assert np.isnan(read_run(writer.folder).steps["loss"].values[0])


def test_steps_come_back_with_their_gaps_and_a_rate_that_hardly_moves_is_written_once(make_run):
    writer = make_run()
    for step in (1, 2, 3, 10, 20, 30):
        writer.step(step, loss=1 / step, lr=1e-3)
    writer.end("finished")
    loss = read_run(writer.folder).steps["loss"]
    assert loss.steps.tolist() == [1, 2, 3, 10, 20, 30]
    np.testing.assert_allclose(loss.values, 1 / loss.steps, rtol=1e-4)
    lines = [json.loads(line) for line in (writer.folder / layout.STEPS).open()]
    assert [line["lr"] for line in lines] == [1e-3] * len(lines)


def test_the_steps_thread_beats_while_nothing_is_logged(make_run):
    writer = make_run()
    steps = writer.folder / layout.STEPS
    os.utime(steps, (0, 0))
    until = time.monotonic() + 10
    while steps.stat().st_mtime == 0 and time.monotonic() < until:
        time.sleep(0.05)
    assert time.time() - steps.stat().st_mtime < 5
    assert steps.read_text() == ""
    writer.end("finished")


@pytest.mark.parametrize("pace", [1, 3, 50])
def test_a_million_steps_cost_at_most_15_mb_at_any_pace(tmp_path, pace):
    path = tmp_path / "steps.jsonl"
    thread = StepsThread(path)
    loss = np.random.default_rng(0).random(1000)
    step, seconds, begun = 0, 4000, 0
    for second in range(seconds):
        # As if the file had grown for long: what it costs from then on is what counts.
        thread._log.size += BURST if second == 0 else 0
        thread.gauge({"grad": float(loss[second % 1000]), "speed": 31.25, "wait": 0.0123})
        for _ in range(pace):
            step += 1
            thread.add(step, {"loss": float(loss[step % 1000]), "lr": 6e-5 + step * 1e-10})
        thread._write(last=False)
        begun = begun or path.stat().st_size
    thread._write(last=True)
    per_step = (path.stat().st_size - begun) / (seconds - 1) / pace
    assert BURST + per_step * 1e6 < 15e6
    table = StepsTable()
    for entry in map(json.loads, path.read_text().splitlines()):
        table.add(entry)
    series = table.series()
    assert list(series["loss"].steps) == list(range(1, step + 1))
    assert np.allclose(series["loss"].values, loss[series["loss"].steps % 1000], rtol=1e-4)
    assert np.allclose(series["speed"].values, 31.25, rtol=0.01)
    assert series["speed"].steps[[0, -1]].tolist() == [1, step]


def test_what_a_training_goes_back_behind_is_cancelled_for_every_reader(make_run):
    writer = make_run()
    for step in (1, 2, 3, 4):
        writer.step(step, loss=float(step))
    for step, dice in ((2, 0.5), (4, 0.9)):
        writer.validation(step=step, epoch=step / 2, dice={"a": dice, "b": dice})
    writer.rewind(2, rollback=1, rate=0.5)
    for step in (3, 4):
        writer.step(step, loss=10.0 * step)
    assert writer.validation(step=4, epoch=2, dice={"a": 0.6, "b": 0.6})
    writer.end("finished")
    details = read_run(writer.folder)
    assert list(details.steps["loss"].values) == [1, 2, 30, 40]
    assert list(details.means) == [0.5, 0.6]
    assert details.summary.best_dice == pytest.approx(0.6)


def test_on_a_full_disk_what_is_gone_back_behind_is_cancelled_as_soon_as_there_is_room(
    make_run, monkeypatch
):
    writer = make_run()
    for step in (1, 2, 3, 4):
        writer.step(step, loss=float(step))
    writer._steps._write(last=True)
    real = jsonl.Appender.append

    def full(self, value):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(jsonl.Appender, "append", full)
    writer.rewind(1)
    writer.step(2, loss=20.0)
    writer.step(3, loss=30.0)
    # Once more, and not as far: what is on the disk is still of the time before both.
    writer.rewind(2)
    monkeypatch.setattr(jsonl.Appender, "append", real)
    writer.end("stopped")
    loss = read_run(writer.folder).steps["loss"]
    assert (loss.steps.tolist(), loss.values.tolist()) == ([1, 2], [1.0, 20.0])


def test_names_are_numbered_from_one_and_a_free_number_is_used(make_run):
    assert [make_run().name for _ in range(3)] == ["unet-1", "unet-2", "unet-3"]


def test_a_name_that_is_taken_is_refused_and_leaves_nothing_behind(make_run, tmp_path):
    make_run(name="mine")
    before = sorted((tmp_path / "runs").iterdir())
    with pytest.raises(UsageError, match="already"):
        make_run(name="mine")
    assert sorted((tmp_path / "runs").iterdir()) == before


@pytest.mark.parametrize("name", ["a/b", "..", ".hidden", ""])
def test_a_name_that_is_no_folder_name_is_refused(make_run, name):
    with pytest.raises(UsageError):
        make_run(name=name)


def _create(runs: str, start: float, names) -> None:
    time.sleep(max(0, start - time.time()))
    writer = RunWriter.create(Path(runs), "race", recipe_toml="", facts={"classes": ["a"]})
    names.put(writer.name)
    writer.end("finished")


def test_two_trainings_that_start_at_once_get_two_folders(tmp_path):
    context = multiprocessing.get_context("fork")
    names = context.Queue()
    start = time.time() + 0.2
    children = [
        context.Process(target=_create, args=(str(tmp_path / "runs"), start, names))
        for _ in range(4)
    ]
    for child in children:
        child.start()
    found = {names.get(timeout=20) for _ in children}
    for child in children:
        child.join()
    assert found == {"race-1", "race-2", "race-3", "race-4"}
    assert {run.state for run in list_runs(tmp_path / "runs")} == {"finished"}


def test_an_event_of_an_unknown_kind_or_without_its_fields_is_refused(make_run):
    writer = make_run()
    with pytest.raises(ValueError, match="none of"):
        writer.event("validatoin")
    with pytest.raises(ValueError, match="step"):
        writer.event("checkpoint", path="x")


def test_scores_are_kept_for_the_last_and_the_best_validation_only(make_run):
    writer = make_run()
    for step, value in ((5, 0.5), (10, 0.9), (15, 0.6), (20, 0.7)):
        writer.scores(step, ["a.png"], ["finger-1", "Radius"], np.array([[value, np.nan]]))
        writer.validation(step=step, epoch=step / 5, dice=both(value))
    assert score_steps(writer.folder) == [10, 20]
    scores = read_scores(writer.folder, 10)
    assert (scores.images, scores.classes) == (("a.png",), ("finger-1", "Radius"))
    np.testing.assert_array_equal(scores.dice, np.array([[0.9, np.nan]], np.float32))


def test_a_second_end_changes_nothing(make_run):
    writer = make_run()
    writer.end("stopped", "Ctrl-C")
    writer.end("failed")
    assert summarise_run(writer.folder).state == "stopped"
