"""What a validation event says, and which validation is the best."""

import math

import pytest

from handseg.cli.runs.lines import runs_lines
from handseg.runs import jsonl, layout
from handseg.runs.events import BestTracker, ValidationEvent, last_validation
from handseg.runs.index import list_runs
from handseg.runs.writer import RunWriter

DICE = [(5, 0.5, 0.5), (10, math.nan, math.nan), (15, 0.5, 0.9), (20, 0.6, 0.8)]


def logged(tracker, **values):
    """A validation event as it comes back from the log."""
    event = jsonl.decode(jsonl.encode({**values, **tracker.as_fields()}))
    assert event is not None
    return event


def test_the_best_is_the_highest_mean_and_each_class_has_a_best_of_its_own():
    best = BestTracker()
    found = [best.update(step, step / 5, {"a": a, "b": b}) for step, a, b in DICE]
    assert found == [True, False, True, False]
    assert (best.step, best.epoch) == (15, 3.0)
    assert best.mean == pytest.approx(0.7)
    assert best.dice == {"a": 0.6, "b": 0.9}


def test_the_last_event_is_enough_to_go_on_from():
    whole, resumed = BestTracker(), BestTracker()
    for step, a, b in DICE:
        event = logged(resumed)
        resumed = BestTracker.from_event(event)
        assert whole.update(step, 1.0, {"a": a, "b": b}) == resumed.update(
            step, 1.0, {"a": a, "b": b}
        )
    assert logged(resumed) == logged(whole)
    assert [round(mean, 6) for mean in resumed.means if mean == mean] == [0.5, 0.7, 0.7]


def test_whether_a_mean_would_be_the_best_is_known_before_it_is_taken_in():
    best = BestTracker()
    assert best.is_beaten_by(0.1)
    assert not best.is_beaten_by(math.nan)
    best.update(5, 1.0, {"a": 0.5})
    assert [best.is_beaten_by(mean) for mean in (0.4, 0.5, 0.6)] == [False, False, True]


def test_a_validation_may_tell_further_metrics_by_class():
    event = {"step": 5, "dice": {"a": 0.5}, "metrics": {"hd95": {"a": 2.5, "b": None}, "x": 3}}
    found = ValidationEvent.decode(event)
    assert (found.step, found.dice) == (5, {"a": 0.5})
    assert found.metrics["hd95"]["a"] == 2.5
    assert math.isnan(found.metrics["hd95"]["b"])
    assert found.metrics["x"] == {}


def test_a_metric_that_the_writer_adds_is_in_the_log(make_run):
    writer = make_run("unet")
    writer.validation(step=5, epoch=1, dice={"a": 0.5}, metrics={"hd95": {"a": 2.5}})
    writer.end("finished")
    event = last_validation(writer.folder / layout.EVENTS)
    assert event is not None
    assert ValidationEvent.decode(event).metrics == {"hd95": {"a": 2.5}}


def test_the_mean_is_of_bones_and_its_event_says_what_it_leaves_out(make_run):
    writer = make_run("unet", classes=["a", "SoftTissue"], not_bones={"SoftTissue"})
    writer.validation(step=5, epoch=1, dice={"a": 0.5, "SoftTissue": 0.1})
    event = last_validation(writer.folder / layout.EVENTS)
    assert event is not None
    assert (event["mean"], event["best"]["mean"], event["not_bones"]) == (0.5, 0.5, ["SoftTissue"])
    assert ValidationEvent.decode(event).not_bones == ("SoftTissue",)
    [run] = list_runs(writer.folder.parent)
    assert (run.best_dice, run.worst_class, run.not_bones) == (0.5, "a", ("SoftTissue",))
    assert not run.counted_no_bones
    writer.end("finished")


def test_a_run_that_began_with_the_mean_of_all_goes_on_with_it(make_run):
    """Of a handseg before means over bones; its best validation must not be beaten by a word."""
    writer = make_run("unet", classes=["a", "SoftTissue"])
    writer.validation(step=5, epoch=1, dice={"a": 0.5, "SoftTissue": 0.9})
    writer.end("stopped")
    log = writer.folder / layout.EVENTS
    lines = [jsonl.decode(line) or {} for line in log.read_bytes().splitlines()]
    old = [{name: one[name] for name in one if name != "not_bones"} for one in lines]
    log.write_bytes(b"".join(map(jsonl.encode, old)))

    again = RunWriter.resume(writer.folder, step=5, facts={}, not_bones={"SoftTissue"})
    assert not again.validation(step=10, epoch=2, dice={"a": 0.6, "SoftTissue": 0.7})
    again.end("finished")
    event = last_validation(log)
    assert event is not None
    assert (event["mean"], event["best"]["mean"]) == (pytest.approx(0.65), pytest.approx(0.7))
    [run] = list_runs(writer.folder.parent)
    assert run.counted_no_bones == ("SoftTissue",)
    assert "*" in runs_lines([run], 0.0, 120).plain


def test_a_run_without_a_validation_yet_has_the_mean_of_bones(make_run):
    writer = make_run("unet")
    writer.end("stopped")
    again = RunWriter.resume(writer.folder, step=0, facts={}, not_bones={"Radius"})
    again.validation(step=5, epoch=1, dice={"finger-1": 0.5, "Radius": 0.9})
    again.end("finished")
    assert again.best.mean == 0.5
