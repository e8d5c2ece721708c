"""Whether masks agree better with others of the same images when they are read in another way."""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple, TypeVar

import numpy as np

from handseg import rle
from handseg.errors import InputError
from handseg.rle.geometry import shifted, transposed
from handseg.rle.submission import Submission
from handseg.score.check.expected import Expected

Key = tuple[str, str]
_Thing = TypeVar("_Thing")
Reference = Mapping[Key, rle.Runs]
"""Masks by (image, class) that those of a submission are held against."""

IMAGES = 6
"""So many images are enough to see how runs were written; labels take time to draw."""
FEWEST = 4
_GAIN = 0.001
_MOST = 0.9
"""Of the masks that must gain."""


class Agreement(NamedTuple):
    """Mean Dice of some masks with others, as they are read and in two other ways."""

    against: str
    masks: int
    as_read: float
    from_zero: float
    by_columns: float
    gains_from_zero: float
    """The share of masks whose Dice rises when all starts are one more."""
    gains_by_columns: float

    @property
    def counts_from_zero(self) -> bool:
        """Whether starts count from 0, to all appearance."""
        return self.from_zero > self.as_read + _GAIN and self.gains_from_zero >= _MOST

    @property
    def column_major(self) -> bool:
        """Whether runs go down the columns, to all appearance."""
        return self.by_columns > self.as_read + 0.2 and self.gains_by_columns >= _MOST


def label_reference(expected: Expected, submission: Submission) -> Reference:
    """The labels of a few of the submission's images, where the data set has them."""
    if expected.dataset is None:
        return {}
    from handseg.data.dataset import with_test_labels
    from handseg.data.labels import label_runs

    named = set(submission.images)
    samples = [
        sample
        for sample in with_test_labels(expected.dataset).split("all")
        if sample.labels is not None and sample.image_name in named
    ]
    reference: dict[Key, rle.Runs] = {}
    for sample in _spread(samples):
        labels = label_runs(sample, expected.dataset.classes)
        for cls, runs in zip(expected.dataset.classes, labels.runs, strict=True):
            reference[sample.image_name, cls] = runs
    return reference


def submission_reference(other: Submission, submission: Submission) -> Reference:
    """The masks of another submission of a few images that both have."""
    shared = [image for image in submission.images if image in set(other.images)]
    reference: dict[Key, rle.Runs] = {}
    for image in _spread(shared):
        for cls in submission.classes:
            try:
                reference[image, cls] = rle.parse(other.text(image, cls))
            except rle.RleError:
                continue
    return reference


def agreement(
    submission: Submission, expected: Expected, reference: Reference, against: str
) -> Agreement | None:
    """How the masks agree with the reference's; None where too few can be compared."""
    dices = np.array(list(_dices(submission, expected, reference)))
    if len(dices) < FEWEST:
        return None
    gains = (dices[:, 1:] > dices[:, :1]).mean(axis=0)
    means = dices.mean(axis=0)
    return Agreement(against, len(dices), *means.tolist(), *gains.tolist())


def _dices(
    submission: Submission, expected: Expected, reference: Reference
) -> Iterator[tuple[float, float, float]]:
    for (image, cls), wanted in reference.items():
        height, width = expected.size(image)
        try:
            runs = submission.runs(image, cls, (height, width))
        except InputError:
            continue
        if not len(runs) or not len(wanted):
            continue
        ways: tuple[Callable[[], rle.Runs], ...] = (
            lambda runs=runs: runs,
            lambda runs=runs, pixels=height * width: shifted(runs, 1, pixels),
            lambda runs=runs, size=(height, width): transposed(runs, size),
        )
        first, second, third = (rle.dice(way(), wanted) for way in ways)
        yield first, second, third


def _spread(things: list[_Thing]) -> list[_Thing]:
    """Some of them, from all over."""
    step = max(len(things) // IMAGES, 1)
    return things[::step][:IMAGES]
