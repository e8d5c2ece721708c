"""Sparklines, and curves over each other."""

import math

import numpy as np
import pytest

from handseg.view.curves import (
    NO_CURVE,
    Curve,
    Viewport,
    draw,
    line_of,
    sparkline,
    sparklines,
    value_range,
)

NAN = float("nan")


def characters(codes):
    """The lines of cells as text, blanks where there is no dot."""
    return ["".join(chr(0x2800 + code) if code else " " for code in row) for row in codes.tolist()]


def shown(x, y, width=2, height=1, **look):
    """The lines of one curve over the whole of its places."""
    x, y = np.asarray(x, float), np.asarray(y, float)
    frame = Viewport((float(x[0]), float(x[-1])), width, height, **look)
    return characters(draw([line_of(Curve(x, y), frame)], frame).codes)


def test_a_sparkline_goes_from_the_lowest_to_the_highest_bar():
    assert sparkline([0.0, 0.5, 1.0], 8) == "▁▅█"


def test_a_sparkline_leaves_gaps_where_there_is_no_number():
    assert sparkline([0.0, NAN, 1.0], 8) == "▁ █"
    assert sparkline([NAN, NAN], 8) == "  "
    assert sparkline([], 8) == ""


def test_sparklines_are_those_of_each_column():
    rng = np.random.default_rng(3)
    values = np.where(rng.random((41, 30)) < 0.1, np.nan, rng.random((41, 30)))
    values[:, 0], values[:, 1], values[3, 2] = np.nan, 0.5, np.inf
    for width, least in ((6, 0.0), (6, 0.5), (41, 0.0), (60, 0.0), (1, 0.0)):
        found = sparklines(values, width, least)
        assert found == [sparkline(column, width, least) for column in values.T.tolist()]
        for column, text in zip(values.T, found, strict=True):
            groups = [g[np.isfinite(g)] for g in np.array_split(column, min(width, 41))]
            blanks = [sign == " " for sign in text]
            assert blanks == [group.size == 0 for group in groups]
    assert sparklines(np.empty((0, 2)), 6) == ["", ""]
    assert sparklines(np.empty((3, 0)), 6) == []


def test_more_values_than_bars_are_averaged():
    assert sparkline([0, 0, 1, 1], 2) == "▁█"


def test_a_constant_is_a_line_of_middle_height():
    assert sparkline([0.5] * 3, 8) == "▅▅▅"


def test_values_that_differ_by_less_than_matters_keep_to_the_middle():
    assert sparkline([0.9651, 0.9653], 8) == "▁█"
    assert sparkline([0.9651, 0.9653], 8, least=0.02) == "▄▅"
    assert sparkline([0.5, 0.9], 8, least=0.02) == "▁█"


def test_an_axis_is_as_long_as_it_has_to_be_at_least():
    frame = Viewport((0.0, 9.0), 4, 4, least=0.004)
    tiny, near = (line_of(Curve(np.arange(10), np.full(10, y)), frame) for y in (5e-7, 0.965))
    assert value_range([tiny], least=0.004) == (0.0, 0.004)
    assert value_range([near], least=0.004) == pytest.approx((0.963, 0.967))
    assert draw([tiny], frame).y == (0.0, 0.004)
    assert value_range([tiny, near], least=0.004) == value_range([tiny, near])


def test_a_rising_line_runs_from_the_lower_left_to_the_upper_right():
    assert shown(range(4), range(4)) == ["⡠⠊"]


def test_neighbouring_columns_are_joined_without_a_hole():
    frame = Viewport((0.0, 1.0), 1, 2)
    drawing = draw([line_of(Curve(np.array([0, 1]), np.array([0.0, 1.0])), frame)], frame)
    assert characters(drawing.codes) == ["⢸", "⡸"]


def test_values_that_lie_apart_are_joined_by_a_straight_line():
    frame = Viewport((0.0, 10.0), 3, 1)
    line = line_of(Curve(np.array([0, 10]), np.array([1.0, 2.0])), frame)
    np.testing.assert_allclose(line.line, np.linspace(1, 2, 6))
    assert np.isfinite(line.values).tolist() == [True, *[False] * 4, True]


def test_a_value_that_is_no_number_is_a_gap_in_the_line():
    frame = Viewport((0.0, 5.0), 3, 1)
    line = line_of(Curve(np.arange(6), np.array([1.0, NAN, 1.0, 1.0, np.inf, 1.0])), frame)
    assert np.isfinite(line.line).tolist() == [True, False, True, True, False, True]


def test_a_gap_between_columns_that_hold_nothing_is_left_open():
    frame = Viewport((0.0, 10.0), 11, 1)
    line = line_of(Curve(np.array([0, 5, 10]), np.array([1.0, NAN, 1.0])), frame)
    assert np.isfinite(line.line).sum() == 2


