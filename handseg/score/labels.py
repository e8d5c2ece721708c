"""What submissions are scored against: the labels of a data set, or another submission."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from handseg.data.label_runs import LabelFile, label_file
from handseg.errors import InputError
from handseg.reporter import Progress, silent
from handseg.rle.submission import Submission
from handseg.score.samples import has_labels, samples_to_score
from handseg.score.truth import GroundTruth, images_to_score, read_truth

if TYPE_CHECKING:
    from handseg.data.dataset import Dataset, Sample


@dataclass(frozen=True)
class ChosenLabels:
    """The images that each of some submissions is scored on, and their labels."""

    images: Sequence[tuple[str, ...]]
    source: "GroundTruth | DrawnLabels"

    @property
    def to_draw(self) -> LabelFile | None:
        """The file of labels that are still to be drawn as run lengths, which takes a while."""
        if isinstance(self.source, GroundTruth) or self.source.file.found() is not None:
            return None
        return self.source.file

    def ground_truth(self, progress: Progress = silent) -> GroundTruth:
        """The labels; drawn now where they never were.

        Raises InputError where a label is missing or at fault, FailedError if the disk refuses.
        """
        if isinstance(self.source, GroundTruth):
            return self.source
        return self.source.ground_truth(progress)


@dataclass(frozen=True)
class DrawnLabels:
    """The labels of samples, each once however many submissions have it, as run lengths."""

    samples: "Sequence[Sample]"
    dataset: "Dataset"

    @cached_property
    def file(self) -> LabelFile:
        """Where they are kept."""
        return label_file(self.samples, self.dataset.classes)

    def ground_truth(self, progress: Progress) -> GroundTruth:
        """The labels with the person of each image."""
        labels = self.file.submission(progress)
        people = {sample.image_name: sample.person for sample in self.samples}
        classes = tuple((labels.sidecar or {})["classes"])
        return GroundTruth(labels, classes, people, self.dataset.aliases)


@dataclass(frozen=True)
class DatasetLabels:
    """The labels of a data set, those of test images too."""

    dataset: "Dataset"

    def covers(self, submission: Submission) -> bool:
        """Whether every image of the submission has a label."""
        return has_labels(submission, self.dataset)

    def choose(self, submissions: Sequence[Submission]) -> ChosenLabels:
        """The labels of the images of the submissions.

        Raises InputError where one does not fit the data set.
        """
        chosen = [samples_to_score(submission, self.dataset) for submission in submissions]
        samples = tuple(dict.fromkeys(sample for group in chosen for sample in group))
        images = [tuple(sample.image_name for sample in group) for group in chosen]
        return ChosenLabels(images, DrawnLabels(samples, self.dataset))


@dataclass(frozen=True)
class CsvLabels:
    """The masks of a submission as labels."""

    truth: GroundTruth

    def covers(self, submission: Submission) -> bool:
        """Whether every image of the submission has a row in the labels."""
        return set(self.truth.labels.images).issuperset(submission.images)

    def choose(self, submissions: Sequence[Submission]) -> ChosenLabels:
        """The same labels, and the images of the submissions that they have.

        Raises InputError for an image or a class that the labels lack.
        """
        return ChosenLabels([images_to_score(one, self.truth) for one in submissions], self.truth)


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
