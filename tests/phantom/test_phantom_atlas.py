"""Phantoms vary so much that no average of the labels finds the bones."""

import cv2
import numpy as np

from handseg.anatomy import BONES
from handseg.phantom.phantom import make_polygons

SIZE = 256


def label_of(person, side):
    """bool [29, 256, 256], left hands mirrored to look like right ones."""
    polygons = make_polygons(SIZE, 0, side=side, person=person)
    masks = np.zeros((len(BONES), SIZE, SIZE), np.uint8)
    for mask, bone in zip(masks, BONES, strict=True):
        cv2.fillPoly(mask, polygons[bone], 1)
    return (masks[:, :, ::-1] if side == "left" else masks) > 0


def dice(prediction, truth):
    both = 2 * (prediction & truth).sum(axis=(1, 2)) + 1e-4
    return both / (prediction.sum(axis=(1, 2)) + truth.sum(axis=(1, 2)) + 1e-4)


def test_the_mean_of_the_training_labels_fails_on_the_test_hands():
    votes = np.zeros((len(BONES), SIZE, SIZE))
    for person in range(30):
        votes += label_of(person, "left") + label_of(person, "right").astype(int)
    atlas = votes / 60 > 0.5
    scores = [dice(atlas, label_of(person, "right")).mean() for person in range(100, 120)]
    assert np.mean(scores) <= 0.55
