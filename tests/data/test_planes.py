"""Label planes as bits."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handseg.data.labels import Labels, class_mask
from handseg.data.planes import Letterbox, label_planes, pack, plane_count, unpack


def masks_of(seed, classes, size):
    return np.random.default_rng(seed).integers(0, 2, (classes, *size), np.uint8)


@settings(deadline=None)
@given(
    classes=st.integers(1, 70),
    size=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    seed=st.integers(0, 99),
)
def test_masks_of_any_number_of_classes_survive_packing(classes, size, seed):
    masks = masks_of(seed, classes, size)
    planes = pack(masks, size, classes)
    assert planes.shape == (*size, plane_count(classes))
    assert np.array_equal(unpack(planes, classes), masks)


def test_class_c_is_bit_c_mod_8_of_plane_c_div_8():
    masks = np.zeros((29, 2, 3), np.uint8)
    masks[13, 1, 2] = masks[28, 0, 0] = 1
    planes = pack(masks, (2, 3), 29)
    assert planes[1, 2].tolist() == [0, 1 << 5, 0, 0]
    assert planes[0, 0].tolist() == [0, 0, 0, 1 << 4]
    assert planes.flags.c_contiguous


@pytest.mark.parametrize("classes", [8, 29, 31])
def test_warping_bits_is_warping_each_plane(classes):
    masks = masks_of(5, classes, (90, 110))
    planes = pack(masks, (90, 110), classes)
    for angle, scale in ((13.7, 0.8), (-71.3, 1.31), (180, 1)):
        matrix = cv2.getRotationMatrix2D((55.0, 45.0), angle, scale)
        warp = lambda plane: cv2.warpAffine(plane, matrix, (96, 80), flags=cv2.INTER_NEAREST)  # noqa: B023, E731
        warped = warp(planes).reshape(80, 96, -1)
        assert np.array_equal(unpack(warped, classes), np.stack([warp(mask) for mask in masks]))


def test_the_planes_of_a_label_are_its_masks_shrunk_one_by_one():
    boxes = {"a": (3, 4, 40, 31), "b": (20, 10, 70, 50)}
    polygons = {
        name: (np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.int32),)
        for name, (x0, y0, x1, y1) in boxes.items()
    }
    labels, classes, fit = Labels(polygons, (True,) * 3), ("a", "b", "c"), Letterbox((60, 80), 32)
    masks = unpack(label_planes(labels, classes, (60, 80), fit), 3)
    for mask, name in zip(masks, classes, strict=True):
        assert np.array_equal(mask, fit.mask(class_mask(labels, name, (60, 80))))
    assert (masks[0] & masks[1]).any()
    assert not masks[2].any()
