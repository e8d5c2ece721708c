"""What predictions are compared with: labels as run lengths, and whose they are."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from handseg.anatomy import ALIASES, bones_of
from handseg.data.image_sizes import header_sizes
from handseg.errors import InputError, did_you_mean
from handseg.formats.submission import labelled_classes, sidecar_classes
from handseg.rle.submission import Submission, read_submission
from handseg.text import shown

if TYPE_CHECKING:
    from handseg.data.dataset import Dataset, Sample

Aliases = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Truth:
    """Labels as a submission; its images, and the person of each as far as that is known."""

    labels: Submission
    classes: tuple[str, ...]
    people: Mapping[str, str] = field(default_factory=dict[str, str])
    aliases: Aliases = field(default_factory=lambda: ALIASES)
    """The bones that classes of other names are."""
    sizes: Mapping[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])
    """(height, width) of images by their headers, as far as they were read."""

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


def truth_of_samples(labels: Submission, samples: "Iterable[Sample]", aliases: Aliases) -> Truth:
    """The labels of samples of a data set, drawn as run lengths (`data.label_runs`)."""
    classes = tuple((labels.sidecar or {})["classes"])
    people = {sample.image_name: sample.person for sample in samples}
    return Truth(labels, classes, people, aliases, labels.sizes)


def read_truth(path: Path, data: Path) -> Truth:
    """The masks of a submission as labels; people and aliases are those of the data set in `data`.

    Where there is none, or it has none of the images, all images are of people of their own.

    Raises InputError where `path` is no submission.
    """
    labels = read_submission(path)
    if not labels.images:
        raise InputError(f"the labels {path} have no rows")
    # Those of the sidecar first, in their order: a class may have no row at all.
    classes = tuple(dict.fromkeys((*sidecar_classes(labels), *labels.classes)))
    dataset = dataset_in(data)
    people = people_of(dataset, labels.images) if dataset else {}
    if dataset is None or not people:
        return Truth(labels, classes)
    return Truth(labels, classes, people, {**ALIASES, **dataset.aliases})


def with_sizes(truth: Truth, images: Iterable[str], data: Path) -> Truth:
    """The same with the sizes of images in a data set, if there is one and the labels lack some."""
    wanted = set(images)
    dataset = None if wanted <= truth.labels.sizes.keys() else dataset_in(data)
    if dataset is None:
        return truth
    return replace(truth, sizes=header_sizes(dataset.split("all"), wanted))


def dataset_in(folder: Path) -> "Dataset | None":
    """The data set in a folder, if there is one."""
    from handseg.data.dataset import is_dataset, open_dataset

    return open_dataset(folder) if is_dataset(folder) else None


def people_of(dataset: "Dataset", images: Iterable[str]) -> dict[str, str]:
    """The person of each of the images that the data set has."""
    samples = {sample.image_name: sample for sample in dataset.split("all")}
    return {image: samples[image].person for image in images if image in samples}


def images_to_score(submission: Submission, truth: Truth) -> tuple[str, ...]:
    """The images on which a submission is compared with labels that are a CSV, in its order.

    They are those of its rows and its sidecar. Without a sidecar that names images it is not known
    what the submission is of: it is all that the labels have, and what it lacks counts as empty.

    Raises InputError for an image or a class that the labels lack, listing them.
    """
    strange = [cls for cls in submission.classes if cls not in truth.classes]
    if strange:
        raise InputError(
            f"{submission.path} has the class {strange[0]!r} that {truth.labels.path} does not have"
            + did_you_mean(strange[0], truth.classes),
            details="classes of the labels: " + ", ".join(truth.classes),
        )
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
