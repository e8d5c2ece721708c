"""Round numbers along an axis."""

import math

import pytest

from handseg.view.ticks import labels, log_ticks, ticks


def texts(low, high, most, make=ticks):
    return labels(make(low, high, most))


@pytest.mark.parametrize(
    ("low", "high", "most", "expected"),
    [
        (0, 1, 6, ["0", ".2", ".4", ".6", ".8", "1.0"]),
        (0.86, 0.983, 7, [".86", ".88", ".90", ".92", ".94", ".96", ".98"]),
        (0, 61, 7, ["0", "10", "20", "30", "40", "50", "60"]),
        (-2, 3, 6, ["-2", "-1", "0", "1", "2", "3"]),
        (0, 125000, 4, ["0", "50k", "100k"]),
        (0, 3e-5, 4, ["0", "1e-5", "2e-5", "3e-5"]),
        (6e-5, 6.3e-5, 4, ["6.0e-5", "6.1e-5", "6.2e-5", "6.3e-5"]),
    ],
)
def test_ticks_are_round_and_told_apart(low, high, most, expected):
    assert texts(low, high, most) == expected


@pytest.mark.parametrize(
    ("low", "high", "most", "expected"),
    [
        (1e-6, 1, 4, ["1e-6", "1e-4", ".01", "1"]),
        (0.02, 0.7, 5, [".02", ".05", ".1", ".2", ".5"]),
        (0.02, 0.025, 6, [".020", ".021", ".022", ".023", ".024", ".025"]),
        (0.5, 20000, 6, ["1", "10", "100", "1000", "10k"]),
    ],
)
def test_logarithmic_ticks_are_powers_of_ten_and_what_fits_between(low, high, most, expected):
    assert texts(low, high, most, log_ticks) == expected


@pytest.mark.parametrize("make", [ticks, log_ticks])
@pytest.mark.parametrize("span", [1e-7, 0.003, 1.7, 440, 9e7])
@pytest.mark.parametrize("most", [1, 2, 5, 12])
def test_there_are_never_more_than_wanted_and_all_lie_inside(make, span, most):
    low, high = 0.37, 0.37 + span
    found = make(low, high, most)
    assert len(found) <= most
    assert all(low - 1e-6 * span <= value <= high + 1e-6 * span for value in found)
    assert len(set(labels(found))) == len(found)


def test_what_is_no_range_has_no_ticks():
    for low, high in ((1.0, 1.0), (2.0, 1.0), (math.nan, 1.0), (0.0, math.inf)):
        assert ticks(low, high, 5) == []
    assert log_ticks(0.0, 1.0, 5) == []
    assert ticks(0, 1, 0) == []
