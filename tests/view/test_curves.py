"""Sparklines and braille curves."""

import numpy as np

from handseg.view.curves import Frame, columns, curve, sparkline, value_range

NAN = float("nan")


def test_a_sparkline_goes_from_the_lowest_to_the_highest_bar():
    assert sparkline([0.0, 0.5, 1.0], 8) == "▁▅█"


def test_a_sparkline_leaves_gaps_where_there_is_no_number():
    assert sparkline([0.0, NAN, 1.0], 8) == "▁ █"
    assert sparkline([NAN, NAN], 8) == "  "
    assert sparkline([], 8) == ""


def test_more_values_than_bars_are_averaged():
    assert sparkline([0, 0, 1, 1], 2) == "▁█"


def test_a_constant_is_a_line_of_middle_height():
    assert sparkline([0.5] * 3, 8) == "▅▅▅"


def test_a_rising_line_runs_from_the_lower_left_to_the_upper_right():
    x = np.arange(4.0)
    assert curve(x, x, Frame((0, 3), (0, 3), 2, 1)) == ["⡠⠊"]


def test_neighbouring_columns_are_joined():
    x, y = np.array([0.0, 1.0]), np.array([0.0, 3.0])
    assert curve(x, y, Frame((0, 1), (0, 3), 1, 1)) == ["⡸"]


def test_what_lies_outside_is_clipped_and_non_finite_values_are_gaps():
    x, y = np.arange(4.0), np.array([NAN, 9.0, -9.0, np.inf])
    assert curve(x, y, Frame((0, 3), (0, 3), 2, 1)) == ["⠈⡆"]
    assert curve(x, np.full(4, NAN), Frame((0, 3), (0, 3), 2, 1)) == ["  "]


def test_a_column_holds_the_mean_of_its_points():
    x, y = np.array([0.0, 0.0, 10.0]), np.array([1.0, 3.0, 5.0])
    found = columns(x, y, Frame((0, 10), (0, 5), 1, 1))
    assert found.tolist() == [2.0, 5.0]


def test_the_range_leaves_out_the_outermost_percent_and_is_never_empty():
    low, high = value_range(np.concatenate([np.linspace(0, 1, 1001), [1000.0, np.nan, np.inf]]))
    assert low < 0.05
    assert 0.95 < high < 1.05
    assert value_range(np.array([NAN])) == (0.0, 1.0)
    low, high = value_range(np.array([0.5, 0.5]))
    assert low < 0.5 < high


def test_no_room_draws_nothing():
    assert curve(np.arange(3.0), np.arange(3.0), Frame((0, 2), (0, 2), 0, 3)) == []
