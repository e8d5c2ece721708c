"""What predictions are compared with: labels as run lengths, whose they are, and of which images.

Labels are those of a data set, or the masks of another submission.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from handseg.anatomy import ALIASES, FOREARM, bones_of, not_bones
from handseg.data.image_sizes import check_all_known, check_assumed_size, header_sizes
from handseg.data.label_runs import LabelFile, label_file
from handseg.errors import InputError, did_you_mean
from handseg.formats.submission import labelled_classes, sidecar_classes, unreadable_images
from handseg.rle.submission import Submission, read_submission
from handseg.text import shown
from handseg.work import Progress, silent

if TYPE_CHECKING:
    from handseg.data.dataset import Dataset, Sample
    from handseg.hand.hands import Hands

Aliases = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class GroundTruth:
    """Labels as a submission; its images, and the person of each as far as that is known."""

    labels: Submission
    classes: tuple[str, ...]
    people: Mapping[str, str] = field(default_factory=dict[str, str])
    aliases: Aliases = field(default_factory=lambda: ALIASES)
    """The bones that classes of other names are."""
    sizes: Mapping[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])
    """(height, width) of images by their headers, as far as they were read."""
    said_not_bones: tuple[str, ...] = ()
    """Classes that the data set says to be no bones."""
    counts_all: bool = False
    """Whether means and overlaps are of all classes, those that are no bones too."""

    @cached_property
    def not_bones(self) -> frozenset[str]:
        """The classes that means and overlaps leave out."""
        if self.counts_all:
            return frozenset()
        return not_bones(self.classes, self.said_not_bones, self.aliases)

    @property
    def counted(self) -> NDArray[np.bool_]:
        # [classes]: those that means are taken over.
        return np.array([cls not in self.not_bones for cls in self.classes], dtype=np.bool_)

    @property
    def class_of(self) -> dict[str, str]:
        """The class that each bone is; of several the first."""
        of_classes = bones_of(self.classes, self.aliases)
        return {bone: cls for cls, bone in reversed(of_classes.items())}

    def labelled(self, images: Sequence[str]) -> NDArray[np.bool_]:
        """bool [images, classes]: what was labelled, as the labels' sidecar says; else all."""
        return labelled_classes(self.labels, images, self.classes)

    @property
    def rows_missing(self) -> int:
        """Rows that the labels lack of classes that are labelled: they count as empty."""
        # Rows of classes that the sidecar calls unlabelled do not count, and are rare.
        return max(0, int(self.labelled(self.labels.images).sum()) - len(self.labels))

    def person(self, image: str) -> str:
        """Whose hand it is; an image without a known person is its own."""
        return self.people.get(image, image)

    def hands(
        self,
        images: Sequence[str],
        sizes: Mapping[str, tuple[int, int]],
        progress: Progress = silent,
    ) -> "Hands":
        """The bones that tell the wrist's pose, in images whose (height, width) are `sizes`.

        Raises InputError where the labels have no such bones or the size of an image is not known.
        """
        from handseg.data.label_runs import hands_of
        from handseg.hand.hands import HAND

        class_of = self.class_of
        lacking = [bone for bone in (*FOREARM, HAND) if bone not in class_of]
        if HAND in lacking or set(FOREARM) <= set(lacking):
            raise InputError(
                "the pose of the wrist cannot be told",
                details=f"the labels have no {', '.join(lacking)}",
            )
        check_all_known(sizes, images)
        bone_of = {class_of[bone]: bone for bone in (*FOREARM, HAND) if bone in class_of}
        known = {image: sizes[image] for image in images}
        return hands_of(self.labels, tuple(bone_of), bone_of, progress, sizes=known)


def read_truth(path: Path, data: Path) -> GroundTruth:
    """The masks of a submission as labels; people and aliases are those of the data set in `data`.

    Where there is none, or it has none of the images, all images are of people of their own.

    Raises:
        InputError: `path` is no submission or has no rows, or the data set is at fault.
    """
    from handseg.data.dataset import find_dataset

    labels = read_submission(path)
    if not labels.images:
        raise InputError(f"the labels {path} have no rows")
    # Those of the sidecar first, in their order: a class may have no row at all.
    classes = tuple(dict.fromkeys((*sidecar_classes(labels), *labels.classes)))
    dataset = find_dataset(data)
    people = people_of(dataset, labels.images) if dataset else {}
    if dataset is None or not people:
        return GroundTruth(labels, classes)
    said = dataset.settings.not_bones
    return GroundTruth(labels, classes, people, {**ALIASES, **dataset.aliases}, said_not_bones=said)


