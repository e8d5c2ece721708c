"""Votes, intersections, unions and Dice on runs against the same on pixels."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from handseg import rle

shapes = st.tuples(st.integers(1, 7), st.integers(1, 7))
stacks = st.tuples(st.integers(1, 5), shapes).flatmap(
    lambda pair: arrays(np.uint8, (pair[0], *pair[1]), elements=st.integers(0, 1))
)
pairs = shapes.flatmap(lambda shape: arrays(np.uint8, (2, *shape), elements=st.integers(0, 1)))
thresholds = st.one_of(
    st.integers(0, 12), st.fractions(0, 12, max_denominator=20), st.floats(0, 12)
)


@given(stacks, st.data(), thresholds)
def test_a_vote_is_what_summing_pixels_and_comparing_fractions_gives(stack, data, threshold):
    weights = data.draw(st.lists(st.integers(0, 3), min_size=len(stack), max_size=len(stack)))
    sums = sum(weight * mask.astype(int) for weight, mask in zip(weights, stack, strict=True))
    expected = [[Fraction(int(votes)) > Fraction(threshold) for votes in row] for row in sums]
    voted = rle.vote([rle.from_mask(mask) for mask in stack], weights, threshold)
    assert voted.tolist() == rle.from_mask(np.array(expected)).tolist()


@given(pairs)
def test_areas_overlaps_and_dice_are_those_of_the_pixels(two):
    a, b = (rle.from_mask(mask) for mask in two)
    both, either = two[0] & two[1], two[0] | two[1]
    assert rle.area(a) == two[0].sum()
    assert rle.overlap(a, b) == both.sum()
    assert rle.intersect(a, b).tolist() == rle.from_mask(both).tolist()
    assert rle.union(a, b).tolist() == rle.from_mask(either).tolist()
    expected = (2 * both.sum() + 1e-4) / (two.sum() + 1e-4)
    assert rle.dice(a, b) == pytest.approx(expected, rel=1e-12)


def test_two_empty_masks_have_a_dice_of_one():
    assert rle.dice(rle.empty(), rle.empty()) == 1.0


def test_touching_runs_of_different_models_become_one_run():
    assert rle.format(rle.vote([rle.parse("1 4"), rle.parse("5 4")], threshold=0)) == "1 8"


def test_no_mask_and_only_empty_masks_vote_for_nothing():
    assert rle.vote([]).shape == (0, 2)
    assert rle.vote([rle.empty(), rle.empty()]).shape == (0, 2)


def test_a_threshold_below_zero_and_negative_weights_are_refused():
    with pytest.raises(ValueError, match="below 0"):
        rle.vote([rle.parse("1 2")], threshold=-1)
    with pytest.raises(ValueError, match="none negative"):
        rle.vote([rle.parse("1 2")], weights=[-1])
    with pytest.raises(ValueError, match="as many weights"):
        rle.vote([rle.parse("1 2")], weights=[1, 1])


@pytest.mark.parametrize("last", range(2**32 - 3, 2**32 + 3))
def test_the_last_pixels_that_32_bits_can_name_are_voted_on(last):
    a, b = rle.parse(f"{last - 1} 2"), rle.parse(f"{last} 1")
    assert rle.format(rle.union(a, b)) == f"{last - 1} 2"
    assert rle.format(rle.intersect(a, b)) == f"{last} 1"
    assert rle.format(rle.vote([a, b, b], [1, 2, 3], 3)) == f"{last} 1"
