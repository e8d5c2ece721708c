"""The competition's mean of Dice over images, then classes."""

import math

import numpy as np
import pytest

from handseg.score.dice import Scores, mean_of_classes, worst_first


def test_the_mean_is_over_images_for_each_class_then_over_classes():
    dice = np.array([[0.5, 0.9], [0.7, np.nan]])
    scores = Scores(("a", "b"), ("x", "y"), dice)
    assert scores.by_class() == pytest.approx({"x": 0.6, "y": 0.9})
    assert scores.mean() == pytest.approx(0.75)


def test_an_unlabelled_class_is_left_out_of_every_mean():
    dice = np.array([[0.5, np.nan, np.nan], [0.7, 0.2, np.nan]])
    scores = Scores(("a", "b"), ("x", "y", "z"), dice)
    by_class = scores.by_class()
    assert (by_class["x"], by_class["y"]) == pytest.approx((0.6, 0.2))
    assert math.isnan(by_class["z"])
    assert scores.mean() == pytest.approx(0.4)
    assert scores.worst_class() == "y"


def test_where_nothing_is_labelled_there_is_no_mean():
    scores = Scores(("a",), ("x",), np.array([[np.nan]]))
    assert math.isnan(scores.mean())
    assert scores.worst_class() is None


def test_a_class_without_a_dice_is_neither_worst_nor_in_the_mean():
    by_class = {"a": 0.75, "unlabelled": math.nan, "b": 0.25}
    assert worst_first(by_class) == [("b", 0.25), ("a", 0.75)]
    assert mean_of_classes(by_class) == 0.5
    assert math.isnan(mean_of_classes({"unlabelled": math.nan}))
