"""Distances between outlines against all pairs of outline pixels."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from handseg import rle
from handseg.cli.score import comparison_json
from handseg.score.metrics import outline_distances
from handseg.score.scoring import Comparison, report_rows

pairs = st.tuples(st.integers(1, 9), st.integers(1, 9)).flatmap(
    lambda shape: arrays(np.uint8, (2, *shape), elements=st.integers(0, 1))
)


def outline(mask):
    """Pixels [n, 2] of a mask with a neighbour that is not in it or not in the image."""
    padded = np.pad(mask, 1)
    inner = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return np.argwhere(mask & ~inner & 1)


def brute_force(a, b, tolerance=2.0):
    """hd95 and nsd by comparing each outline pixel with each other."""
    a, b = outline(a), outline(b)
    if not len(a) or not len(b):
        return (0.0, 1.0) if len(a) == len(b) else (math.nan, 0.0)
    away = np.sqrt(((a[:, None] - b[None]) ** 2).sum(axis=2))
    of_a, of_b = away.min(axis=1), away.min(axis=0)
    hd95 = max(np.percentile(of_a, 95), np.percentile(of_b, 95))
    near = (of_a <= tolerance).sum() + (of_b <= tolerance).sum()
    return hd95, near / (len(a) + len(b))


def measured(a, b, tolerance=2.0):
    distances = outline_distances(rle.from_mask(a), rle.from_mask(b), a.shape[1])
    return distances.hd95(), distances.nsd(tolerance)


@given(pairs, st.sampled_from([0.5, 1.0, 2.0]))
def test_both_figures_are_those_of_all_pairs_of_outline_pixels(two, tolerance):
    expected = brute_force(*two, tolerance)
    assert measured(*two, tolerance) == pytest.approx(expected, rel=1e-6, nan_ok=True)


def test_they_are_right_for_large_masks_far_apart_too():
    rows, columns = np.mgrid[:300, :400]
    one = ((rows - 80) ** 2 + (columns - 90) ** 2 < 60**2).astype(np.uint8)
    two = ((rows - 90) ** 2 / 2 + (columns - 110) ** 2 < 50**2).astype(np.uint8)
    two[290:, 390:] = 1  # a false island in the corner
    assert measured(one, two) == pytest.approx(brute_force(one, two), rel=1e-6)
    assert measured(two, one) == pytest.approx(brute_force(one, two), rel=1e-6)


def test_a_shift_by_three_pixels_is_a_distance_of_three():
    mask = np.zeros((40, 40), np.uint8)
    mask[10:20, 10:12] = 1
    hd95, nsd = measured(mask, np.roll(mask, 3, axis=1))
    assert hd95 == 3.0
    assert nsd == 0.5  # the two columns between are 2 away, the outer ones 3


def test_two_empty_masks_agree_and_one_empty_mask_has_no_distance():
    nothing, dot = np.zeros((3, 3), np.uint8), np.eye(3, dtype=np.uint8)
    assert measured(nothing, nothing) == (0.0, 1.0)
    assert measured(nothing, dot) == pytest.approx((math.nan, 0.0), nan_ok=True)
    assert measured(dot, nothing) == pytest.approx((math.nan, 0.0), nan_ok=True)


def test_masks_without_a_distance_are_left_out_of_the_mean_and_counted(judged):
    true = np.zeros((2, 1, 8, 8), np.uint8)
    true[:, :, 2:4, 2:4] = 1
    predicted = true.copy()
    predicted[1] = 0
    scored = judged(predicted, true, ("dice", "hd95", "nsd"))
    assert scored.values["hd95"][0, 0] == 0
    assert np.isnan(scored.values["hd95"][1, 0])
    assert (scored.undefined("hd95"), scored.undefined("nsd")) == (1, 0)
    assert scored.values["nsd"].tolist() == [[1.0], [0.0]]


def blocks(height, shift=0):
    """Six images of one bone: a square, `shift` pixels to the right."""
    masks = np.zeros((6, 1, 24, 24), np.uint8)
    masks[:, :, 4 : 4 + height, 4 + shift : 10 + shift] = 1
    return masks


def test_side_by_side_distances_are_of_the_masks_that_all_have(judged):
    true, few = blocks(6), blocks(6)
    few[1:] = 0
    metrics = ("dice", "hd95")
    scored = [judged(few, true, metrics), judged(blocks(6, 3), true, metrics, name="b.csv")]
    far = judged(blocks(9), true, metrics, name="c.csv")
    both = Comparison([*scored, far], ["A", "B", "C"], metrics)
    dice, hd95 = report_rows(both, "class")
    assert [column.footers[0] for column in hd95.columns[:3]] == [0.0, 3.0, 3.0]
    remark = "hd95: over 1 mask of which all have one; without: A 5, B 0, C 0"
    assert hd95.remarks[0] == remark
    assert not any("without" in remark for remark in dice.remarks)
    document = comparison_json(both)
    figures = [one["metrics"]["hd95"] for one in document["predictions"]]
    assert [one["mean"] for one in figures] == [0.0, 3.0, 3.0]
    assert [one["masks"] for one in figures] == [1, 1, 1]
    assert [one["undefined"] for one in figures] == [5, 0, 0]
    assert document["predictions"][0]["empty_masks"] == {"both": 0, "missed": 5, "extra": 0}
    # Six masks of B alone, where nobody else's misses count.
    [alone] = report_rows(Comparison([scored[1]], ["B"], metrics), "class")
    assert alone.columns[1].footers[0] == 3.0


def test_overlaps_side_by_side_are_of_the_images_in_which_all_have_one(judged):
    true = np.zeros((2, 2, 8, 8), np.uint8)
    true[:, 0, :5], true[0, 1, 4:], true[1, 1, 5:] = 1, 1, 1
    more = true.copy()
    more[1, 1, 4] = 1
    metrics, bones = ("dice", "overlap"), ["finger-1", "finger-2"]
    scored = [
        judged(masks, true, metrics, bones, name)
        for masks, name in ((true, "a.csv"), (more, "b.csv"))
    ]
    pairs = report_rows(Comparison(scored, ["A", "B"], metrics), "class")[-1]
    assert [column.footers[0] for column in pairs.columns[:2]] == [1.0, 1.0]
    assert pairs.remarks[0] == "overlap: over 1 image of which all have one; without: A 1, B 0"
