"""The events of a run that count, and its validations as arrays."""

import math

import numpy as np

from handseg.runs.history import History, RunFollower, read_run
from handseg.runs.writer import RunWriter


def validation(step: int, mean: float = 0.5, **dice: float | None) -> dict[str, object]:
    best = {"mean": mean + 0.1, "epoch": 1.0, "step": step, "dice": dice}
    event = {"kind": "validation", "t": 10.0 * step, "step": step, "epoch": step / 10}
    return {**event, "mean": mean, "dice": dice, "best": best, "means": [mean] * 40, "seconds": 2.0}


def test_validations_are_arrays_in_the_order_of_the_classes():
    history = History(("a", "b"))
    history.take([{"kind": "start"}, validation(10, b=0.5, a=0.4), validation(20, a=None, c=0.1)])
    assert history.steps.tolist() == [10, 20]
    assert history.epochs.tolist() == [1.0, 2.0]
    assert history.times.tolist() == [100.0, 200.0]
    assert np.array_equal(history.dice, [[0.4, 0.5], [math.nan, math.nan]], equal_nan=True)


def test_a_validation_keeps_what_a_line_says_and_not_the_dice_of_all_classes():
    history = History(("a", "b"))
    history.take([validation(10, a=0.4, b=0.3), validation(20)])
    first, second = history.events
    assert (first["worst"], first["best_mean"], first["seconds"]) == (("b", 0.3), 0.6, 2.0)
    assert "worst" not in second
    assert not {"dice", "means", "best"} & {*first, *second}


def test_a_resume_cancels_later_validations_and_checkpoints_and_nothing_else():
    history = History(("a",))
    history.take([{"kind": "checkpoint", "step": 10}, validation(10, a=0.1)])
    history.take([{"kind": "warning", "step": 15}, validation(20, a=0.2)])
    before = history.events, history.dice
    history.take([{"kind": "checkpoint", "step": 20}, {"kind": "resume", "step": 10}])
    history.take([validation(15, a=0.3)])
    kinds = [event["kind"] for event in history.events]
    assert kinds == ["checkpoint", "validation", "warning", "resume", "validation"]
    assert history.steps.tolist() == [10, 15]
    assert history.dice.tolist() == [[0.1], [0.3]]
    assert len(before[0]) == 4
    assert before[1].tolist() == [[0.1], [0.2]], "what was handed out stays"


def test_events_are_the_same_object_as_long_as_none_came():
    history = History(())
    history.take([{"kind": "start"}])
    assert history.events is history.events
    before = history.events
    history.take([{"kind": "end"}])
    assert [len(before), len(history.events)] == [1, 2]


def test_values_of_the_wrong_kind_are_none():
    history = History(("a",))
    history.take([{"kind": "validation", "step": 1e300, "epoch": "x", "dice": [1], "best": 3}])
    history.take([{"kind": "validation", "step": -5, "dice": {"a": "x"}}, {"kind": ["resume"]}])
    assert history.dice.shape == (2, 1)
    assert np.isnan(history.dice).all()
    assert np.isnan(history.epochs).all()


def test_a_run_that_did_not_say_its_classes_has_those_of_its_last_validation(tmp_path):
    writer = RunWriter.create(tmp_path, "bare", recipe_toml="", facts={})
    follower = RunFollower(writer.folder)
    assert follower.refresh().dice.shape == (0, 0)
    writer.validation(step=1, epoch=1, dice={"a": 0.5})
    assert follower.refresh().dice.tolist() == [[0.5]]
    writer.validation(step=2, epoch=2, dice={"b": 0.7, "a": 0.6})
    writer.end("finished")
    found = follower.refresh()
    assert found.summary.classes == ("b", "a")
    assert np.array_equal(found.dice, [[math.nan, 0.5], [0.7, 0.6]], equal_nan=True)
    assert np.array_equal(found.dice, read_run(writer.folder).dice, equal_nan=True)
