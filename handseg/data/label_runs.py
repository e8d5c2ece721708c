"""The labels of a data set as run lengths: drawn once, kept as a submission in the cache.

Labels at fault are refused (`label_file`, `cached_labels`), or left out and named
(`readable_labels`). Areas, centres and hands are found in them without decoding a mask.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from handseg import rle
from handseg.anatomy import BONES, FOREARM
from handseg.data.fingerprint import file_hashes
from handseg.data.images import image_size
from handseg.data.labels import Sample, SampleLabels, label_runs
from handseg.data.storage import cache_root, turn
from handseg.errors import FailedError, InputError
from handseg.formats.submission import labelled_classes
from handseg.hand.hands import HAND, Hands, bend, bone_places
from handseg.rle.batch import BatchedRuns, batch_of, parse_batch
from handseg.rle.geometry import segments, shapes
from handseg.rle.submission import Submission, read_submission, write_submission
from handseg.work import Progress, silent, threads

if TYPE_CHECKING:
    from handseg.rle.submission import Submission

_AT_ONCE = 16
"""Images whose masks are read in one go: some megabytes of runs."""


class ImageMasks(NamedTuple):
    """All masks of some images: those of the first, class by class, then those of the next, ….

    `widths` are the images' in pixels. A class without a row has an empty mask.
    """

    images: tuple[str, ...]
    widths: tuple[int, ...]
    batch: BatchedRuns


def image_masks(
    labels: "Submission",
    sizes: Mapping[str, tuple[int, int]],
    classes: Sequence[str],
    progress: Progress = silent,
) -> Iterator[ImageMasks]:
    """The masks of some images, by their (height, width), and classes of a submission.

    Raises InputError, with file, line, image and class, for run lengths at fault.
    """
    images = tuple(sizes)
    for first in range(0, len(images), _AT_ONCE):
        part = images[first : first + _AT_ONCE]
        keys = [(image, cls) for image in part for cls in classes]
        texts = labels.texts(labels.rows(keys))
        parsed = parse_batch(texts, [sizes[image] for image, _ in keys])
        for mask, error in parsed.faults:
            raise labels.fault(keys[mask], error).error()
        yield ImageMasks(part, tuple(sizes[image][1] for image in part), parsed.runs)
        progress(first + len(part), len(images), part[-1])


def measured(part: ImageMasks) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Areas [images, classes] and centres [images, classes, 2] in pixels; NaN where empty."""
    masks, images = part.batch.masks(), len(part.images)
    classes = len(masks) // images
    found = shapes(segments(masks, np.repeat(part.widths, classes).tolist()), len(masks))
    areas = np.where(found.area > 0, found.area, np.nan).reshape(images, classes)
    return areas, np.stack((found.x, found.y), axis=1).reshape(images, classes, 2)


VERSION = 1
"""Goes up when the same labels would be drawn or kept otherwise."""
ATTEMPTS = 3
BYTES_OF_A_MASK = 2500
"""Of run-length text, about, for a bone at 2048²."""


@dataclass
class LabelFile:
    """Where the labels of some samples lie as run lengths, drawn or not yet.

    The sidecar holds the images' sizes and, of images of which not all classes are labelled, which
    are (`labelled`); an unlabelled class has no row, an absent one an empty row.
    """

    path: Path
    samples: tuple[Sample, ...]
    classes: tuple[str, ...]
    sizes: dict[str, tuple[int, int]]
    _submission: Submission | None = field(default=None, repr=False)

    @property
    def expected_bytes(self) -> int:
        return len(self.samples) * len(self.classes) * BYTES_OF_A_MASK

    def read(self) -> Submission | None:
        """The labels; None where the file is missing, partial or damaged."""
        if self._submission is None and self.path.is_file():
            try:
                submission = read_submission(self.path)
            except InputError:  # its sha256 is not the sidecar's, or it is no CSV any more
                return None
            # Without a sidecar it is not known whether the rows are those that were written.
            if submission.sizes == self.sizes:
                self._submission = submission
        return self._submission

    def submission(self, progress: Progress = silent) -> Submission:
        """The labels; they are drawn first where the file is missing or damaged.

        Processes that draw them at once do no harm: what they write is the same, and is there
        whole or not at all.

        Raises:
            InputError: a label is missing or at fault.
            FailedError: the disk refuses.
        """
        if (submission := self.read()) is not None:
            return submission
        # One at a time: a CSV that is replaced is without its sidecar for a moment.
        with turn(f"labels-{self.path.stem}", lambda: None):
            for _ in range(ATTEMPTS):
                if (submission := self.read()) is not None:
                    return submission
                self._write(progress)
        raise FailedError(f"the labels were written to {self.path} and cannot be read there")

    def _write(self, progress: Progress) -> None:
        labelled: dict[str, list[str]] = {}
        fields: dict[str, Any] = {
            "made_by": "labels",
            "classes": list(self.classes),
            "images": {image: list(size) for image, size in self.sizes.items()},
            "labelled": labelled,
        }
        # `labelled` fills while the rows are drawn; the sidecar is written after them.
        write_submission(self.path, self._rows(labelled, progress), fields)

    def _rows(
        self, labelled: dict[str, list[str]], progress: Progress
    ) -> Iterator[tuple[str, str, rle.Runs]]:
        with threads() as pool:
            drawn = pool.map(lambda sample: label_runs(sample, self.classes), self.samples)
            for done, (sample, labels) in enumerate(zip(self.samples, drawn, strict=True), 1):
                if not all(labels.labelled):
                    labelled[sample.image_name] = list(compress(self.classes, labels.labelled))
                masks = zip(self.classes, labels.runs, strict=True)
                for cls, runs in compress(masks, labels.labelled):
                    yield sample.image_name, cls, runs
                progress(done, len(self.samples), sample.image_name)


