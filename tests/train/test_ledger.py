"""What the steps came to, without a training around them."""

import math

import pytest
import torch

from handseg.train.ledger import IN_A_ROW, Ledger
from handseg.train.position import Position
from handseg.train.step import GoBackError, Taken


class Written:
    """Keeps what a run's writer is told."""

    def __init__(self):
        self.steps, self.gauges = {}, []

    def step(self, step, **values):
        self.steps[step] = values

    def gauge(self, **values):
        self.gauges.append(values)


@pytest.fixture
def ledger():
    made = Ledger(Written(), lambda *said: made.said.append(said), lambda *told: None)
    made.said = []
    return made


def enter(ledger, first, *losses, waited=0.0):
    """Steps from a number on, one a loss; NaN is a bad one."""
    for step, loss in enumerate(losses, first):
        taken = Taken(torch.tensor(loss), torch.tensor(1.0), torch.tensor(math.isnan(loss)))
        ledger.enter(step, 1e-3, taken, 4, waited)


def test_good_steps_between_bad_ones_begin_the_count_anew(ledger):
    position = Position()
    for begin in range(1, 60, IN_A_ROW):
        enter(ledger, begin, *[math.nan] * (IN_A_ROW - 1), 0.5)
        ledger.read(position)
    assert (position.row, position.skipped) == (0, 12 * (IN_A_ROW - 1))


def test_a_row_of_bad_steps_counts_over_several_readings(ledger):
    position = Position()
    enter(ledger, 1, *[math.nan] * (IN_A_ROW - 1))
    ledger.read(position)
    enter(ledger, IN_A_ROW, math.nan)
    with pytest.raises(GoBackError, match=f"{IN_A_ROW} steps in a row") as caught:
        ledger.read(position)
    assert caught.value.slower


def test_a_row_that_a_good_step_ended_before_anybody_looked_counts_too(ledger):
    enter(ledger, 1, *[math.nan] * IN_A_ROW, 0.5)
    with pytest.raises(GoBackError):
        ledger.read(Position())
    assert len(ledger.writer.steps) == IN_A_ROW + 1


def test_bad_steps_are_named_and_counted(ledger):
    enter(ledger, 7, 0.5, math.nan, math.nan)
    ledger.read(Position(skipped=2))
    ((message, about),) = ledger.said
    assert "steps 8, 9" in message
    assert "4 skipped so far" in message
    assert about == "loss"


def test_speed_and_waiting_are_those_since_the_last_reading(ledger, monkeypatch):
    from handseg.train import ledger as module

    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    ledger.restart_clock()
    enter(ledger, 1, 0.5, 0.4, waited=0.5)
    now[0] += 4
    ledger.read(Position())
    # A validation: nothing is pending, and its time is none of the steps'.
    now[0] += 50
    ledger.read(Position())
    enter(ledger, 3, 0.3)
    now[0] += 2
    ledger.read(Position())
    first, second = ledger.writer.gauges
    assert (first["speed"], first["wait"]) == (2.0, 0.25)
    assert (second["speed"], second["wait"]) == (2.0, 0.0)
    assert ledger.loss == pytest.approx(0.3)
