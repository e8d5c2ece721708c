"""IoU, precision and recall, and the words for metrics."""

import numpy as np
import pytest

from handseg.errors import UsageError
from handseg.rle.aligned import Overlaps
from handseg.score.metrics import METRICS, OF_AREAS, parse_metrics


def of_masks(name, predicted, true):
    counts = (predicted.sum(), true.sum(), (predicted & true).sum())
    [value] = OF_AREAS[name](Overlaps(*(np.array([count]) for count in counts)))
    return value


def test_iou_precision_and_recall_are_those_of_the_pixels():
    predicted, true = np.random.default_rng(0).integers(0, 2, (2, 9, 9)).astype(bool)
    both = (predicted & true).sum()
    assert of_masks("iou", predicted, true) == both / (predicted | true).sum()
    assert of_masks("precision", predicted, true) == both / predicted.sum()
    assert of_masks("recall", predicted, true) == both / true.sum()


@pytest.mark.parametrize("name", ["dice", "iou", "precision", "recall"])
def test_two_empty_masks_agree_and_an_empty_mask_agrees_with_no_other(name):
    nothing, everything = np.zeros((3, 3), bool), np.ones((3, 3), bool)
    assert of_masks(name, nothing, nothing) == 1
    assert of_masks(name, nothing, everything) == pytest.approx(0, abs=1e-4)
    assert of_masks(name, everything, nothing) == pytest.approx(0, abs=1e-4)


def test_dice_is_always_among_the_metrics_and_their_order_is_fixed():
    assert parse_metrics("hd95, IoU") == ("dice", "iou", "hd95")
    assert parse_metrics("dice") == ("dice",)


def test_a_metric_that_there_is_not_is_refused_with_those_that_there_are():
    with pytest.raises(UsageError, match=r"no metric 'hd59' \(did you mean hd95\?\)") as caught:
        parse_metrics("dice,hd59")
    assert all(name in caught.value.details for name in METRICS)


def test_a_difference_that_rounds_to_nothing_has_no_minus():
    assert METRICS["dice"].signed(-1e-7) == "+0.0000"
    assert METRICS["dice"].words(np.nan) == METRICS["dice"].signed(np.nan) == "–"
