"""Geometry of runs against the pixels that they mean."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from handseg import rle
from handseg.rle.geometry import (
    fits_width,
    infer_width,
    rows_crossed,
    segments,
    shapes,
    shifted,
    transposed,
)

shapes_of_images = st.tuples(st.integers(1, 9), st.integers(1, 9))
masks = shapes_of_images.flatmap(lambda size: arrays(np.uint8, size, elements=st.integers(0, 1)))


def ellipse(size, centre, axes, angle=0):
    mask = np.zeros(size, np.uint8)
    cv2.ellipse(mask, centre, axes, angle, 0, 360, 1, -1)
    return rle.from_mask(mask)


def bones(size):
    """Blobs of the size of bones, leaning to both sides, the largest of them at the border."""
    height, width = size
    unit = min(size) // 32
    return [
        ellipse(size, (width // 4, height // 3), (2 * unit, 4 * unit), 20),
        ellipse(size, (width // 2, height // 4), (unit, 3 * unit), -15),
        ellipse(size, (2 * width // 3, height // 2), (2 * unit, 2 * unit)),
        ellipse(size, (width // 2, height), (3 * unit, 9 * unit), 5),
    ]


@given(st.lists(masks, max_size=4))
def test_segments_are_the_pixels_of_each_row_and_shapes_their_mean(images):
    runs, widths = [rle.from_mask(one) for one in images], [one.shape[1] for one in images]
    cut = segments(runs, widths)
    measured = shapes(cut, len(images))
    for owner, image in enumerate(images):
        drawn = np.zeros_like(image)
        mine = np.flatnonzero(cut.owner == owner)
        for at in mine:
            drawn[cut.row[at], cut.start[at] : cut.end[at]] += 1
        assert (drawn == image).all()
        assert len(mine) == rows_crossed(runs[owner], widths[owner])
        rows, columns = np.nonzero(image)
        assert measured.area[owner] == len(rows)
        if len(rows):
            centre = measured.x[owner], measured.y[owner]
            assert centre == pytest.approx((columns.mean(), rows.mean()))
        else:
            assert np.isnan(measured.x[owner])


@given(masks)
def test_runs_down_the_columns_become_those_along_the_rows(mask):
    down_the_columns = rle.from_mask(np.ascontiguousarray(mask.T))
    assert transposed(down_the_columns, mask.shape).tolist() == rle.from_mask(mask).tolist()


@given(masks, st.integers(-12, 12))
def test_what_is_shifted_past_an_end_is_cut_off(mask, by):
    moved = np.zeros(mask.size, np.uint8)
    for place in np.flatnonzero(mask):
        if 0 <= place + by < mask.size:
            moved[place + by] = 1
    expected = rle.from_mask(moved.reshape(mask.shape))
    assert shifted(rle.from_mask(mask), by, mask.size).tolist() == expected.tolist()


@pytest.mark.parametrize(
    "size", [(512, 512), (256, 256), (1024, 1024), (300, 500), (700, 333), (2048, 2048)]
)
def test_runs_show_the_width_of_their_image(size):
    assert infer_width(bones(size)) == size[1]
    assert fits_width(bones(size), size[1])


@pytest.mark.parametrize("other", [256, 1024, 600, 2048])
def test_the_width_of_another_image_does_not_fit(other):
    assert not fits_width(bones((512, 512)), other)


@pytest.mark.parametrize(
    "text", ["", "5 3", "1 262144", "7 2 90 4 131 1 1700 3", "1 1 513 1 1025 1"]
)
def test_masks_that_hold_too_little_show_no_width_and_fit_any(text):
    assert infer_width([rle.parse(text)]) is None
    assert fits_width([rle.parse(text)], 512)


def test_noise_shows_no_width():
    noise = np.random.default_rng(0).random((200, 200)) < 0.3
    assert infer_width([rle.from_mask(noise)]) is None


def test_figures_beyond_any_image_do_not_end_in_an_overflow():
    assert infer_width([rle.parse("1 1 1099511627000 5"), *bones((256, 256))]) == 256
