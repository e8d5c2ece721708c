"""Scores of several submissions against the labels of one data set."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from handseg.progress import Progress, silent
from handseg.rle.submission import Submission, read_submission
from handseg.score.dice import Scores, score_submission
from handseg.score.samples import samples_to_score, trained_on, without_rows

if TYPE_CHECKING:
    from handseg.data.dataset import Dataset


@dataclass(frozen=True)
class ScoredSubmission:
    """A submission with its scores and what a person should know about them."""

    submission: Submission
    scores: Scores
    without_rows: tuple[str, ...]
    """Images of its split without a row: they count as empty."""
    trained_on: tuple[str, ...]
    """People in its images that its models trained on: the scores flatter."""

    @property
    def rows_missing(self) -> int:
        """Rows that images with others lack: they count as empty masks."""
        return sum(
            (image, cls) not in self.submission
            for image in self.submission.images
            for cls in self.scores.classes
        )


def score_predictions(
    paths: Sequence[Path], dataset: "Dataset", progress: Progress = silent
) -> list[Scores]:
    """Scores of the submissions at `paths` against the labels of `dataset`, test labels too.

    Raises InputError where a submission cannot be read or does not fit the data set.
    """
    submissions = [read_submission(path) for path in paths]
    return [one.scores for one in score_submissions(submissions, dataset, progress)]


def score_submissions(
    submissions: Sequence[Submission], dataset: "Dataset", progress: Progress = silent
) -> list[ScoredSubmission]:
    """The same for submissions that are read already, with what is worth saying of each.

    The labels of an image are drawn once, however many submissions have it.
    """
    from handseg.data.dataset import with_test_labels
    from handseg.data.labels import label_runs

    dataset = with_test_labels(dataset)
    chosen = [samples_to_score(submission, dataset) for submission in submissions]
    samples = list(dict.fromkeys(sample for group in chosen for sample in group))
    labels = {}
    for done, sample in enumerate(samples):
        progress(done, len(samples), sample.image_name)
        labels[sample] = label_runs(sample, dataset.classes)
    progress(len(samples), len(samples))
    return [
        ScoredSubmission(
            submission,
            score_submission(
                submission,
                {sample.image_name: labels[sample] for sample in group},
                dataset.classes,
            ),
            without_rows(submission, group),
            trained_on(submission, group),
        )
        for submission, group in zip(submissions, chosen, strict=True)
    ]
