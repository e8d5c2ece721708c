"""What the steps came to, without a training around them."""

import math

import pytest
import torch

from handseg.train.checkpointing import TrainerState
from handseg.train.metrics import MOST_BAD, MachineUsage, MetricLogger
from handseg.train.step import RollbackError, StepResult


class Written:
    """Keeps what a run's writer is told."""

    def __init__(self):
        self.steps, self.gauges = {}, []

    def step(self, step, **values):
        self.steps[step] = values

    def gauge(self, **values):
        self.gauges.append(values)


@pytest.fixture
def metrics():
    usage = MachineUsage(torch.device("cpu"))
    made = MetricLogger(Written(), lambda *said: made.said.append(said), lambda *told: None, usage)
    made.said = []
    return made


def enter(metrics, first, *losses, waited=0.0):
    """Steps from a number on, one a loss; NaN is a bad one."""
    for step, loss in enumerate(losses, first):
        result = StepResult(torch.tensor(loss), torch.tensor(1.0), torch.tensor(math.isnan(loss)))
        metrics.add(step, 1e-3, result, 4, waited)


def test_good_steps_between_bad_ones_begin_the_count_anew(metrics):
    state = TrainerState()
    for begin in range(1, 60, MOST_BAD):
        enter(metrics, begin, *[math.nan] * (MOST_BAD - 1), 0.5)
        metrics.flush(state)
    assert (state.bad_streak, state.skipped) == (0, 12 * (MOST_BAD - 1))


def test_a_row_of_bad_steps_counts_over_several_readings(metrics):
    state = TrainerState()
    enter(metrics, 1, *[math.nan] * (MOST_BAD - 1))
    metrics.flush(state)
    enter(metrics, MOST_BAD, math.nan)
    with pytest.raises(RollbackError, match=f"{MOST_BAD} steps in a row") as caught:
        metrics.flush(state)
    assert caught.value.slower


def test_a_row_that_a_good_step_ended_before_anybody_looked_counts_too(metrics):
    enter(metrics, 1, *[math.nan] * MOST_BAD, 0.5)
    with pytest.raises(RollbackError):
        metrics.flush(TrainerState())
    assert len(metrics.writer.steps) == MOST_BAD + 1


def test_bad_steps_are_named_and_counted(metrics):
    enter(metrics, 7, 0.5, math.nan, math.nan)
    metrics.flush(TrainerState(skipped=2))
    ((message, about),) = metrics.said
    assert "steps 8, 9" in message
    assert "4 skipped so far" in message
    assert about == "loss"


def test_speed_and_waiting_are_those_since_the_last_reading(metrics, monkeypatch):
    from handseg.train import metrics as module

    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    metrics.restart_clock()
    enter(metrics, 1, 0.5, 0.4, waited=0.5)
    now[0] += 4
    metrics.flush(TrainerState())
    # A validation: nothing is pending, and its time is none of the steps'.
    now[0] += 50
    metrics.flush(TrainerState())
    enter(metrics, 3, 0.3)
    now[0] += 2
    metrics.flush(TrainerState())
    first, second = metrics.writer.gauges
    assert (first["speed"], first["wait"]) == (2.0, 0.25)
    assert (second["speed"], second["wait"]) == (2.0, 0.0)
    assert metrics.loss == pytest.approx(0.3)
