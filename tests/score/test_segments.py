"""Runs cut at the ends of rows, and crops made of them, against pixels."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from handseg import rle
from handseg.score.segments import Box, crop, segments

masks = st.tuples(st.integers(1, 7), st.integers(1, 7)).flatmap(
    lambda shape: arrays(np.uint8, shape, elements=st.integers(0, 1))
)


@given(masks.filter(np.any))
def test_a_crop_in_its_box_is_the_mask(mask):
    pieces = segments(rle.from_mask(mask), mask.shape[1])
    box = pieces.box()
    rows, columns = np.nonzero(mask)
    assert box == (rows.min(), columns.min(), rows.max() + 1, columns.max() + 1)
    assert crop(pieces, box).tolist() == mask[box.top : box.bottom, box.left : box.right].tolist()
    whole = Box(0, 0, *mask.shape)
    assert crop(pieces, box.around(whole)).tolist() == mask.tolist()


def test_a_run_that_wraps_over_rows_becomes_a_piece_in_each():
    pieces = segments(rle.parse("3 9"), 4)
    assert [tuple(map(int, piece)) for piece in zip(*pieces, strict=True)] == [
        (0, 2, 4), (1, 0, 4), (2, 0, 3)
    ]  # fmt: skip


def test_no_runs_are_no_pieces():
    assert len(segments(rle.empty(), 4).rows) == 0