def label_file(samples: Sequence[Sample], classes: Sequence[str]) -> LabelFile:
    """Where the labels of `samples` are kept; only labels are hashed, no image is read.

    The name is a hash of names, label contents, image sizes, classes and which of them are said to
    be labelled: what has changed since has another name.

    Raises:
        InputError: a label or an image is missing or unreadable.
    """
    labels = [_label_path(sample) for sample in samples]
    hashes = file_hashes(labels)
    sizes = {sample.image_name: image_size(sample.image) for sample in samples}
    content = [
        (sample.image_name, hashes[label], sizes[sample.image_name], sample.entry, sample.labelled)
        for sample, label in zip(samples, labels, strict=True)
    ]
    key = hashlib.sha256(json.dumps([VERSION, list(classes), content]).encode()).hexdigest()[:20]
    path = cache_root() / "labels" / f"{key}.csv"
    return LabelFile(path, tuple(samples), tuple(classes), sizes)


def _label_path(sample: Sample) -> Path:
    if sample.labels is None:
        raise InputError(f"{sample.image} has no label")
    return sample.labels


def cached_labels(
    samples: Sequence[Sample], classes: Sequence[str], progress: Progress = silent
) -> list[SampleLabels]:
    """The labels of each sample as `label_runs` draws them, by way of the cache.

    Of a class that was not labelled there are no runs. A cache that cannot be written costs time
    and nothing else.

    Raises:
        InputError: a label is missing or at fault.
    """
    try:
        labels = label_file(samples, classes).submission(progress)
    except (InputError, FailedError):
        # Where a label is at fault, this says so as it does everywhere else.
        return [label_runs(sample, classes) for sample in samples]
    images = [sample.image_name for sample in samples]
    return [
        SampleLabels(
            labels.sizes[image],
            tuple(labels.runs(image, cls) for cls in classes),
            tuple(labelled.tolist()),
        )
        for image, labelled in zip(images, labelled_classes(labels, images, classes), strict=True)
    ]


class ReadableLabels(NamedTuple):
    """The labels that can be read, None where there are none; what is wrong with others."""

    labels: Submission | None
    faults: dict[str, InputError]
    """By image name."""


def bytes_to_draw(samples: Sequence[Sample], classes: Sequence[str]) -> int:
    """About how large a file `readable_labels` will write; 0 where it is there."""
    try:
        file = label_file(with_label(samples), classes)
    except InputError:  # an image or a label cannot be read: `readable_labels` finds out which
        return 0
    return 0 if not file.samples or file.read() is not None else file.expected_bytes


def readable_labels(
    samples: Sequence[Sample], classes: Sequence[str], progress: Progress = silent
) -> ReadableLabels:
    """The labels of those samples that have one; drawn once, the cache keeps them."""
    chosen, faults = with_label(samples), {}
    try:
        if chosen:
            return ReadableLabels(label_file(chosen, classes).submission(progress), {})
    except InputError:
        faults = label_faults(chosen, classes, progress)
        if not faults:
            raise
        chosen = [sample for sample in chosen if sample.image_name not in faults]
    labels = label_file(chosen, classes).submission(progress) if chosen else None
    return ReadableLabels(labels, faults)


