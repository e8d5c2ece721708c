"""Where a training stands."""

import math

from handseg.train.position import Position


def test_the_best_is_the_highest_mean_whatever_the_delta():
    position = Position()
    assert [position.take(mean, 0.1) for mean in (0.5, 0.55, 0.52, 0.7)] == [
        True,
        True,
        False,
        True,
    ]
    assert position.best == 0.7


def test_a_gain_below_the_delta_is_waited_through():
    position = Position()
    waited = []
    for mean in (0.5, 0.55, 0.52, 0.7, 0.7):
        position.take(mean, 0.1)
        waited.append(position.waited)
    assert waited == [0, 1, 2, 0, 1]


def test_a_validation_without_any_label_is_no_gain():
    position = Position()
    assert not position.take(math.nan, 0.0)
    assert position.best == -math.inf
    assert position.take(0.1, 0.0)


def test_it_is_kept_as_plain_figures():
    position = Position(step=7, epoch=2, batch=1, best=0.5, waited=3, plateau=0.25)
    assert Position(**position.as_dict()) == position


def test_small_steady_gains_are_gains():
    position = Position()
    for mean in (0.50, 0.54, 0.58, 0.62):
        position.take(mean, 0.05)
    assert position.waited == 1  # counted from 0.58, the last gain of more than 0.05
