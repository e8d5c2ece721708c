"""Labels as people draw them: polygons or run lengths in JSON, and the masks that they mean."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handseg import rle
from handseg.data.images import image_size
from handseg.data.json_files import read_json
from handseg.data.sample import Sample
from handseg.errors import InputError, did_you_mean

Polygon = NDArray[np.int32]
"""`int32[points, 2]` of `(x, y)` in pixels."""

FARTHEST = 1 << 20
"""Coordinates are held within this, in pixels: cv2 computes in fixed point."""
LARGEST_LABEL = 1 << 24
"""Bytes of the label file of one image; real ones have some hundred thousand."""


@dataclass(frozen=True)
class Labels:
    """What is drawn in one image, and for each class of the data set whether it was labelled.

    A class is drawn by polygons, by row-major runs in full size, or by both, which are then united.
    A class that was labelled and is not drawn is absent; one that was not is unknown.
    """

    polygons: dict[str, tuple[Polygon, ...]]
    labelled: tuple[bool, ...]
    runs: dict[str, rle.Runs] = field(default_factory=dict[str, rle.Runs])
    size: tuple[int, int] | None = None
    """The image's, where the label says it and means it: it draws in no other."""
    source: str = ""
    """Where the label stands, for messages."""

    @property
    def drawn(self) -> tuple[str, ...]:
        """The classes that are drawn at all."""
        return tuple(dict.fromkeys((*self.polygons, *self.runs)))


@dataclass(frozen=True)
class SampleLabels:
    """The full-size masks of one image as run lengths, one for each class of the data set."""

    size: tuple[int, int]
    runs: tuple[rle.Runs, ...]
    labelled: tuple[bool, ...]


def read_labels(sample: Sample, classes: Sequence[str]) -> Labels:
    """What is drawn in a sample, whatever the layout of its label.

    Raises:
        InputError: there is no label, or it is at fault.
    """
    if sample.labels is None:
        raise InputError(f"{sample.image} has no label")
    if sample.entry is None:
        labels = read_polygons(sample.labels, classes)
    else:
        from handseg.data.coco.labels import read_entry

        labels = read_entry(sample.labels, sample.entry, classes)
    if sample.labelled is None:
        return labels
    said = (name in sample.labelled for name in classes)
    both = zip(labels.labelled, said, strict=True)
    return replace(labels, labelled=tuple(known and named for known, named in both))


def read_polygons(path: Path, classes: Sequence[str]) -> Labels:
    """Read one label file of the `handbone` layout.

    Several polygons of a class are kept; points may be floats and may lie outside the image.
    `attributes.labelled`, a list of class names, says what was labelled where that is not all.

    Raises:
        InputError: no JSON, another schema or a class that the data set does not have; the message
            names the file and the place.
    """
    document = read_json(path, largest=LARGEST_LABEL)
    try:
        annotations = document["annotations"]
        entries = [(str(entry["label"]), entry["points"]) for entry in annotations]
        named = (document.get("attributes") or {}).get("labelled", list(classes))
        check_labelled(path, named, classes)
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{path} is no label file",
            details=f"expected annotations with label and points; {type(error).__name__}: {error}",
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
    """One class of a label as `uint8[height, width]` of 0 and 1.

    Raises:
        InputError: the label is of an image of another size.
    """
    check_fits(labels, size)
    mask = rasterise(labels.polygons.get(name, ()), size)
    return mask | rle.to_mask(labels.runs[name], size) if name in labels.runs else mask


def class_runs(labels: Labels, name: str, size: tuple[int, int]) -> rle.Runs:
    """One class of a label as row-major runs; what is run lengths already is not decoded.

    Raises:
        InputError: the label is of an image of another size.
    """
    if name in labels.runs and name not in labels.polygons:
        check_fits(labels, size)
        return labels.runs[name]
    return rle.from_mask(class_mask(labels, name, size))


def check_fits(labels: Labels, size: tuple[int, int]) -> None:
    if labels.size not in (None, size):
        height, width = labels.size or size
        raise InputError(
            f"{labels.source} is the label of an image of {height} × {width} pixels",
            details=f"the image has {size[0]} × {size[1]}: every outline would lie elsewhere",
        )


def label_runs(sample: Sample, classes: Sequence[str]) -> SampleLabels:
    """The full-size masks of a labelled sample as run lengths.

    Raises:
        InputError: the label is missing or at fault.
    """
    labels = read_labels(sample, classes)
    size = image_size(sample.image)
    runs = tuple(class_runs(labels, name, size) for name in classes)
    return SampleLabels(size, runs, labels.labelled)


def read_points(path: Path, number: int, name: str, points: Any) -> Polygon:
    place = f"{path}: annotation {number} ({name})"
    try:
        array = np.asarray(points, np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(f"{place} has points that are no numbers", details=str(error)) from error
    if array.ndim != 2 or array.shape[1] != 2:
        raise InputError(f"{place} has no list of [x, y] points")
    if not np.isfinite(array).all():
        raise InputError(f"{place} has a point that is not finite")
    return np.rint(array.clip(-FARTHEST, FARTHEST)).astype(np.int32)


def check_labelled(path: Path, named: Any, classes: Sequence[str]) -> None:
    place = f"{path}: attributes.labelled"
    if not isinstance(named, list) or not all(isinstance(name, str) for name in named):
        raise InputError(f"{place} is no list of class names", details=f"it is {named!r}")
    for name in named:
        if name not in classes:
            raise unknown_class(place, name, classes)


def unknown_class(place: str, name: str, classes: Sequence[str]) -> InputError:
    return InputError(
        f"{place} has the unknown class {name!r}{did_you_mean(name, classes)}",
        details="classes: " + ", ".join(classes),
    )
