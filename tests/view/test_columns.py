"""Long series reduced to columns, held against counting by hand."""

from itertools import pairwise

import numpy as np
import pytest

from handseg.view.curves import column_edges, reduce_columns, smooth, warm_up

NAN = float("nan")


def by_hand(x, y, borders):
    """Least, greatest and mean of the finite values between neighbouring borders, one by one."""
    found = []
    for low, high in pairwise(borders):
        inside = [b for a, b in zip(x, y, strict=True) if low <= a < high and np.isfinite(b)]
        found.append((min(inside), max(inside), np.mean(inside)) if inside else (NAN,) * 3)
    return np.array(found).T


@pytest.mark.parametrize("whole_numbers", [True, False])
@pytest.mark.parametrize("holes", [0, 150])
def test_columns_hold_what_counting_each_value_gives(whole_numbers, holes):
    rng = np.random.default_rng(1)
    x = np.sort(rng.integers(0, 3000, 500)) if whole_numbers else np.sort(rng.uniform(0, 3000, 500))
    y = rng.normal(size=500)
    y[rng.integers(0, 500, holes)] = rng.choice([NAN, np.inf, -np.inf], holes)
    borders = column_edges(200.0, 2500.0, 40, lead=3)
    found = reduce_columns(x, y, borders)
    assert len(found.mean) == 43
    np.testing.assert_allclose((found.low, found.high, found.mean), by_hand(x, y, borders))


def test_a_column_is_broken_where_it_holds_values_but_no_number():
    x, y = np.array([0, 1, 2, 2, 4]), np.array([1.0, NAN, NAN, 3.0, np.inf])
    found = reduce_columns(x, y, column_edges(0.0, 4.0, 5))
    assert found.broken.tolist() == [False, True, False, False, True]
    np.testing.assert_array_equal(found.mean, [1.0, NAN, 3.0, NAN, NAN])


def test_nothing_in_the_frame_is_nothing_in_the_columns():
    found = reduce_columns(np.array([7.0]), np.array([1.0]), column_edges(0.0, 4.0, 5))
    assert np.isnan(found.mean).all()
    assert np.isnan(reduce_columns(np.empty(0), np.empty(0), column_edges(0.0, 4.0, 5)).mean).all()


def test_smoothing_is_the_weighted_mean_of_what_came_before():
    values = np.array([4.0, 1.0, 3.0])
    weights = np.array([0.6**2, 0.6, 1.0])
    assert smooth(values, 0.6)[2] == pytest.approx((weights * values).sum() / weights.sum())
    assert smooth(values, 0.6)[0] == pytest.approx(4.0), "nothing is drawn towards zero"
    assert smooth(values, 0.0) is values


def test_smoothing_passes_over_gaps_and_keeps_them():
    found = smooth(np.array([NAN, 2.0, NAN, 2.0]), 0.9)
    np.testing.assert_allclose(found, [NAN, 2.0, NAN, 2.0])


@pytest.mark.parametrize("factor", [0.6, 0.9, 0.97])
def test_columns_beyond_the_warm_up_weigh_less_than_a_hundredth(factor):
    assert factor ** warm_up(factor) <= 0.01
    assert factor ** (warm_up(factor) - 1) > 0.01