def with_sizes(
    truth: GroundTruth,
    submissions: Sequence[Submission],
    images_of: Sequence[Sequence[str]],
    data: Path,
    default: tuple[int, int],
    *,
    is_given: bool = False,
) -> GroundTruth:
    """The same with the sizes of images in a data set, if there is one and the labels lack some.

    Args:
        images_of: the images on which each of the submissions is scored.
        data: the folder of the data set.
        default: (height, width) of images whose size nothing says, which may be `is_given`.

    Raises:
        InputError: the data set or an image of it is at fault; or nothing says a size, and the
            labels do not fit the default.
    """
    from handseg.data.dataset import find_dataset

    wanted = {image for images in images_of for image in images}
    dataset = None if wanted <= truth.labels.sizes.keys() else find_dataset(data)
    if dataset is not None:
        truth = replace(truth, sizes=header_sizes(dataset.split("all"), wanted))
    for submission, images in zip(submissions, images_of, strict=True):
        known = truth.sizes.keys() | truth.labels.sizes.keys() | submission.sizes.keys()
        unknown = [one for one in images if one not in known]
        check_assumed_size(truth.labels, unknown, default, is_given=is_given)
    return truth


def people_of(dataset: "Dataset", images: Iterable[str]) -> dict[str, str]:
    samples = {sample.image_name: sample for sample in dataset.split("all")}
    return {image: samples[image].person for image in images if image in samples}


@dataclass(frozen=True)
class ChosenLabels:
    """The images that each of some submissions is scored on, and their labels, drawn or not yet."""

    images: Sequence[tuple[str, ...]]
    labels: Submission | LabelFile
    classes: tuple[str, ...]
    people: Mapping[str, str]
    aliases: Aliases
    not_bones: tuple[str, ...] = ()

    @property
    def to_draw(self) -> LabelFile | None:
        """The file of labels that are still to be drawn as run lengths, which takes a while."""
        file = self.labels
        return None if isinstance(file, Submission) or file.read() is not None else file

    def ground_truth(self, progress: Progress = silent) -> GroundTruth:
        """The labels; drawn now where they never were.

        Raises InputError where a label is missing or at fault, FailedError if the disk refuses.
        """
        found = self.labels
        if isinstance(found, Submission):
            labels, sizes = found, {}
        else:
            labels = found.submission(progress)
            # Labels of a data set are drawn at the sizes of its images' headers.
            sizes = labels.sizes
        return GroundTruth(labels, self.classes, self.people, self.aliases, sizes, self.not_bones)


@dataclass(frozen=True)
class DatasetLabels:
    """The labels of a data set, those of test images too."""

    dataset: "Dataset"

    def covers(self, submission: Submission) -> bool:
        return has_labels(submission, self.dataset)

    def choose(self, submissions: Sequence[Submission]) -> ChosenLabels:
        """The labels of the images of the submissions, each once however many have it.

        Raises InputError where one does not fit the data set.
        """
        chosen = [samples_to_score(submission, self.dataset) for submission in submissions]
        samples = tuple(dict.fromkeys(sample for group in chosen for sample in group))
        return ChosenLabels(
            [tuple(sample.image_name for sample in group) for group in chosen],
            label_file(samples, self.dataset.classes),
            self.dataset.classes,
            {sample.image_name: sample.person for sample in samples},
            self.dataset.aliases,
            self.dataset.settings.not_bones,
        )


@dataclass(frozen=True)
class CsvLabels:
    """The masks of a submission as labels."""

    truth: GroundTruth

    def covers(self, submission: Submission) -> bool:
        return set(self.truth.labels.images).issuperset(submission.images)

    def choose(self, submissions: Sequence[Submission]) -> ChosenLabels:
        """The same labels, and the images of the submissions that they have.

        Raises InputError for an image or a class that the labels lack.
        """
        images = [images_to_score(submission, self.truth) for submission in submissions]
        truth = self.truth
        return ChosenLabels(
            images,
            truth.labels,
            truth.classes,
            truth.people,
            truth.aliases,
            truth.said_not_bones,
        )


def labels_of_dataset(dataset: "Dataset") -> DatasetLabels:
    """The labels of a data set, with those of its test images that are there."""
    from handseg.data.dataset import with_test_labels

    return DatasetLabels(with_test_labels(dataset))


