"""How an image of any shape sits in a network's square."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from handseg.anatomy import BONES
from handseg.data.planes import Letterbox
from handseg.formats.polygons import rasterise
from handseg.phantom.phantom import make_polygons


@pytest.mark.parametrize(
    ("source", "size", "inner"),
    [
        ((64, 64), 32, (32, 32)),
        ((50, 100), 40, (20, 40)),
        ((100, 50), 40, (40, 20)),
        ((30, 20), 60, (60, 40)),
        ((1, 4000), 64, (1, 64)),
        ((33, 64), 64, (33, 64)),
    ],
)
def test_the_longer_edge_becomes_the_size_and_the_shorter_keeps_the_aspect(source, size, inner):
    fit = Letterbox(source, size)
    assert fit.inner == inner
    image = fit.image(np.full(source, 200, np.uint8))
    assert (image.shape, image.dtype) == ((size, size), np.uint8)
    assert (image[: inner[0], : inner[1]] == 200).all()
    assert not image[inner[0] :].any()
    assert not image[:, inner[1] :].any()
    mask = fit.mask(np.ones(source, np.uint8))
    assert mask.sum() == inner[0] * inner[1]


def test_an_image_of_the_size_stays_as_it_is():
    image = np.random.default_rng(0).integers(0, 256, (40, 40), np.uint8)
    assert np.array_equal(Letterbox((40, 40), 40).image(image), image)


@pytest.mark.parametrize("factor", [2, 3, 4, 5, 8, 16])
@settings(deadline=None)
@given(data=st.data())
def test_a_pixel_belongs_to_a_bone_when_half_its_area_does(factor, data):
    # Whole rows and columns of blocks make exact halves common.
    shape = data.draw(st.sampled_from([(4, 4), (2, 4), (4, 3)]))
    source = (shape[0] * factor, shape[1] * factor)
    mask = data.draw(arrays(np.uint8, source, elements=st.integers(0, 1), fill=st.just(1)))
    blocks = mask.reshape(shape[0], factor, shape[1], factor).mean(axis=(1, 3))
    expected = np.zeros((4, 4), np.uint8)
    expected[: shape[0], : shape[1]] = blocks >= 0.5
    assert np.array_equal(Letterbox(source, 4).mask(mask), expected)


def test_an_enlarged_mask_keeps_its_place():
    mask = np.zeros((20, 30), np.uint8)
    mask[5:11, 8:20] = 1
    large = Letterbox((20, 30), 90).mask(mask)
    rows, columns = np.flatnonzero(large.any(1)), np.flatnonzero(large.any(0))
    assert (rows[0], rows[-1]) == (15, 32)
    assert (columns[0], columns[-1]) == (24, 59)


def test_a_perfect_label_keeps_more_dice_by_area_than_by_nearest_neighbours():
    polygons = make_polygons(512, seed=3)
    fit = Letterbox((512, 512), 128)

    def back(small):
        full = cv2.resize(small.astype(np.float32), (512, 512), interpolation=cv2.INTER_LINEAR)
        return full > 0.5

    def mean_dice(shrink):
        kept = []
        for bone in BONES:
            mask = rasterise(polygons[bone], (512, 512)) > 0
            again = back(shrink(mask.astype(np.uint8)))
            kept.append(2 * (mask & again).sum() / (mask.sum() + again.sum()))
        return np.mean(kept)

    nearest = lambda mask: cv2.resize(mask, (128, 128), interpolation=cv2.INTER_NEAREST)  # noqa: E731
    assert mean_dice(fit.mask) > mean_dice(nearest) + 0.005
