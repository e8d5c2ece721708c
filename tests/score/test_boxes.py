"""Boxes around masks and crops of them, against pixels."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from handseg import rle
from handseg.rle.geometry import segments
from handseg.score.metrics import Box, box_of, crop

masks = st.tuples(st.integers(1, 7), st.integers(1, 7)).flatmap(
    lambda shape: arrays(np.uint8, shape, elements=st.integers(0, 1))
)


@given(masks.filter(np.any))
def test_a_crop_in_its_box_is_the_mask(mask):
    pieces = segments([rle.from_mask(mask)], [mask.shape[1]])
    box = box_of(pieces)
    rows, columns = np.nonzero(mask)
    assert box == (rows.min(), columns.min(), rows.max() + 1, columns.max() + 1)
    assert crop(pieces, box).tolist() == mask[box.top : box.bottom, box.left : box.right].tolist()
    whole = Box(0, 0, *mask.shape)
    assert crop(pieces, box.around(whole)).tolist() == mask.tolist()
