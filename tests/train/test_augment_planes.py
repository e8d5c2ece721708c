"""Bits move as separate planes do, whatever the transform, its values and the number of classes."""

import runpy
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handseg.data.planes import pack, unpack
from handseg.recipe.schema import Transform
from handseg.train.augment import Augmentation

GENERATOR = Path(__file__).parents[1] / "recipe" / "generate_tables.py"
SIDE = 40

share = st.floats(0.0, 1.0).map(lambda value: round(value, 3))


def between(low, high):
    """A range inside two bounds, as a recipe writes it."""
    return st.tuples(share, share).map(lambda pair: [low + (high - low) * x for x in sorted(pair)])


DEGREES = between(-180, 180)
VALUES = {
    "Affine": {
        "rotate": DEGREES,
        "scale": between(0.4, 1.8),
        "shear": between(-25, 25),
        "translate_percent": between(-0.3, 0.3),
    },
    "CoarseDropout": {"hole_height_range": between(0.1, 0.6), "hole_width_range": between(0.1, 1)},
    "CropAndPad": {"percent": between(-0.3, 0.3)},
    "D4": {},
    "ElasticTransform": {
        "alpha": st.floats(1, 200),
        "sigma": st.floats(2, 12),
        "approximate": st.booleans(),
        "same_dxdy": st.booleans(),
    },
    # From .3 of the area on no rectangle may fit, and albumentations 2.0.8 stops with a TypeError.
    "Erasing": {"scale": between(0.05, 0.28)},
    "GridDistortion": {"num_steps": st.integers(2, 8), "distort_limit": between(-0.7, 0.7)},
    "GridDropout": {"ratio": st.floats(0.1, 0.9)},
    "HorizontalFlip": {},
    "OpticalDistortion": {
        "distort_limit": between(-0.9, 0.9),
        "mode": st.sampled_from(["camera", "fisheye"]),
    },
    "Perspective": {"scale": between(0.02, 0.2), "fit_output": st.booleans()},
    "PiecewiseAffine": {"scale": between(0.01, 0.08), "nb_rows": st.integers(2, 4)},
    "PixelDropout": {"dropout_prob": st.floats(0.0, 0.5)},
    "RandomRotate90": {},
    "Rotate": {"limit": DEGREES, "crop_border": st.just(False)},
    "SafeRotate": {"limit": DEGREES},
    "ShiftScaleRotate": {
        "shift_limit": between(-0.3, 0.3),
        "scale_limit": between(-0.4, 0.6),
        "rotate_limit": DEGREES,
    },
    "SquareSymmetry": {},
    "ThinPlateSpline": {"scale_range": between(0.05, 0.5), "num_control_points": st.integers(2, 5)},
    "Transpose": {},
    "VerticalFlip": {},
    "XYMasking": {
        "num_masks_x": st.integers(1, 3),
        "num_masks_y": st.integers(1, 3),
        "mask_x_length": st.integers(1, 12),
        "mask_y_length": st.integers(1, 12),
    },
}


def test_every_transform_that_the_adapter_allows_is_tried():
    assert set(VALUES) == set(runpy.run_path(str(GENERATOR))["GEOMETRIC"])


@pytest.mark.parametrize("name", VALUES)
@settings(deadline=None, max_examples=8)
@given(data=st.data(), classes=st.integers(29, 70), seed=st.integers(0, 2**31 - 1))
def test_bits_move_as_separate_planes_do_whatever_the_values(name, data, classes, seed):
    arguments = data.draw(st.fixed_dictionaries(VALUES[name]))
    augmentation = Augmentation({"one": Transform(name, {**arguments, "p": 1.0})})
    random = np.random.default_rng(seed)
    image = random.integers(0, 256, (SIDE, SIDE), np.uint8)
    blocks = (random.random((classes, SIDE // 5, SIDE // 5)) < 0.4).astype(np.uint8)
    masks = blocks.repeat(5, axis=1).repeat(5, axis=2)
    moved_image, moved = augmentation(image, pack(masks, image.shape, classes), seed)
    assert moved.shape == (SIDE, SIDE, -(-classes // 8))
    # This one computes its map anew for every plane, and slowly: some of them, then.
    chosen = slice(None, None, 7 if name == "PiecewiseAffine" else 1)
    alone = [augmentation(image, mask[..., None], seed) for mask in masks[chosen]]
    assert np.array_equal(unpack(moved, classes)[chosen], [mask[..., 0] for _, mask in alone])
    assert all(np.array_equal(moved_image, one) for one, _ in alone)
