"""What is told of one labels."""

import numpy as np
import pytest

from handseg.check import inspection
from handseg.check.inspection import CROSSING, FEW_POINTS, NO_AREA, polygon_faults
from handseg.phantom.phantom import make_polygons

SQUARE = [(0, 0), (10, 0), (10, 10), (0, 10)]
EIGHT = [(0, 0), (10, 10), (10, 0), (0, 10)]


def points(*corners):
    return np.array(corners, np.float64).reshape(-1, 2)


def reasons(*corners, size=(100, 100)):
    return [reason for reason, _, _ in polygon_faults(points(*corners), size)]


def test_an_area_is_the_shoelace_formulas():
    assert inspection.signed_area(points(*SQUARE)) == 100
    assert inspection.signed_area(points(*SQUARE[::-1])) == -100


def test_an_area_far_from_the_origin_loses_no_figures():
    assert inspection.signed_area(points(*SQUARE) + 1e9) == 100


def test_edges_that_cross_are_found_with_place_and_loop():
    assert inspection.largest_crossing(points(*EIGHT)) == (5, 5, 25)
    assert reasons(*EIGHT) == [CROSSING]


@pytest.mark.parametrize(
    "corners",
    [
        SQUARE,
        [*SQUARE, (0, 10), (0, 0)],
        [(0, 0), (10, 0), (10, 10), (5, 0), (0, 10)],
        [(0, 0), (5, 0), (10, 0), (5, 0), (5, 8)],
    ],
    ids=["a square", "repeated corners", "a corner on an edge", "an edge there and back"],
)
def test_touching_is_no_crossing(corners):
    assert inspection.largest_crossing(points(*corners)) is None


def test_a_crossing_is_found_wherever_it_is_among_many_edges():
    angles = np.linspace(0, 2 * np.pi, 3000, endpoint=False)
    circle = np.stack((np.cos(angles), np.sin(angles)), axis=1) * 500
    assert inspection.largest_crossing(circle) is None
    for at in (10, 1400, 2900):
        knotted = circle.copy()
        knotted[at : at + 60] = knotted[at : at + 60][::-1]
        assert inspection.largest_crossing(knotted) is not None


def test_a_polygon_of_too_many_edges_that_reach_each_other_is_given_up():
    fan = np.stack((np.tile((0.0, 1e6), 20_000), np.arange(40_000.0)), axis=1)
    assert inspection.largest_crossing(np.concatenate((fan, [(2e6, 4e4), (2e6, -1.0)]))) is None


def test_outlines_of_phantoms_have_no_fault():
    found = [
        (size, bone, fault)
        for size in (64, 256, 1024)
        for bone, parts in make_polygons(size, 31, person=2).items()
        for part in parts
        for fault in polygon_faults(part.astype(float), (size, size))
    ]
    assert found == []


def test_too_few_points_and_no_area_are_told_apart():
    assert reasons((1, 1), (5, 5)) == [FEW_POINTS]
    assert reasons() == [FEW_POINTS]
    assert reasons((1, 1), (5, 5), (9, 9)) == [NO_AREA]
    assert reasons((1, 1), (1, 1), (1, 1)) == [NO_AREA]


def test_the_outer_edge_of_the_last_pixel_is_in_the_image():
    assert reasons((0, 0), (100, 0), (100, 100), (0, 100)) == []
    assert reasons((-3, 0), (50, 0), (50, 50)) == ["points outside the image"]
    assert reasons((101, 3), (120, 0), (130, 50)) == ["a polygon wholly outside the image"]
