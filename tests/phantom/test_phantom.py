"""Phantoms have the bones, sizes and looks of hands in radiographs."""

import cv2
import numpy as np
import pytest

from handseg.anatomy import BONES, CARPALS, FOREARM, MEAN_AREAS
from handseg.phantom.phantom import make_phantom, make_polygons

SIZE = 512


def mask_of(polygons, size=SIZE):
    mask = np.zeros((size, size), np.uint8)
    for polygon in polygons:
        cv2.fillPoly(mask, [polygon], 1)
    return mask


@pytest.fixture(scope="module")
def hands():
    """The polygons of 40 hands of 20 people."""
    return [
        make_polygons(SIZE, 5, side=side, person=person)
        for person in range(20)
        for side in ("left", "right")
    ]


@pytest.fixture(scope="module")
def masks(hands):
    """uint8 [40, 29, 512, 512]."""
    return np.array([[mask_of(hand[bone]) for bone in BONES] for hand in hands])


def test_every_bone_has_one_polygon_of_whole_pixels_inside_the_image(hands):
    for hand in hands:
        assert tuple(hand) == BONES
        for polygons in hand.values():
            (polygon,) = polygons
            assert polygon.dtype == np.int32
            assert len(polygon) >= 3
            assert polygon.min() >= 0
            assert polygon.max() <= SIZE - 1


def test_mean_areas_are_near_those_of_the_competition(masks):
    areas = masks.sum(axis=(2, 3)).mean(axis=0) * (2048 / SIZE) ** 2
    expected = np.array([MEAN_AREAS[bone] for bone in BONES])
    assert np.abs(areas / expected - 1).max() < 0.2


def test_two_to_five_percent_of_the_foreground_belong_to_several_bones(masks):
    labels = masks.sum(axis=1)
    assert 0.02 < (labels > 1).sum() / (labels > 0).sum() < 0.05
    assert 0.10 < (labels > 0).mean() < 0.14


@pytest.mark.parametrize(("one", "other"), [("Triquetrum", "Pisiform"), ("Trapezium", "Trapezoid")])
def test_bones_that_overlap_in_radiographs_overlap_in_nearly_every_phantom(masks, one, other):
    both = masks[:, BONES.index(one)] & masks[:, BONES.index(other)]
    assert (both.sum(axis=(1, 2)) > 0).mean() > 0.9


def carpal_box(hand):
    """Width, height and centre (x, y) of the box around the carpals, in pixels at 2048²."""
    points = np.concatenate([polygon for bone in CARPALS for polygon in hand[bone]])
    low, high = points.min(axis=0), points.max(axis=0)
    return np.concatenate([high - low, (high + low) / 2]) * 2048 / SIZE


def test_the_carpal_box_keeps_to_the_competition_s_range_and_fills_most_of_it():
    boxes = [carpal_box(make_polygons(SIZE, 11, person=person)) for person in range(150)]
    low, high, median = np.min(boxes, axis=0), np.max(boxes, axis=0), np.median(boxes, axis=0)
    expected_low = np.array([297, 216, 840, 1182])
    expected_high = np.array([451, 387, 1164, 1742])
    expected = expected_high - expected_low
    # The competition's range is that of 800 hands; 150 span less of it.
    assert (high - low > 0.45 * expected).all()
    assert (low > expected_low - 0.15 * expected).all()
    assert (high < expected_high + 0.15 * expected).all()
    assert np.allclose(median, (368, 270, 1008, 1428), atol=0.1 * expected)


def test_forearm_bones_end_at_the_image_s_lower_border(hands):
    for hand in hands:
        for bone in FOREARM:
            assert hand[bone][0][:, 1].max() == SIZE - 1


def test_the_radius_lies_left_of_the_ulna_in_a_right_hand_and_right_of_it_in_a_left_hand():
    for side, sign in (("right", 1), ("left", -1)):
        polygons = make_polygons(SIZE, 0, side=side)
        across = polygons["Ulna"][0][:, 0].mean() - polygons["Radius"][0][:, 0].mean()
        assert sign * across > 0


def test_a_bent_wrist_is_bent_when_asked_for_and_straight_otherwise():
    for person in range(8):
        assert abs(make_phantom(64, 1, person=person, bent=True).bend) >= 16
        assert abs(make_phantom(64, 1, person=person, bent=False).bend) <= 12


def test_the_same_arguments_give_the_same_phantom_and_others_another():
    first, again = make_phantom(128, 3), make_phantom(128, 3)
    assert np.array_equal(first.image, again.image)
    assert make_phantom(128, 4).image.tobytes() != first.image.tobytes()
    assert make_phantom(128, 3, person=2).image.tobytes() != first.image.tobytes()
    assert make_phantom(128, 3, side="right").image.tobytes() != first.image.tobytes()


def test_polygons_alone_are_those_of_the_whole_phantom():
    whole, alone = make_phantom(96, 3, person=9).polygons, make_polygons(96, 3, person=9)
    assert all(np.array_equal(whole[bone][0], alone[bone][0]) for bone in BONES)


@pytest.mark.parametrize("size", [512, 1024])
def test_every_bone_is_brighter_than_the_flesh_around_it(size):
    phantom = make_phantom(size, 2, side="right")
    everything = mask_of([polygon for part in phantom.polygons.values() for polygon in part], size)
    around = np.ones((size // 25 | 1,) * 2, np.uint8)
    for bone in BONES:
        mask = mask_of(phantom.polygons[bone], size)
        ring = (cv2.dilate(mask, around) > 0) & (cv2.dilate(everything, np.ones((3, 3))) == 0)
        assert phantom.image[mask > 0].mean() > phantom.image[ring].mean() + 20, bone


def test_a_label_s_edge_is_where_the_image_s_edge_is():
    phantom = make_phantom(512, 6, bent=False)
    image = cv2.GaussianBlur(phantom.image, (0, 0), 0.7).astype(float)
    mask = mask_of(phantom.polygons["finger-10"])
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    inner, outer = cv2.erode(mask, cross), cv2.dilate(mask, cross)
    beyond = cv2.dilate(outer, cross)
    inside, edge, outside, far = (
        image[shell > 0].mean()
        for shell in (inner - cv2.erode(inner, cross), mask - inner, outer - mask, beyond - outer)
    )
    middle = (inside + far) / 2
    assert edge > middle > outside


def test_pictures_differ_in_contrast_and_brightness():
    shown = [make_phantom(128, 8, person=person).image for person in range(8)]
    assert np.std([image.mean() for image in shown]) > 4
    assert np.std([np.percentile(image, 99) for image in shown]) > 4


@pytest.mark.parametrize("size", [64, 200, 333])
def test_any_size_gives_every_bone_an_area(size):
    phantom = make_phantom(size, 1)
    assert phantom.image.shape == (size, size)
    assert phantom.image.dtype == np.uint8
    assert all(mask_of(phantom.polygons[bone], size).sum() > 0 for bone in BONES)
