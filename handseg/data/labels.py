"""Labels as people draw them: polygons in JSON, and the masks that they mean."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handseg import rle
from handseg.data.dataset import Sample
from handseg.data.images import image_size
from handseg.errors import InputError, did_you_mean

Polygon = NDArray[np.int32]
"""`int32[points, 2]` of `(x, y)` in pixels."""

FARTHEST = 1 << 20
"""Coordinates are held within this, in pixels: cv2 computes in fixed point."""


@dataclass(frozen=True)
class Labels:
    """The polygons of one image, and for each class of the data set whether it was labelled.

    A class that was labelled and has no polygon is absent; one that was not is unknown.
    """

    polygons: dict[str, tuple[Polygon, ...]]
    labelled: tuple[bool, ...]


@dataclass(frozen=True)
class SampleLabels:
    """The full-size masks of one image as run lengths, one for each class of the data set."""

    size: tuple[int, int]
    runs: tuple[rle.Runs, ...]
    labelled: tuple[bool, ...]


def read_polygons(path: Path, classes: Sequence[str]) -> Labels:
    """Read one label file of the `handbone` layout.

    Several polygons of a class are kept; points may be floats and may lie outside the image.
    `attributes.labelled`, a list of class names, says what was labelled where that is not all.

    Raises:
        InputError: no JSON, another schema or a class that the data set does not have; the message
            names the file and the place.
    """
    document = read_json(path)
    try:
        annotations = document["annotations"]
        entries = [(str(entry["label"]), entry["points"]) for entry in annotations]
        named = (document.get("attributes") or {}).get("labelled", list(classes))
        check_labelled(path, named, classes)
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{path} is no label file",
            why=f"expected annotations with label and points; {type(error).__name__}: {error}",
        ) from error
    polygons: dict[str, list[Polygon]] = {}
    for number, (name, points) in enumerate(entries):
        if name not in classes:
            raise unknown_class(f"{path}: annotation {number}", name, classes)
        polygons.setdefault(name, []).append(read_points(path, number, name, points))
    united = {name: tuple(parts) for name, parts in polygons.items()}
    return Labels(united, tuple(name in named for name in classes))


def rasterise(polygons: Sequence[Polygon], size: tuple[int, int]) -> NDArray[np.uint8]:
    """The union of polygons as `uint8[height, width]` of 0 and 1, boundary pixels included.

    `cv2.fillPoly`, because the competition's masks are made with it; one call for each polygon,
    because a single call with several would cut out what they share.
    """
    import cv2

    mask = np.zeros(size, np.uint8)
    for polygon in polygons:
        cv2.fillPoly(mask, [polygon], 1)
    return mask


def class_mask(labels: Labels, name: str, size: tuple[int, int]) -> NDArray[np.uint8]:
    """One class of a label as `uint8[height, width]` of 0 and 1."""
    return rasterise(labels.polygons.get(name, ()), size)


def label_runs(sample: Sample, classes: Sequence[str]) -> SampleLabels:
    """The full-size masks of a labelled sample as run lengths.

    Raises:
        InputError: the label is missing or at fault.
    """
    if sample.labels is None:
        raise InputError(f"{sample.image} has no label")
    labels = read_polygons(sample.labels, classes)
    size = image_size(sample.image)
    masks = (class_mask(labels, name, size) for name in classes)
    return SampleLabels(size, tuple(rle.from_mask(mask) for mask in masks), labels.labelled)


def read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise InputError(f"{path} cannot be read", why=str(error)) from error
    except json.JSONDecodeError as error:
        raise InputError(
            f"{path} is broken JSON",
            why=f"line {error.lineno}, column {error.colno}: {error.msg}",
        ) from error
    except (ValueError, RecursionError) as error:
        # Bytes that are no text, a figure of thousands of digits, thousands of brackets.
        raise InputError(f"{path} is broken JSON", why=str(error)) from error


def read_points(path: Path, number: int, name: str, points: Any) -> Polygon:
    place = f"{path}: annotation {number} ({name})"
    try:
        array = np.asarray(points, np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(f"{place} has points that are no numbers", why=str(error)) from error
    if array.ndim != 2 or array.shape[1] != 2:
        raise InputError(f"{place} has no list of [x, y] points")
    if not np.isfinite(array).all():
        raise InputError(f"{place} has a point that is not finite")
    return np.rint(array.clip(-FARTHEST, FARTHEST)).astype(np.int32)


def check_labelled(path: Path, named: Any, classes: Sequence[str]) -> None:
    place = f"{path}: attributes.labelled"
    if not isinstance(named, list) or not all(isinstance(name, str) for name in named):
        raise InputError(f"{place} is no list of class names", why=f"it is {named!r}")
    for name in named:
        if name not in classes:
            raise unknown_class(place, name, classes)


def unknown_class(place: str, name: str, classes: Sequence[str]) -> InputError:
    return InputError(
        f"{place} has the unknown class {name!r}{did_you_mean(name, classes)}",
        why="classes: " + ", ".join(classes),
    )
