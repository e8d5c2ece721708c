"""Augmentation of images and label planes."""

import cv2
import numpy as np
import pytest

from handseg.data.planes import pack, unpack
from handseg.recipe.schema import Transform
from handseg.train.augment import Augmentation, build

ROTATE = Transform("Affine", {"rotate": [-45, 45], "scale": [0.8, 1.2], "shear": [-8, 8], "p": 1.0})
FLIP = Transform("HorizontalFlip", {"p": 1.0})
MAYBE = Transform("HorizontalFlip", {"p": 0.5})
BRIGHTER = Transform("RandomBrightnessContrast", {"brightness_limit": 0.3, "p": 1.0})
ELASTIC = Transform("ElasticTransform", {"alpha": 40, "sigma": 6, "p": 1.0})


def sample(classes=29, size=48, seed=0):
    random = np.random.default_rng(seed)
    image = random.integers(1, 256, (size, size), dtype=np.uint8)
    blocks = random.random((classes, size // 4, size // 4)) < 0.4
    masks = blocks.repeat(4, 1).repeat(4, 2).astype(np.uint8)
    return image, masks


@pytest.mark.parametrize("classes", [1, 8, 29, 33, 70])
@pytest.mark.parametrize("transform", [ROTATE, FLIP, ELASTIC], ids=lambda t: t.transform)
def test_bits_move_as_separate_planes_do(transform, classes):
    image, masks = sample(classes)
    augmentation = Augmentation({"one": transform})
    for seed in range(3):
        moved_image, moved = augmentation(image, pack(masks, image.shape, classes), seed)
        assert moved.shape == (48, 48, -(-classes // 8))
        assert (moved.dtype, moved_image.dtype) == (np.uint8, np.uint8)
        expected = [augmentation(image, mask[..., None], seed)[1][..., 0] for mask in masks]
        assert np.array_equal(unpack(moved, classes), expected)
        assert np.array_equal(augmentation(image, moved, seed)[0], moved_image)


SIDES = {"left 1": "right 1", "left 9": "right 2"}


def test_a_flip_exchanges_the_planes_and_the_labels_of_classes_that_name_a_side():
    classes = ("left 1", "right 1", "right 2", "hand", "a", "b", "c", "d", "e", "left 9")
    image, masks = sample(len(classes))
    planes = pack(masks, image.shape, len(classes))
    plain = Augmentation({"flip": MAYBE, "rotate": ROTATE})
    swapping = Augmentation(
        {"flip": Transform("HorizontalFlip", {"p": 0.5, "swap": SIDES}), "rotate": ROTATE}, classes
    )
    order = [1, 0, 9, 3, 4, 5, 6, 7, 8, 2]
    labelled = np.array([name != "left 9" for name in classes])
    seen = set()
    for seed in range(12):
        moved = unpack(plain(image, planes, seed)[1], len(classes))
        found = unpack(swapping(image, planes, seed)[1], len(classes))
        flips = not np.array_equal(found, moved)
        assert np.array_equal(found, moved[order] if flips else moved)
        assert np.array_equal(swapping.labelled(labelled), labelled[order] if flips else labelled)
        seen.add(flips)
    assert seen == {True, False}
    with pytest.raises(LookupError, match="left 1"):
        Augmentation({"flip": Transform("HorizontalFlip", {"swap": SIDES})}, ("hand",))


def test_a_label_moves_with_its_image():
    _, masks = sample(1)
    image = masks[0] * np.uint8(200)
    for transform in (FLIP, ROTATE):
        moved_image, moved = Augmentation({"one": transform})(image, masks[0][..., None], 5)
        differs = (moved_image >= 100) != moved[..., 0].astype(bool)
        assert differs.mean() < 0.06
        assert not np.array_equal(moved[..., 0], masks[0])


def test_the_same_seed_gives_the_same_bytes_whatever_came_between():
    image, masks = sample()
    planes = pack(masks, image.shape, 29)
    transforms = {"flip": MAYBE, "rotate": ROTATE, "light": BRIGHTER}
    first, second = Augmentation(transforms), Augmentation(transforms)
    for seed in range(5):
        second(image, planes, 100 + seed)
    made = [first(image, planes, seed) for seed in range(8)]
    for seed in reversed(range(8)):
        again = second(image, planes, seed)
        assert all(np.array_equal(*pair) for pair in zip(made[seed], again, strict=True))
    assert len({image.tobytes() for image, _ in made}) == 8
    # Both sides of a coin are seen: flipped or not shows in the transforms' own draws.
    flips = [Augmentation({"flip": MAYBE})(image, planes, seed)[0] for seed in range(16)]
    assert len({flipped.tobytes() for flipped in flips}) == 2


def test_what_turns_in_from_outside_is_black_and_of_no_class():
    image = np.full((48, 48), 255, np.uint8)
    planes = np.full((48, 48, 1), 255, np.uint8)
    shrunk = Transform("Affine", {"scale": [0.5, 0.5], "p": 1.0})
    moved_image, moved = Augmentation({"one": shrunk})(image, planes, 0)
    assert moved_image[0, 0] == 0
    assert moved[0, 0, 0] == 0
    assert set(np.unique(moved)) == {0, 255}


def test_light_changes_no_label_and_without_transforms_nothing_changes():
    image, masks = sample()
    planes = pack(masks, image.shape, 29)
    brighter, kept = Augmentation({"light": BRIGHTER})(image, planes, 1)
    assert np.array_equal(kept, planes)
    assert not np.array_equal(brighter, image)
    same_image, same = Augmentation({})(image, planes, 1)
    assert np.array_equal(same_image, image)
    assert np.array_equal(same, planes)


def test_the_adapter_fills_in_what_it_owns():
    affine = build(Transform("Affine", {"rotate": [-10, 10], "p": 1.0}))
    assert affine.mask_interpolation == cv2.INTER_NEAREST
    assert affine.fill_mask == 0


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("CoarseDropout", {"hole_height_range": [0.5, 0.6]}),
        ("GridDropout", {}),
        ("Erasing", {}),
        ("PixelDropout", {"dropout_prob": 0.2}),
        ("XYMasking", {"num_masks_x": [1, 2], "mask_x_length": [10, 20]}),
    ],
)
def test_a_bone_under_a_dropped_out_part_keeps_its_label(name, arguments):
    image = np.full((64, 64), 200, np.uint8)
    planes = np.full((64, 64, 4), 255, np.uint8)
    drop = Transform(name, {"p": 1.0, **arguments})
    dropped, kept = Augmentation({"drop": drop})(image, planes, 0)
    assert (dropped == 0).any()
    assert (kept == 255).all()
