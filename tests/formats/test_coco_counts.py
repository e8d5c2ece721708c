"""Row-major runs to column-major ones, and COCO's two ways to write them."""

import numpy as np
import pycocotools.mask
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from handseg import rle
from handseg.formats import coco
from handseg.formats.coco import (
    column_runs,
    column_runs_of,
    counts_of,
    counts_of_text,
    text_of_counts,
)
from handseg.rle.geometry import transposed

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

shapes = st.tuples(st.integers(1, 9), st.integers(1, 9))
masks = shapes.flatmap(lambda shape: arrays(np.uint8, shape, elements=st.integers(0, 1)))
full = shapes.map(lambda shape: np.ones(shape, np.uint8))
any_mask = masks | full


def oracle_counts(mask):
    """COCO's counts, pixel by pixel down the columns."""
    counts, inside = [0], 0
    for pixel in mask.T.reshape(-1).tolist():
        if pixel != inside:
            counts.append(0)
            inside = pixel
        counts[-1] += 1
    return counts


@given(any_mask)
def test_runs_are_transposed_as_the_pixels_are_and_back(mask):
    height, width = mask.shape
    runs = rle.from_mask(mask)
    turned = column_runs(runs, (height, width))
    assert turned.tolist() == rle.from_mask(mask.T).tolist()
    assert transposed(turned, (height, width)).tolist() == runs.tolist()


@given(any_mask)
def test_counts_are_those_of_the_oracle_and_come_back(mask):
    turned = column_runs(rle.from_mask(mask), mask.shape)
    counts = counts_of(turned, mask.shape)
    assert counts.tolist() == oracle_counts(mask)
    assert column_runs_of(counts, mask.shape).tolist() == turned.tolist()


@given(any_mask)
def test_compressed_text_is_what_pycocotools_writes_and_decodes(mask):
    counts = counts_of(column_runs(rle.from_mask(mask), mask.shape), mask.shape)
    text = text_of_counts(counts, mask.shape)
    theirs = pycocotools.mask.encode(np.asfortranarray(mask))
    assert text == theirs["counts"].decode()
    decoded = pycocotools.mask.decode({"size": list(mask.shape), "counts": text})
    assert (decoded == mask).all()
    assert counts_of_text(text).tolist() == counts.tolist()


@given(st.lists(st.integers(0, 1 << 24), min_size=1, max_size=12))
def test_the_text_of_any_counts_is_read_as_pycocotools_wrote_it(counts):
    text = text_of_counts(np.array(counts), (1, sum(counts) or 1))
    assert counts_of_text(text).tolist() == counts


@pytest.mark.parametrize("counts", [[3, 0, 0, 4, 8], [0, 0, 3, 4, 8], [3, 4, 0, 0, 8, 0, 0]])
def test_counts_of_nothing_leave_a_run_empty_or_join_two(counts):
    flat = np.repeat(np.arange(len(counts)) % 2, counts)
    runs = column_runs_of(np.array(counts), (1, 15))
    assert runs.tolist() == rle.from_mask(flat.reshape(1, -1)).tolist()


def test_a_mask_of_the_size_of_the_competition_is_transposed_too():
    mask = np.zeros((2048, 2048), np.uint8)
    mask[700:1100, 300:640] = 1
    mask[900, 400] = 0
    turned = column_runs(rle.from_mask(mask), (2048, 2048))
    assert turned.tolist() == rle.from_mask(np.ascontiguousarray(mask.T)).tolist()


def test_stripes_that_would_fill_the_memory_are_refused(monkeypatch):
    monkeypatch.setattr(coco, "MOST_RUNS", 500)
    stripes = np.array([[start, start + 100] for start in range(0, 4000, 200)])
    with pytest.raises(rle.RleError, match="no bone"):
        column_runs(stripes, (40, 100))


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ([], "no counts"),
        ([-1, 16], "negative"),
        ([5, 5], "counts of 10 pixels for an image of 15"),
        ([5, 11], "counts of 16 pixels for an image of 15"),
        ([1 << 62, 1 << 62], "counts of more pixels"),
    ],
)
def test_counts_that_are_no_image_are_refused(counts, said):
    with pytest.raises(rle.RleError, match=said):
        column_runs_of(np.array(counts, dtype=np.int64), (3, 5))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("0 5", "character"),
        ("Ü", "character"),
        ("5p", "character"),
        ("5o", "cut off"),
        ("oooooooo0", "beyond any image"),
    ],
)
def test_a_compressed_text_at_fault_is_refused(text, said):
    with pytest.raises(rle.RleError, match=said):
        counts_of_text(text)
