"""Submissions as masks and masks as submissions, and what a sidecar says was labelled."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from handseg.formats.documents import Size, labelled_of
from handseg.formats.masks import FileFormat, Masks, Place, origin_of, rows
from handseg.rle import Runs
from handseg.rle.submission import (
    Submission,
    TextStream,
    write_numbered,
    write_rows,
    write_submission,
)
from handseg.text import counted
from handseg.work import Progress, silent

UNREADABLE = "unreadable"
"""Of a sidecar: the images that could not be read when the others were predicted."""


@dataclass(frozen=True)
class CsvFormat(FileFormat):
    """A submission with its sidecar: a row for every image and class.

    It is read with the sizes of its images, which it does not always say: `masks_of`.
    """

    name: ClassVar[str] = "csv"
    suffixes: ClassVar[tuple[str, ...]] = (".csv", ".gz")

    def write(self, place: Place, masks: Masks, progress: Progress = silent) -> Path:
        """Write both and give the CSV's path."""
        fields = {
            "made_by": "convert",
            **masks.origin,
            "source": masks.source,
            "classes": list(masks.classes),
            "images": {name: list(size) for name, size in masks.images.items()},
            "labelled": {image: list(masks.known(image)) for image in masks.labelled},
        }
        if place.path is not None:
            return write_submission(place.path, rows(masks, progress), fields)
        return write_numbered(place.folder, place.stem, rows(masks, progress), fields)

    def stream(self, stream: TextStream, masks: Masks, progress: Progress = silent) -> None:
        """Write the CSV, without a sidecar, to an open stream."""
        write_rows(stream, rows(masks, progress))

    def notes(self, masks: Masks) -> list[str]:
        if not masks.unlabelled:
            return []
        return [f"{masks.unlabelled} masks that nobody labelled have no row"]


def sidecar_classes(submission: Submission) -> tuple[str, ...]:
    found: Any = (submission.sidecar or {}).get("classes")
    if isinstance(found, list) and all(isinstance(name, str) and name for name in found):
        return tuple(dict.fromkeys(found))
    return ()


def unreadable_images(submission: Submission) -> tuple[str, ...]:
    """The images that have no row because they could not be read: missing, not empty."""
    found: Any = (submission.sidecar or {}).get(UNREADABLE)
    if not isinstance(found, list):
        return ()
    known = set(submission.images)
    return tuple(name for name in found if isinstance(name, str) and name not in known)


def grid_of(submission: Submission) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The images and the classes of a submission, in the order of its rows.

    Where rows are missing the order is the sidecar's, which is the data set's and knows images and
    classes without any row.
    """
    images = dict.fromkeys((*submission.sizes, *submission.images))
    classes = dict.fromkeys((*sidecar_classes(submission), *submission.classes))
    if len(submission) == len(images) * len(classes):
        return submission.images, submission.classes
    return tuple(images), tuple(classes)


def masks_of(submission: Submission, sizes: Mapping[str, Size]) -> Masks:
    """A submission as masks; `sizes` holds the size of every image of its grid.

    Raises InputError, when a mask is asked for, with file, line, image and class for run lengths
    at fault and runs past the end of an image.
    """
    images, classes = grid_of(submission)
    labelled = known_classes(submission, images, classes)

    def runs_of(image: str, cls: str) -> Runs:
        return submission.runs(image, cls, sizes[image])

    return Masks(
        path=submission.path,
        sha256=submission.sha256,
        format="csv",
        images={name: sizes[name] for name in images},
        classes=classes,
        runs_of=runs_of,
        origin=origin_of(submission.sidecar),
        notes=tuple(_notes(submission, images, classes, labelled)),
        labelled=labelled,
    )


def known_classes(
    submission: Submission, images: Sequence[str], classes: Sequence[str]
) -> dict[str, frozenset[str]]:
    """What was labelled of images of which not all was; a row says more than the sidecar."""
    found = {
        image: named | {cls for cls in classes if (image, cls) in submission}
        for image, named in labelled_in(submission, images, classes).items()
    }
    return {image: named for image, named in found.items() if len(named) < len(classes)}


def labelled_in(
    submission: Submission, images: Sequence[str], classes: Sequence[str]
) -> dict[str, frozenset[str]]:
    """Of images of which not all was labelled, what was, as the sidecar of a submission says."""
    written: Any = (submission.sidecar or {}).get("labelled")
    if not isinstance(written, dict):
        return {}
    found = {image: labelled_of(written.get(image), classes) for image in images}
    return {image: named for image, named in found.items() if named is not None}


def labelled_classes(
    submission: Submission, images: Sequence[str], classes: Sequence[str]
) -> NDArray[np.bool_]:
    """bool [images, classes]: the same of all images."""
    named = labelled_in(submission, images, classes)
    known = np.ones((len(images), len(classes)), dtype=np.bool_)
    for row, image in enumerate(images):
        if image in named:
            known[row] = [cls in named[image] for cls in classes]
    return known


def _notes(
    submission: Submission,
    images: tuple[str, ...],
    classes: tuple[str, ...],
    labelled: Mapping[str, frozenset[str]],
) -> Iterator[str]:
    yield from submission.notes
    unlabelled = sum(len(classes) - len(named) for named in labelled.values())
    missing = len(images) * len(classes) - len(submission) - unlabelled
    if missing:
        yield f"{counted(missing, 'row')} missing: empty masks; that they were missing is not kept"
    order = ((image, cls) for image in images for cls in classes)
    if submission.keys() != [key for key in order if key in submission]:
        yield "rows come in another order: images, and the classes of each"
    if submission.repeated_rows:
        yield f"{counted(submission.repeated_rows, 'row')} repeated: written once"
