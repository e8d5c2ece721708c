"""The radiographs of a data set and what people drew in them: polygons or run lengths, as masks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from handseg import rle
from handseg.data.images import image_size
from handseg.errors import InputError
from handseg.formats.handbone import read_label_file
from handseg.formats.polygons import Polygon, rasterise
from handseg.text import pixels_text


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
        return tuple(dict.fromkeys((*self.polygons, *self.runs)))


def read_polygons(path: Path, classes: Sequence[str]) -> Labels:
    """Read a label file of one image, in the competition's schema.

    Raises:
        InputError: no JSON, another schema or a class that the data set does not have; the message
            names the file and the place.
    """
    label = read_label_file(path, classes)
    polygons = {name: tuple(parts) for name, parts in label.polygons().items()}
    return Labels(polygons, tuple(name in label.labelled for name in classes))


LabelReader = Callable[[Path, Sequence[str]], Labels]
"""Reads what a label file draws of some classes in an image; raises InputError."""


@dataclass(frozen=True)
class Sample:
    """One radiograph and, where there is one, its label, which `read_labels` reads."""

    image_name: str
    """As in a submission: the base name, or the path inside the split where that is ambiguous, or
    with the split where that is too."""
    image: Path
    labels: Path | None
    """The file that holds its label, and maybe those of others."""
    person: str
    split: str
    entry: int | str | None = None
    """The image's id in a label file of several images; None where the file is of this one."""
    labelled: tuple[str, ...] | None = None
    """The classes that were labelled where the data set, not the label, says so."""
    side: str | None = None
    """`left` or `right` where the file's name says so."""
    reader: LabelReader = field(default=read_polygons, compare=False, repr=False)
    """Reads the label of this image from `labels`: the layout knows how."""


def read_labels(sample: Sample, classes: Sequence[str]) -> Labels:
    """What is drawn in a sample, whatever the layout of its label.

    Raises:
        InputError: there is no label, or it is at fault.
    """
    if sample.labels is None:
        raise InputError(f"{sample.image} has no label")
    labels = sample.reader(sample.labels, classes)
    if sample.labelled is None:
        return labels
    named = (name in sample.labelled for name in classes)
    both = zip(labels.labelled, named, strict=True)
    return replace(labels, labelled=tuple(known and is_named for known, is_named in both))


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
    """Raise InputError where a label is of an image of another size."""
    if labels.size is not None and labels.size != size:
        raise InputError(
            f"{labels.source} is the label of an image of {pixels_text(labels.size)} pixels",
            details=f"the image has {pixels_text(size)}: every outline would lie elsewhere",
            hints=[
                "where EXIF turns the image and the label was drawn in the unturned one, take the "
                "tag away:  exiftool -Orientation= IMAGE"
            ]
            if labels.size == size[::-1]
            else [],
        )


@dataclass(frozen=True)
class SampleLabels:
    """The full-size masks of one image as run lengths, one for each class of the data set."""

    size: tuple[int, int]
    runs: tuple[rle.Runs, ...]
    labelled: tuple[bool, ...]


def label_runs(sample: Sample, classes: Sequence[str]) -> SampleLabels:
    """The full-size masks of a labelled sample as run lengths.

    Raises:
        InputError: the label is missing or at fault.
    """
    labels = read_labels(sample, classes)
    size = image_size(sample.image)
    runs = tuple(class_runs(labels, name, size) for name in classes)
    return SampleLabels(size, runs, labels.labelled)