def test_zoomed_between_two_values_the_line_goes_on_to_both():
    frame = Viewport((4.0, 6.0), 2, 1)
    line = line_of(Curve(np.array([0, 10]), np.array([0.0, 10.0])), frame)
    np.testing.assert_allclose(line.line, np.linspace(4, 6, 4))
    assert np.isnan(line.values).all()


def test_a_logarithmic_axis_leaves_out_what_has_no_logarithm():
    frame = Viewport((0.0, 3.0), 2, 1, logarithmic=True)
    line = line_of(Curve(np.arange(4), np.array([0.01, 0.0, -1.0, 100.0])), frame)
    np.testing.assert_allclose(line.line, [-2.0, NAN, NAN, 2.0])
    drawing = draw([line], frame)
    assert drawing.y[0] == pytest.approx(0.01, rel=0.3)
    assert drawing.y[1] == pytest.approx(100.0, rel=0.3)
    assert drawing.row_of(1.0) == pytest.approx(0.375, abs=0.01), "in the middle of four dots"


def test_places_are_divided_by_their_unit():
    frame = Viewport((0.0, 3.0), 2, 1)
    line = line_of(Curve(np.array([0, 50, 100, 150]), np.arange(4.0), unit=50.0), frame)
    np.testing.assert_allclose(line.values, np.arange(4))


def test_smoothing_sees_what_lies_left_of_the_frame():
    x, y = np.arange(1000), np.where(np.arange(1000) < 500, 0.0, 1.0)
    zoomed = line_of(Curve(x, y), Viewport((500.0, 519.0), 10, 1, smoothing=0.9))
    assert zoomed.line[0] == pytest.approx(0.1, abs=1e-2)


def test_the_range_leaves_out_the_outermost_percent_and_marks_it():
    y = np.concatenate([[1000.0], np.linspace(0, 1, 398), [-1000.0]])
    frame = Viewport((0.0, 399.0), 200, 4)
    drawing = draw([line_of(Curve(np.arange(400), y), frame)], frame)
    assert -0.1 <= drawing.y[0] < 0.05
    assert 0.95 < drawing.y[1] < 1.1
    assert drawing.clipped[0].nonzero()[0].tolist() == [0], "above at the left"
    assert drawing.clipped[1].nonzero()[0].tolist() == [199], "below at the right"


def test_the_range_is_never_empty():
    frame = Viewport((0.0, 1.0), 1, 1)
    constant = line_of(Curve(np.array([0, 1]), np.array([0.5, 0.5])), frame)
    low, high = value_range([constant])
    assert low < 0.5 < high
    assert value_range([]) == (0.0, 1.0)
    assert value_range([line_of(Curve(np.array([0]), np.array([NAN])), frame)]) == (0.0, 1.0)


def test_the_later_curve_wins_in_a_cell_that_both_cross():
    frame = Viewport((0.0, 3.0), 2, 1)
    lines = [line_of(Curve(np.arange(4), y), frame) for y in (np.arange(4.0), np.full(4, 1.5))]
    assert draw(lines, frame).owner.tolist() == [[1, 1]]
    apart = [
        line_of(Curve(np.arange(4), np.full(4, y)), Viewport((0.0, 3.0), 2, 4)) for y in (0, 1)
    ]
    owners = draw(apart, Viewport((0.0, 3.0), 2, 4)).owner
    assert owners[0].tolist() == [1, 1]
    assert owners[3].tolist() == [0, 0]
    assert (owners[1:3] == NO_CURVE).all()


def test_the_band_of_the_chosen_curve_lies_between_its_extremes():
    x = np.repeat(np.arange(4), 2)
    wide, flat = np.tile([0.0, 8.0], 4), np.full(8, 4.0)
    frame = Viewport((0.0, 3.0), 2, 8)
    lines = [line_of(Curve(x, y), frame) for y in (flat, wide)]
    assert draw(lines, frame, chosen=1).band.all()
    assert not draw(lines, frame, chosen=0).band.any(), "one value has no band"
    assert not draw(lines, frame).band.any()


def test_few_values_have_no_band_until_they_are_smoothed():
    x, y = np.arange(6.0), np.array([0.0, 8.0] * 3)
    for smoothing, has_band in ((0.0, False), (0.9, True)):
        frame = Viewport((0.0, 5.0), 4, 8, smoothing)
        assert draw([line_of(Curve(x, y), frame)], frame, chosen=0).band.any() == has_band


def test_the_cursor_reads_the_nearest_value_within_the_curve():
    frame = Viewport((0.0, 9.0), 5, 1)
    line = line_of(Curve(np.array([0, 4]), np.array([1.0, 2.0])), frame)
    assert line.read(1) == 1.0
    assert line.read(3) == 2.0
    assert math.isnan(line.read(8)), "it has ended"
    assert line.read() == 2.0, "the last one"


def test_no_value_draws_nothing():
    assert shown([0, 1], [NAN, NAN]) == ["  "]
