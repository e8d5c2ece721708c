"""Dice of classes over validations as cells."""

import numpy as np
import pytest

from handseg.view.strips import LEVELS, cells, falls, last_known, level

NAN = float("nan")


def test_few_validations_have_a_cell_each():
    dice = np.array([[0.1, 0.2], [0.3, NAN]])
    found = cells(dice, 10)
    np.testing.assert_array_equal(found.worst, dice)
    assert [found.validations_of(cell) for cell in (0, 1)] == [(0, 0), (1, 1)]


@pytest.mark.parametrize("most", [1, 3, 7, 50])
def test_more_validations_than_cells_show_the_worst_of_each_stretch(most):
    rng = np.random.default_rng(2)
    dice = rng.uniform(size=(50, 4))
    dice[rng.uniform(size=dice.shape) < 0.3] = NAN
    found = cells(dice, most)
    assert len(found.starts) == most
    seen = []
    for cell in range(most):
        first, last = found.validations_of(cell)
        seen += range(first, last + 1)
        for place in range(4):
            known = [v for v in dice[first : last + 1, place] if not np.isnan(v)]
            expected = min(known) if known else NAN
            np.testing.assert_equal(found.worst[cell, place], expected)
    assert seen == list(range(50)), "every validation belongs to one cell"


def test_a_collapse_that_lasted_one_validation_is_seen():
    dice = np.full((1000, 1), 0.95)
    dice[371] = 0.1
    assert (cells(dice, 60).worst < 0.2).sum() == 1


def test_no_validation_or_no_room_is_no_cell():
    assert cells(np.empty((0, 3)), 10).worst.shape == (0, 3)
    assert cells(np.ones((5, 3)), 0).worst.shape == (0, 3)


def test_a_fall_is_counted_from_the_best_to_the_newest_value():
    dice = np.array([[0.5, 0.9, NAN], [0.8, NAN, NAN], [0.7, NAN, NAN]])
    np.testing.assert_allclose(falls(dice), [0.1, 0.0, NAN])
    np.testing.assert_array_equal(last_known(dice), [0.7, 0.9, NAN])


def test_levels_rise_with_dice_and_none_is_no_level():
    found = [level(value) for value in np.linspace(0, 1, 101)]
    assert found == sorted(found)
    assert set(found) == set(range(LEVELS))
    assert level(NAN) == -1
