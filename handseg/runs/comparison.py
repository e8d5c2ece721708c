"""Runs compared image by image: paired over people, with whether it is more than noise."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from handseg import anatomy
from handseg.data.dataset import is_dataset, open_dataset
from handseg.errors import InputError
from handseg.runs import layout
from handseg.runs.artifacts import ImageScores, read_scores, score_steps
from handseg.runs.events import BestTracker, last_validation
from handseg.runs.jsonl import whole
from handseg.runs.summary import read_run_file
from handseg.score.means import Difference, People, column_means, difference, mean_of, row_means


@dataclass(frozen=True)
class ScoredRun:
    """A run and its Dice of image × class: of its best validation, else of the last."""

    name: str
    fold: int | None
    scores: ImageScores
    is_best: bool
    data: str = ""
    """The folder of its data set."""
    not_bones: tuple[str, ...] = ()
    """Classes that its means leave out."""


@dataclass(frozen=True)
class ClassDifference:
    """The mean Dice of a class in both runs and what lies between."""

    name: str
    a: float
    b: float
    between: Difference


@dataclass(frozen=True)
class ImageDifference:
    """The mean Dice of an image in both runs, and the class that differs most; B minus A."""

    name: str
    person: str
    a: float
    b: float
    most: str | None
    most_difference: float

    @property
    def difference(self) -> float:
        return self.b - self.a


@dataclass(frozen=True)
class RunComparison:
    """Two runs on the images and classes that both have; differences are B minus A.

    `dice_a` and `dice_b` are float64 [images, classes], NaN where either knows nothing.
    """

    a: ScoredRun
    b: ScoredRun
    images: tuple[str, ...]
    classes: tuple[str, ...]
    persons: tuple[str, ...]
    dice_a: NDArray[np.float64]
    dice_b: NDArray[np.float64]
    knows_people: bool
    """Whether it is known whose images these are; else each is a person of its own."""

    @cached_property
    def people(self) -> People:
        return People(self.persons)

    @cached_property
    def not_bones(self) -> frozenset[str]:
        # The same of both runs, whatever the means of their validations are of.
        return anatomy.not_bones(self.classes, (*self.a.not_bones, *self.b.not_bones))

    @cached_property
    def bones(self) -> tuple[str, ...]:
        return tuple(name for name in self.classes if name not in self.not_bones)

    @cached_property
    def of_bones(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        counted = [name in self.bones for name in self.classes]
        return self.dice_a[:, counted], self.dice_b[:, counted]

    @cached_property
    def overall(self) -> Difference:
        dice_a, dice_b = self.of_bones
        return difference(dice_b, dice_a, self.people)

    @property
    def means(self) -> tuple[float, float]:
        dice_a, dice_b = self.of_bones
        return mean_of(dice_a), mean_of(dice_b)

    @cached_property
    def by_class(self) -> list[ClassDifference]:
        """A row for each class, in their order."""
        means_a, means_b = column_means(self.dice_a), column_means(self.dice_b)
        return [
            ClassDifference(
                name,
                float(means_a[place]),
                float(means_b[place]),
                difference(self.dice_b[:, [place]], self.dice_a[:, [place]], self.people),
            )
            for place, name in enumerate(self.classes)
        ]

    @cached_property
    def by_image(self) -> list[ImageDifference]:
        """A row for each image that both know something of, what differs most first."""
        dice_a, dice_b = self.of_bones
        differences = dice_b - dice_a
        means_a, means_b = row_means(dice_a), row_means(dice_b)
        rows = [
            ImageDifference(
                name,
                self.persons[row],
                float(means_a[row]),
                float(means_b[row]),
                *_most(differences[row], self.bones),
            )
            for row, name in enumerate(self.images)
            if not math.isnan(means_a[row])
        ]
        return sorted(rows, key=lambda row: -abs(row.difference))


def _most(differences: NDArray[np.float64], classes: Sequence[str]) -> tuple[str | None, float]:
    if np.isnan(differences).all():
        return None, math.nan
    place = int(np.nanargmax(np.abs(differences)))
    return classes[place], float(differences[place])


def read_scored_run(folder: Path) -> ScoredRun:
    """The scores of a run.

    Raises:
        InputError: there are none, or they cannot be read.
    """
    try:
        run = read_run_file(folder)
        best = BestTracker.from_event(last_validation(folder / layout.EVENTS))
        steps = score_steps(folder)
        if not steps:
            raise InputError(
                f"the run {folder.name} has no Dice of images to compare",
                details=f"{folder / layout.SCORES} is written at each validation",
            )
        step = best.step if best.step in steps else steps[-1]
        scores = read_scores(folder, step)
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            f"the scores of the run {folder.name} cannot be read", details=str(error)
        ) from error
    fold = whole(run.get("fold"))
    data = str(run.get("data") or "")
    return ScoredRun(folder.name, fold, scores, step == best.step, data, best.not_bones)


def compare_runs(a: ScoredRun, b: ScoredRun) -> RunComparison:
    """Two runs side by side.

    Raises:
        InputError: they have no image, or no class, in common.
    """
    images = _common(a.scores.images, b.scores.images)
    classes = _common(a.scores.classes, b.scores.classes)
    if not images or not classes:
        raise _no_overlap(a, b, "image" if not images else "class")
    dice_a, dice_b = (_dice_of(one.scores, images, classes) for one in (a, b))
    unknown = np.isnan(dice_a) | np.isnan(dice_b)
    dice_a[unknown] = dice_b[unknown] = np.nan
    persons = persons_of(a, b)
    return RunComparison(
        a,
        b,
        images,
        classes,
        tuple(persons.get(image, image) for image in images),
        dice_a,
        dice_b,
        knows_people=any(image in persons for image in images),
    )


def persons_of(*runs: ScoredRun) -> Mapping[str, str]:
    """The person of each image, as the scores tell, else the data set that a run was trained on.

    Empty where neither does.
    """
    for run in runs:
        if run.scores.persons:
            return dict(zip(run.scores.images, run.scores.persons, strict=True))
    for run in runs:
        folder = Path(run.data)
        if run.data and is_dataset(folder):
            samples = open_dataset(folder).split("all")
            return {sample.image_name: sample.person for sample in samples}
    return {}


def _no_overlap(a: ScoredRun, b: ScoredRun, what: str) -> InputError:
    folds = f"{a.name} holds out fold {a.fold}, {b.name} fold {b.fold}"
    other = what == "image" and a.fold != b.fold
    return InputError(
        f"{a.name} and {b.name} have no {what} in common",
        details=folds if other else "",
        hints=[f"handseg runs fold:{a.fold}   # the runs of the same fold"] if other else [],
    )


def _common(first: Sequence[str], second: Sequence[str]) -> tuple[str, ...]:
    there = set(second)
    return tuple(name for name in first if name in there)


def _dice_of(
    scores: ImageScores, images: Sequence[str], classes: Sequence[str]
) -> NDArray[np.float64]:
    row_of = {image: row for row, image in enumerate(scores.images)}
    column_of = {cls: column for column, cls in enumerate(scores.classes)}
    rows, columns = [row_of[image] for image in images], [column_of[cls] for cls in classes]
    return scores.dice[np.ix_(rows, columns)].astype(np.float64)
