"""Scores of several submissions against the labels of one data set or of another submission."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from handseg.data.image_sizes import check_all_known, resolve_sizes
from handseg.formats.documents import Size
from handseg.reporter import Progress, silent
from handseg.rle.aligned import compare
from handseg.rle.submission import Submission
from handseg.score.dice import Scores
from handseg.score.means import Figures, People
from handseg.score.metrics import DICE, OF_AREAS, OVERLAP, needs_sizes
from handseg.score.samples import trained_on
from handseg.score.truth import GroundTruth

if TYPE_CHECKING:
    from handseg.score.pairs import OverlapScores


@dataclass(frozen=True)
class ScoredSubmission:
    """A submission with its scores and what a person should know about them."""

    submission: Submission
    truth: GroundTruth
    images: tuple[str, ...]
    labelled: NDArray[np.bool_]
    """bool [images, classes]: where there are figures."""
    figures: Mapping[str, Figures]
    """For each metric that classes have: float64 [images, classes], NaN where unlabelled, and for
    `hd95` where one of the two masks is empty."""
    overlaps: "OverlapScores | None" = None
    trained_on: tuple[str, ...] = ()
    """People in its images that its models trained on: the scores flatter."""
    sizes: Mapping[str, Size] = field(default_factory=dict[str, Size])
    """(height, width) of the images, as far as known."""

    @property
    def scores(self) -> Scores:
        return Scores(self.images, self.truth.classes, self.figures[DICE.name])

    @cached_property
    def people(self) -> People:
        return People([self.truth.person(image) for image in self.images])

    @cached_property
    def without_rows(self) -> tuple[str, ...]:
        """Images that it has no row of: they count as empty."""
        found = set(self.submission.images)
        return tuple(image for image in self.images if image not in found)

    @property
    def rows_missing(self) -> int:
        """Rows that images with others lack: they count as empty masks."""
        scored = set(self.images).intersection(self.submission.images)
        # Every row is of a class of the labels, else it were refused.
        rows = sum(image in scored for image, _ in self.submission)
        return len(scored) * len(self.truth.classes) - rows

    def undefined(self, metric: str) -> int:
        """Labelled masks that have no such figure: they are left out of its means."""
        return int((np.isnan(self.figures[metric]) & self.labelled).sum())


def score_submission(
    submission: Submission,
    truth: GroundTruth,
    images: tuple[str, ...],
    metrics: Sequence[str] = (DICE.name,),
    *,
    image_size: Size | None = None,
    progress: Progress = silent,
) -> ScoredSubmission:
    """Compare one submission with the labels of `images`, by `metrics`.

    A row that is missing is an empty mask. `image_size` is that of images whose size no sidecar
    says. Dice and what else areas tell comes from runs; `hd95` and `nsd` decode masks in their
    boxes, and need sizes.

    Raises InputError, with file, line, image and class, for run lengths at fault and for runs past
    the end of the image; and where sizes differ or are needed and not known.
    """
    sizes = known_sizes(submission, truth, images, image_size)
    labelled = truth.labelled(images)
    keys = [(image, cls) for image in images for cls in truth.classes]
    figures = _of_areas(submission, truth, keys, metrics, sizes)
    if needs_sizes(metrics):
        figures |= _of_surfaces(submission, truth, keys, labelled, sizes, progress)
    shaped = {
        name: np.where(labelled, figures[name].reshape(labelled.shape), np.nan)
        for name in metrics
        if name != OVERLAP
    }
    return ScoredSubmission(
        submission,
        truth,
        images,
        labelled,
        shaped,
        _overlaps(submission, truth, images, labelled, progress) if OVERLAP in metrics else None,
        trained_on(submission, {truth.person(image) for image in images}),
        sizes,
    )


def known_sizes(
    submission: Submission, truth: GroundTruth, images: Sequence[str], image_size: Size | None
) -> dict[str, Size]:
    """(height, width) of the images, the one given where nothing else says it.

    Raises InputError where submission and labels disagree.
    """
    sizes = resolve_sizes([truth.labels, submission], truth.sizes, image_size, images)
    return {image: sizes.of(image) for image in images if image_size or image in sizes.known}


def _of_areas(
    submission: Submission,
    truth: GroundTruth,
    keys: Sequence[tuple[str, str]],
    metrics: Sequence[str],
    sizes: Mapping[str, Size],
) -> dict[str, Figures]:
    counts = compare(submission, truth.labels, keys, sizes)
    return {name: OF_AREAS[name](counts) for name in metrics if name in OF_AREAS}


def _of_surfaces(
    submission: Submission,
    truth: GroundTruth,
    keys: Sequence[tuple[str, str]],
    labelled: NDArray[np.bool_],
    sizes: Mapping[str, Size],
    progress: Progress,
) -> dict[str, Figures]:
    from handseg.score.surface import surface_metrics

    check_all_known(sizes, dict.fromkeys(image for image, _ in keys))
    known = np.flatnonzero(labelled)
    chosen = [keys[place] for place in known.tolist()]
    found = surface_metrics(submission, truth.labels, chosen, sizes, progress)
    figures = {name: np.full(len(keys), np.nan) for name in found}
    for name, values in found.items():
        figures[name][known] = values
    return figures


def _overlaps(
    submission: Submission,
    truth: GroundTruth,
    images: tuple[str, ...],
    labelled: NDArray[np.bool_],
    progress: Progress,
) -> "OverlapScores":
    from handseg.score.pairs import overlap_scores, touching_pairs

    known = {
        image: tuple(cls for cls, is_known in zip(truth.classes, flags, strict=True) if is_known)
        for image, flags in zip(images, labelled.tolist(), strict=True)
    }
    pairs = touching_pairs(truth, images)
    return overlap_scores(submission, truth.labels, known, pairs, progress)