def label_faults(
    samples: Sequence[Sample], classes: Sequence[str], progress: Progress = silent
) -> dict[str, InputError]:
    """What is wrong with each sample whose label cannot be drawn, by image name."""

    def fault(sample: Sample) -> InputError | None:
        try:
            label_runs(sample, classes)
        except InputError as error:
            return error
        return None

    faults: dict[str, InputError] = {}
    with threads() as pool:
        results = zip(samples, pool.map(fault, samples), strict=True)
        for done, (sample, error) in enumerate(results, 1):
            if error is not None:
                faults[sample.image_name] = error
            progress(done, len(samples), sample.image_name)
    return faults


def with_label(samples: Sequence[Sample]) -> list[Sample]:
    return [sample for sample in samples if sample.labels is not None]


def hands_of(
    labels: "Submission",
    classes: Sequence[str],
    bones: Mapping[str, str] | None = None,
    progress: Progress = silent,
    *,
    sizes: Mapping[str, tuple[int, int]] | None = None,
) -> Hands:
    """The hands of all images of a submission of labels, drawn with some of its classes.

    `bones` names the bone that a class of another name is; `sizes` are the images and their
    (height, width), by default those of the submission's sidecar. Raises InputError for run lengths
    at fault.
    """
    sizes = labels.sizes if sizes is None else sizes
    place = bone_places(classes, bones)
    chosen = [cls for cls in classes if cls in place]
    columns = [place[cls] for cls in chosen]
    hands = Hands.unmeasured(sizes)
    done = 0
    for part in image_masks(labels, sizes, chosen, progress):
        _measure(hands, done, part, columns)
        done += len(part.images)
    return hands


def known_hands(
    samples: Sequence[Sample],
    classes: Sequence[str],
    bones: Mapping[str, str] | None = None,
    progress: Progress = silent,
) -> tuple[Hands, dict[str, InputError]]:
    """The hands of those samples whose labels can be read, and by image name what is wrong.

    Nothing is written: labels come from the cache if they are there, else they are drawn for this.
    An image without a label is no fault.
    """
    labelled = [sample for sample in samples if sample.labels is not None]
    place = bone_places(classes, bones)
    if not labelled or not place:
        return Hands.unmeasured(()), {}
    try:
        cached = label_file(labelled, classes).read()
    except InputError:  # one of them cannot be read: it is found below which
        cached = None
    if cached is not None:
        return hands_of(cached, classes, bones, progress), {}
    return _drawn_hands(labelled, classes, place, progress)


def _drawn_hands(
    samples: Sequence[Sample], classes: Sequence[str], place: Mapping[str, int], progress: Progress
) -> tuple[Hands, dict[str, InputError]]:
    hands = Hands.unmeasured(sample.image_name for sample in samples)
    faults: dict[str, InputError] = {}

    def draw(row: int) -> InputError | None:
        try:
            label = label_runs(samples[row], classes)
        except InputError as fault:
            return fault
        runs = [mask for cls, mask in zip(classes, label.runs, strict=True) if cls in place]
        part = ImageMasks((hands.images[row],), (label.size[1],), batch_of(runs))
        _measure(hands, row, part, list(place.values()))
        return None

    with threads() as pool:
        for row, fault in enumerate(pool.map(draw, range(len(samples)))):
            if fault is not None:
                faults[hands.images[row]] = fault
            progress(row + 1, len(samples), hands.images[row])
    return hands.only(np.flatnonzero([image not in faults for image in hands.images])), faults


def _measure(hands: Hands, first: int, part: ImageMasks, columns: Sequence[int]) -> None:
    """Fill the rows of `hands` from `first` on; `columns` are the places of the masks' bones."""
    rows = slice(first, first + len(part.images))
    hands.areas[rows, columns], hands.centres[rows, columns] = measured(part)
    column_of = {BONES[place]: column for column, place in enumerate(columns)}
    if HAND not in column_of:
        return
    masks, classes = part.batch.masks(), len(columns)
    for row, width in enumerate(part.widths):
        of_image = masks[row * classes : (row + 1) * classes]
        forearm = [of_image[column_of[bone]] for bone in FOREARM if bone in column_of]
        hands.bends[first + row] = bend(forearm, of_image[column_of[HAND]], width)
