"""albumentations behind one adapter that owns interpolation and fill.

Geometry moves the bit planes of the labels with nearest interpolation and zero fill, which is exact
for every class at once; images are interpolated linearly and filled with black.
"""

import inspect
import os
import traceback
from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from handseg.recipe.schema import Transform

# albumentations asks the network for a newer version at import unless told not to.
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")

import albumentations as A  # noqa: N812 - its documented name
from albumentations.augmentations.dropout.transforms import BaseDropout

SWAP = "swap"
"""The argument of a transform that mirrors: pairs of classes, `{ "left X" = "right X" }`."""
OWNED: dict[str, Any] = {
    "interpolation": cv2.INTER_LINEAR,
    "mask_interpolation": cv2.INTER_NEAREST,
    "border_mode": cv2.BORDER_CONSTANT,
    "fill": 0,
    "fill_mask": 0,
}


class Augmentation:
    """The augmentation of a recipe, as a pure function of its seed."""

    def __init__(self, transforms: Mapping[str, Transform], classes: Sequence[str] = ()) -> None:
        """`classes` are the names of the planes, for transforms that `swap` some.

        Raises:
            LookupError: one of them is none of the classes.
        """
        self.names = list(transforms)
        built = [build(entry) for entry in transforms.values()]
        self.swaps: list[Swap] = []
        for transform, entry in zip(built, transforms.values(), strict=True):
            if swap := entry.arguments.get(SWAP):
                self.swaps.append(Swap(transform, pairs_of(swap, classes)))
        self.compose = A.Compose([*built])

    def __call__(
        self, image: NDArray[np.uint8], planes: NDArray[np.uint8], seed: int
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Augment grey `uint8[h, w]` and planes `uint8[h, w, p]`; the same seed gives the same."""
        self.compose.set_random_seed(seed)
        for swap in self.swaps:
            swap.is_applied = False
        # A grey image needs its channel where a transform looks for one.
        made = self.compose(image=image[..., None], mask=planes)
        return made["image"][..., 0], made["mask"]

    def labelled(self, labelled: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Which classes `bool[classes]` are labelled in the image that was augmented last."""
        for swap in self.swaps:
            if swap.is_applied:
                labelled = labelled.copy()
                for one, other in swap.pairs:
                    labelled[[one, other]] = labelled[[other, one]]
        return labelled

    def at_fault(self, error: BaseException) -> str | None:
        """The recipe's key of the transform out of which an error came; None out of none."""
        selves = [frame.f_locals.get("self") for frame, _ in traceback.walk_tb(error.__traceback__)]
        for name, transform in zip(self.names, self.compose.transforms, strict=True):
            if any(one is transform for one in selves):
                return f"augment.{name}"
        return None


class Swap:
    """Lets a transform that mirrors exchange the planes of classes whose names say a side."""

    def __init__(self, transform: A.BasicTransform, pairs: Sequence[tuple[int, int]]) -> None:
        self.pairs = pairs
        self.is_applied = False
        # The table that a transform looks its functions up in (albumentations 2.0.8, its last).
        functions = transform._key2func  # pyright: ignore[reportPrivateUsage]
        self.mirror, functions["mask"] = functions["mask"], self

    def __call__(self, planes: NDArray[np.uint8], **words: Any) -> NDArray[np.uint8]:
        self.is_applied = True
        planes = self.mirror(planes, **words).copy()
        for one, other in self.pairs:
            bits = [planes[..., index // 8] >> np.uint8(index % 8) for index in (one, other)]
            differs = (bits[0] ^ bits[1]) & np.uint8(1)
            for index in (one, other):
                planes[..., index // 8] ^= differs << np.uint8(index % 8)
        return planes


def pairs_of(swap: Mapping[str, str], classes: Sequence[str]) -> list[tuple[int, int]]:
    """The places of the classes that a `swap` exchanges.

    Raises:
        LookupError: a name is none of the classes.
    """
    for name in (*swap, *swap.values()):
        if name not in classes:
            raise LookupError(name)
    return [(classes.index(one), classes.index(other)) for one, other in swap.items()]


def build(entry: Transform) -> A.BasicTransform:
    """A transform of the recipe, with what the adapter owns filled in."""
    kind = getattr(A, entry.transform)
    # The annotations are no help: the metaclass of albumentations hides them.
    accepted = inspect.signature(kind.__init__).parameters
    # A dropped-out part of a bone is still there: its label stays.
    labels_stay = {"fill_mask"} if issubclass(kind, BaseDropout) else set[str]()
    owned = {name: OWNED[name] for name in OWNED.keys() & accepted.keys() - labels_stay}
    arguments = {name: tuples(value) for name, value in entry.arguments.items() if name != SWAP}
    transform: A.BasicTransform = kind(**arguments, **owned)
    if isinstance(transform, A.DualTransform) and "mask_interpolation" in accepted:
        # Interpolating bits would invent classes.
        assert transform.mask_interpolation == cv2.INTER_NEAREST, entry  # type: ignore[attr-defined]
    return transform


def tuples(value: Any) -> Any:
    """TOML's arrays as the tuples that albumentations wants."""
    if isinstance(value, list):
        return tuple(tuples(item) for item in value)
    if isinstance(value, dict):
        return {name: tuples(item) for name, item in value.items()}
    return value
