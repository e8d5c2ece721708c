"""Masks to polygons that draw the same mask again."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from handseg.check.inspection import polygon_faults
from handseg.formats.polygons import outlines, rasterise


def drawn(mask):
    """As files are read; every polygon has an area, as `check` asks for."""
    found = [np.array(polygon) for polygon in outlines(mask)]
    assert not any(list(polygon_faults(polygon.astype(float), mask.shape)) for polygon in found
                   if len(polygon) < 9)  # fmt: skip
    polygons = [np.rint(polygon).astype(np.int32) for polygon in found]
    return rasterise(polygons, mask.shape)


SHAPES = st.tuples(st.integers(1, 12), st.integers(1, 12))


@settings(deadline=None)
@given(arrays(np.uint8, SHAPES, elements=st.integers(0, 1)))
def test_any_mask_is_drawn_again_pixel_by_pixel(mask):
    assert np.array_equal(drawn(mask), mask)


@settings(deadline=None)
@given(seed=st.integers(0, 10_000), share=st.floats(0.3, 0.9))
def test_so_are_blobs_with_holes(seed, share):
    rng = np.random.default_rng(seed)
    smooth = cv2.GaussianBlur(rng.random((40, 50)), (0, 0), 1.5)
    mask = (smooth > np.quantile(smooth, 1 - share)).astype(np.uint8)
    assert np.array_equal(drawn(mask), mask)


@pytest.mark.parametrize("fill", [0, 1])
@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (8, 8)])
def test_so_are_the_empty_and_the_full_mask(fill, size):
    mask = np.full(size, fill, np.uint8)
    assert np.array_equal(drawn(mask), mask)
    assert len(outlines(mask)) == fill


def test_so_are_holes_in_islands_in_holes():
    mask = np.zeros((41, 41), np.uint8)
    for level, inset in enumerate(range(0, 20, 3)):
        mask[inset : 41 - inset, inset : 41 - inset] = (level + 1) % 2
    assert np.array_equal(drawn(mask), mask)


def test_so_are_lines_of_one_pixel_and_corners_that_touch():
    mask = np.eye(20, dtype=np.uint8)
    mask |= mask[:, ::-1]
    mask[7] = mask[:, 3] = 1
    assert np.array_equal(drawn(mask), mask)


def test_a_cut_out_of_a_larger_mask_is_drawn_as_it_stands_there():
    smooth = cv2.GaussianBlur(np.random.default_rng(2).random((90, 90)), (0, 0), 4)
    part = (smooth > 0.5).astype(np.uint8)[13:71, 22:80]
    assert np.array_equal(drawn(part), part)


def test_so_is_a_sieve_of_thousands_of_holes():
    mask = np.ones((41, 601), np.uint8)
    mask[1:-1:2, 1:-1:2] = 0
    assert np.array_equal(drawn(mask), mask)


def test_so_is_every_mask_of_three_by_four_pixels():
    for number in range(1 << 12):
        mask = np.array([number >> bit & 1 for bit in range(12)], np.uint8).reshape(3, 4)
        assert np.array_equal(drawn(mask), mask)


def test_a_pixel_and_a_line_come_as_polygons_of_points_that_round_to_them():
    mask = np.zeros((5, 9), np.uint8)
    mask[1, 1] = mask[3, 4:8] = 1
    assert sorted(outlines(mask)) == [
        [[1, 1], [1.45, 1], [1.45, 1.45], [1, 1.45]],
        [[4, 3], [7, 3], [7, 3.45], [4, 3.45]],
    ]


def test_a_hole_costs_one_cut():
    mask = np.zeros((30, 30), np.uint8)
    mask[2:28, 2:28], mask[10:15, 12:14] = 1, 0
    assert len(outlines(mask)) == 2


def test_a_part_without_a_hole_is_one_polygon():
    mask = np.zeros((20, 20), np.uint8)
    cv2.circle(mask, (10, 10), 6, 1, -1)
    mask[2, 2] = 1
    assert len(outlines(mask)) == 2
