"""The codec against a plain pixel oracle: decode one run at a time, encode one pixel at a time."""

import doctest

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from handseg import rle
from handseg.errors import InputError

shapes = st.tuples(st.integers(1, 9), st.integers(1, 9))
masks = shapes.flatmap(lambda shape: arrays(np.uint8, shape, elements=st.integers(0, 1)))


def oracle_text(mask):
    """The text of a mask, pixel by pixel."""
    figures, length = [], 0
    flat = [*mask.reshape(-1).tolist(), 0]
    for place, inside in enumerate(flat):
        if inside:
            length += 1
        elif length:
            figures += [place - length + 1, length]
            length = 0
    return " ".join(map(str, figures))


def oracle_mask(pairs, shape):
    flat = np.zeros(shape[0] * shape[1], np.uint8)
    for start, length in pairs:
        for place in range(start - 1, start - 1 + length):
            flat[place] = 1
    return flat.reshape(shape)


@given(masks)
def test_a_mask_becomes_the_text_that_the_oracle_writes(mask):
    assert rle.format(rle.from_mask(mask)) == oracle_text(mask)


@given(masks)
def test_text_and_masks_come_back_unchanged(mask):
    runs = rle.parse(oracle_text(mask))
    assert (rle.to_mask(runs, mask.shape) == mask).all()
    assert runs.tolist() == rle.from_mask(mask).tolist()


@given(st.lists(st.tuples(st.integers(1, 36), st.integers(0, 12)), max_size=12))
def test_runs_in_any_order_that_overlap_touch_or_are_empty_are_united(pairs):
    shape = (6, 8)
    text = " ".join(f"{start} {length}" for start, length in pairs)
    expected = oracle_mask(pairs, shape)
    runs = rle.parse(text)
    assert (rle.to_mask(runs, shape) == expected).all()
    assert rle.format(runs) == oracle_text(expected)


def test_blanks_and_line_ends_around_figures_do_not_matter():
    assert rle.parse(" 1  3\t10 2\r\n").tolist() == [[0, 3], [9, 11]]


@pytest.mark.parametrize("text", ["", "  ", "\n"])
def test_an_empty_text_is_an_empty_mask(text):
    runs = rle.parse(text)
    assert runs.shape == (0, 2)
    assert runs.dtype == np.int64
    assert rle.format(runs) == ""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("0 5", "start of 0"),
        ("1 5 9", r"odd number of figures \(3\)"),
        ("-1 5", "negative"),
        ("1 -5", "negative"),
        ("1 5 nan 2", "'nan'"),
        ("1.5 5", r"'\.'"),
        ("1_0 5", "'_'"),
        ("١ 5", "where figures are expected"),
        ("99999999999999999999999 1", "beyond any image"),
        ("1 9223372036854775807", "beyond any image"),
    ],
)
def test_a_text_at_fault_is_refused_with_what_is_wrong(text, said):
    with pytest.raises(rle.RleError, match=said) as caught:
        rle.parse(text)
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, InputError)


def test_a_run_past_the_last_pixel_has_no_mask():
    runs = rle.parse("10 7")
    assert rle.to_mask(runs, (4, 4)).sum() == 7
    with pytest.raises(rle.RleError, match="ends at pixel 16, past the image of 5 × 3"):
        rle.to_mask(runs, (3, 5))


def test_any_pixel_that_is_not_zero_is_inside_whatever_the_order_of_memory():
    mask = np.asfortranarray(np.array([[0, 255, 7], [1, 0, 0]], np.uint8))
    assert rle.format(rle.from_mask(mask)) == "2 3"
    assert rle.format(rle.from_mask(mask.astype(bool)[:, ::-1])) == "1 2 6 1"


def test_the_example_of_the_documentation_holds():
    assert doctest.testmod(rle).failed == 0