def open_labels(labels: Path | None, data: Path) -> DatasetLabels | CsvLabels:
    """The labels of a data set, that in `data` where nothing else is named, or those of a CSV.

    `data` is also the data set that knows the people and sizes of a CSV's images.

    Raises:
        InputError: there is nothing, or it cannot be read.
    """
    from handseg.data.dataset import open_dataset

    if labels is not None and not labels.exists():
        raise InputError(f"there are no labels at {labels}", details=f"looked in {Path.cwd()}")
    if labels is not None and not labels.is_dir():
        return CsvLabels(read_truth(labels, data))
    return labels_of_dataset(open_dataset(labels or data))


def images_to_score(submission: Submission, truth: GroundTruth) -> tuple[str, ...]:
    """The images on which a submission is compared with labels that are a CSV, in its order.

    They are those of its rows and its sidecar. Without a sidecar that names images it is not known
    what the submission is of: it is all that the labels have, and what it lacks counts as empty.

    Raises InputError for an image or a class that the labels lack, listing them.
    """
    check_classes(submission, truth.classes, truth.labels.path, "labels")
    named = {*submission.images, *submission.sizes}
    if not named:
        raise InputError(f"{submission.path} has no rows")
    lacking = sorted(named.difference(truth.labels.images))
    if lacking:
        raise InputError(
            f"{len(lacking)} of {len(named)} images of {submission.path} "
            f"have no row in the labels {truth.labels.path}",
            details=shown(lacking),
        )
    return tuple(image for image in truth.labels.images if image in named or not submission.sizes)


def has_labels(submission: Submission, dataset: "Dataset") -> bool:
    labelled = {sample.image_name for sample in dataset.split("all") if sample.labels is not None}
    return bool(submission.images) and labelled.issuperset(submission.images)


def samples_to_score(submission: Submission, dataset: "Dataset") -> "tuple[Sample, ...]":
    """The samples of the submission's split, in the data set's order.

    They are those of the images in its rows and its sidecar, and all of a split that it predicts
    as a whole (the test images; the training images where the sidecar says so): images without
    rows count as empty, but for those that could not be read when it was predicted: they are left
    out. Call with a data set whose test samples carry their labels.

    Raises InputError for an image or class that the data set does not have, for an image
    whose label should be a file of its own and is not there, and for a submission without rows.
    """
    from handseg.data.dataset import predicted_samples

    check_classes(submission, dataset.classes, dataset.root, "data set")
    by_name = {sample.image_name: sample for sample in dataset.split("all")}
    named = {*submission.images, *submission.sizes}
    if not named:
        raise InputError(f"{submission.path} has no rows")
    _check_images(submission, named, by_name, dataset)
    unreadable = unreadable_images(submission)
    samples = predicted_samples(dataset, submission)
    read = tuple(sample for sample in samples if sample.image_name not in unreadable)
    return _labelled(submission, read, dataset)


def check_classes(submission: Submission, classes: Sequence[str], owner: Path, kind: str) -> None:
    """Raise InputError for a class that its labels lack: those of `owner`, of this `kind`."""
    strange = [cls for cls in submission.classes if cls not in classes]
    if strange:
        raise InputError(
            f"{submission.path} has the class {strange[0]!r} that {owner} does not have"
            + did_you_mean(strange[0], classes),
            details=f"classes of the {kind}: {', '.join(classes)}",
        )


def _check_images(
    submission: Submission,
    named: Collection[str],
    by_name: "Mapping[str, Sample]",
    dataset: "Dataset",
) -> None:
    strange = sorted(name for name in named if name not in by_name)
    if strange:
        raise InputError(
            f"{len(strange)} of {len(named)} images of {submission.path} "
            f"are not in the data set {dataset.root}",
            details=shown(strange),
            hints=["name the data set that was predicted with --data DIR"],
        )


def _labelled(
    submission: Submission, samples: "tuple[Sample, ...]", dataset: "Dataset"
) -> "tuple[Sample, ...]":
    """The samples, as far as their layout annotates them: training leaves out the same."""
    bare = [sample for sample in samples if sample.labels is None]
    known = tuple(sample for sample in samples if sample.labels is not None)
    if bare and (not known or dataset.label_path(bare[0].image) is not None):
        raise InputError(
            f"{submission.path} cannot be scored: "
            f"{len(bare)} of {len(samples)} images have no label",
            details="\n".join(str(sample.image) for sample in bare[:5]),
            hints=[
                "score validation predictions instead:  handseg score last:val",
                "or name a data set with these labels with --labels DIR",
            ],
        )
    return known
