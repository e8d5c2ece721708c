"""Writes handseg/recipe/tables/*.json: what the installed libraries take, for checks without torch.

Run it after an update of segmentation-models-pytorch, transformers, torchvision or albumentations:

    python tests/recipe/generate_tables.py

A test makes the tables anew and compares them with the ones that are shipped.
"""

import inspect
import json
import os
import sys
import types
import typing
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")

import albumentations
import cv2
import numpy as np

from handseg.anatomy import BONES
from handseg.models.library import on_meta
from handseg.models.segmenter import build_model, parameter_count
from handseg.recipe.load import bundled_recipes, load_recipe
from handseg.recipe.schema import Transform
from handseg.registry import LIBRARIES, LOSSES
from handseg.train.augment import OWNED, Augmentation

TABLES = Path(__file__).resolve().parents[2] / "handseg" / "recipe" / "tables"

LOSS_OWNED = {"mode", "from_logits", "classes", "class_weights", "ignore_index", "reduction"} | {
    *("per_image", "logits", "targets")
}
"""Arguments that must stay for a loss to be one of planes."""

GEOMETRIC: dict[str, dict[str, Any]] = {
    "Affine": {"rotate": [-45, 45], "scale": [0.9, 1.1], "shear": [-5, 5]},
    "CoarseDropout": {},
    "CropAndPad": {"percent": [-0.1, 0.1]},
    "D4": {},
    "ElasticTransform": {"alpha": 60, "sigma": 6},
    "Erasing": {},
    "GridDistortion": {},
    "GridDropout": {},
    "HorizontalFlip": {},
    "OpticalDistortion": {"distort_limit": 0.4},
    "Perspective": {},
    "PiecewiseAffine": {},
    "PixelDropout": {},
    "RandomRotate90": {},
    "Rotate": {},
    "SafeRotate": {},
    "ShiftScaleRotate": {},
    "SquareSymmetry": {},
    "ThinPlateSpline": {},
    "Transpose": {},
    "VerticalFlip": {},
    "XYMasking": {"num_masks_x": 1, "num_masks_y": 1, "mask_x_length": 8, "mask_y_length": 8},
}
"""Geometric transforms that keep bit planes exact and their size, with arguments that show it."""

ADAPTER_OWNED = {*OWNED, "keypoint_remapping_method", "mask_drop_value", "keep_size"} | {
    "crop_border"
}
REFUSED = {
    "ConstrainedCoarseDropout": "it looks for numbers in the labels, which are bits",
    "GridElasticDeform": "it interpolates the labels, which are bits",
    "MaskDropout": "it drops connected parts of the labels, which are bits",
    "Morphological": "it grows and shrinks the labels as numbers, and they are bits",
    "Lambda": "a recipe holds no code",
    "Normalize": "data.normalize says it",
    "FromFloat": "images are bytes up to the device",
    "ToFloat": "images are bytes up to the device",
} | dict.fromkeys(
    ("ChannelDropout", "ChannelShuffle", "FancyPCA", "ToGray", "ToRGB", "ToSepia"),
    "it needs a colour image, and radiographs are grey",
)


def tables() -> dict[str, Any]:
    """All tables, by the stem of their file."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {
            "models": {
                name: resolve_name(place).table(arguments) for name, place in LIBRARIES.items()
            },
            "losses": {
                name: arguments(resolve_name(place), LOSS_OWNED) for name, place in LOSSES.items()
            },
            "transforms": transforms(),
            "parameters": {recipe.name: parameters(recipe.path) for recipe in bundled_recipes()},
        }


def parameters(path: Path) -> int:
    """How many a recipe's network has for the bones of the hand."""
    with on_meta():
        return parameter_count(
            build_model(load_recipe(str(path)).recipe, len(BONES), weights="none")
        )


def transforms() -> dict[str, Any]:
    """The transforms that a recipe may name with their arguments, and the others with a reason."""
    kinds = {
        name: kind
        for name, kind in vars(albumentations).items()
        if inspect.isclass(kind) and issubclass(kind, albumentations.BasicTransform)
    }
    reasons = {name: reason(name, kind) for name, kind in sorted(kinds.items())}
    allowed = [name for name, why in reasons.items() if not why]
    return {
        "owned": sorted(ADAPTER_OWNED),
        "refused": {name: why for name, why in reasons.items() if why},
        "transforms": {name: arguments(kinds[name], ADAPTER_OWNED) for name in sorted(allowed)},
    }


def reason(name: str, kind: type) -> str:
    """Why a transform cannot be used; empty where it can."""
    if name in REFUSED:
        return REFUSED[name]
    if name in GEOMETRIC:
        return ""
    if not issubclass(kind, albumentations.ImageOnlyTransform):
        return "it is not among the transforms that keep bit labels exact and their size"
    return reason_of_pixels(name)


def reason_of_pixels(name: str) -> str:
    """Run a transform of pixels on a grey image through the adapter."""
    image = np.kron(np.arange(16, dtype=np.uint8).reshape(4, 4) * 15, np.ones((12, 12), np.uint8))
    planes = np.arange(48 * 48 * 4, dtype=np.uint8).reshape(48, 48, 4)
    try:
        made, moved = Augmentation({name: Transform(name, {"p": 1.0})})(image, planes, 0)
    except (ValueError, NotImplementedError, TypeError) as error:
        colour = "3-channel" in str(error) or "one channel" in str(error)
        return REFUSED["ToGray"] if colour else "it needs more than an image"
    assert made.shape == image.shape, name
    assert made.dtype == image.dtype, name
    assert np.array_equal(planes, moved), name
    return ""


def arguments(function: Callable[..., Any], owned: set[str]) -> dict[str, str]:
    """The arguments of a function or class without the owned ones, and what each may be."""
    names = namespace(function)
    return {
        name: " | ".join(sorted(set(kinds(evaluated(parameter.annotation, names))))) or "any"
        for name, parameter in inspect.signature(function).parameters.items()
        if name not in owned
    }


def evaluated(annotation: Any, names: dict[str, Any]) -> Any:
    return eval(annotation, names) if isinstance(annotation, str) else annotation


def namespace(function: Callable[..., Any]) -> dict[str, Any]:
    """What the annotations of a function, or of a class's constructor, are written with.

    `typing` and cv2 stand in for what modules import for type checkers only.
    """
    owner: Any = inspect.unwrap(function)
    if inspect.isclass(owner):
        owner = next(kind for kind in owner.__mro__ if "__init__" in vars(kind))
    return {**vars(typing), "cv2": cv2, **vars(sys.modules[owner.__module__])}


WORDS = {bool: "boolean", int: "integer", float: "number", str: "string"}


def kinds(hint: Any) -> list[str]:
    """An annotation in words of TOML: `array | number`; a choice stands in quotes."""
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        return [kind for part in typing.get_args(hint) for kind in kinds(part)]
    if origin is typing.Annotated:
        return kinds(typing.get_args(hint)[0])
    if origin is typing.Literal:
        return [choice(value) for value in typing.get_args(hint)]
    if isinstance(hint, type) and hint in WORDS:
        return [WORDS[hint]]
    if hint is type(None) or origin is Callable or hint is Callable:
        return []  # a recipe can say neither
    if origin is dict or hint is dict:
        return ["table"]
    if isinstance(origin or hint, type) and issubclass(origin or hint, Iterable):
        return ["array"]
    return ["any"]


def choice(value: Any) -> str:
    return f"'{value}'" if isinstance(value, str) else WORDS[type(value)]


def write(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    for name, table in tables().items():
        text = json.dumps(table, indent=1, sort_keys=True) + "\n"
        (folder / f"{name}.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(TABLES)
