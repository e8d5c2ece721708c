"""Which submissions vote: those that are named, those of a plan, else the newest of each recipe."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from handseg.ensemble.rules import VotePlan
from handseg.errors import InputError
from handseg.formats.submission import sidecar_classes
from handseg.rle.submission import Fault, Submission, read_submission
from handseg.runs.predictions import (
    ENDED,
    is_smoke_run,
    newest_predictions,
    prediction_path,
    read_predictions,
)
from handseg.text import shown

# Loaded only where they are needed: a vote on CSVs begins without.
if TYPE_CHECKING:
    from handseg.data.dataset import Dataset
    from handseg.runs.summary import RunSummary


@dataclass(frozen=True)
class Members:
    """The submissions that vote, and how a plan or a person names each.

    `left_out` are newest predictions that do not vote: their images or classes are others.
    """

    submissions: tuple[Submission, ...]
    names: tuple[str, ...]
    left_out: tuple[Submission, ...] = ()


def find_members(
    names: Sequence[str], plan: VotePlan | None, runs: Path, faults: list[Fault] | None = None
) -> Members:
    """The members that are named, else those of the plan, else the newest per recipe and fold.

    A name is a CSV or RUN[:SPLIT]. Rows that cannot be read go into `faults` where that is given.

    Raises:
        InputError: one cannot be found or read; or none is named, and no two go together.
    """
    if names:
        return Members(tuple(read_predictions(names, runs, faults=faults)), tuple(names))
    if plan is not None and plan.general.members:
        # What a plan names lies beside it, wherever it is used from.
        beside = [plan.path.parent / name for name in plan.general.members]
        texts = [
            str(path) if path.is_file() else name
            for path, name in zip(beside, plan.general.members, strict=True)
        ]
        return Members(tuple(read_predictions(texts, runs, faults=faults)), plan.general.members)
    return newest_members(runs, faults=faults)


def newest_members(runs: Path, split: str = "test", faults: list[Fault] | None = None) -> Members:
    """The newest predictions per recipe and fold in `runs` that share images and classes.

    Of several groups the largest, then the newest. Raises InputError, with the lines to type, if
    no two submissions go together.
    """
    newest = [read_submission(path, faults) for path in newest_predictions(runs, split)]
    groups: dict[tuple[frozenset[str], frozenset[str]], list[Submission]] = {}
    for submission in newest:
        group = frozenset(submission.images), frozenset(submission.classes)
        groups.setdefault(group, []).append(submission)
    members = max(groups.values(), key=len, default=[])
    if len(members) < 2:
        raise _too_few(runs, split, newest)
    left_out = tuple(submission for submission in newest if submission not in members)
    # The run's name is what a plan would say.
    names = [str((member.sidecar or {}).get("run") or member.path) for member in members]
    return Members(tuple(members), tuple(names), left_out)


def _too_few(runs: Path, split: str, newest: Sequence[Submission]) -> InputError:
    from handseg.runs.index import list_runs

    unpredicted = [
        run
        for run in list_runs(runs)
        if run.state in ENDED
        and not prediction_path(run.folder, split).exists()
        and not is_smoke_run(run.folder)
    ]
    if newest:
        listed = "\n".join(f"found: {one.path} ({len(one.images)} images)" for one in newest)
    else:
        listed = f"looked for */predictions/{split}.csv in {runs.absolute()}"
    return InputError(
        f"a vote needs at least two {split} predictions of the same images and classes",
        details=listed,
        hints=_hints(unpredicted, bool(newest)),
    )


def _hints(unpredicted: "Sequence[RunSummary]", any_prediction: bool) -> list[str]:
    if unpredicted:
        return [f"handseg predict {run.name}" for run in unpredicted]
    if any_prediction:
        return ["train another recipe, then: handseg predict last"]
    return [
        "name submissions yourself, as in: handseg vote a.csv b.csv c.csv",
        "handseg demo   goes the whole way on synthetic hands",
    ]


def dataset_of(members: Sequence[Submission], folder: Path, *, required: bool) -> "Dataset | None":
    """The data set whose order and sizes hold: if it is there and has all images of the members.

    Raises:
        InputError: it is `required` and not there, or lacks images.
    """
    if not required and (not folder.is_dir() or all(map(_knows_the_data_set, members))):
        return None
    from handseg.data.dataset import find_dataset

    try:
        dataset = find_dataset(folder, required=required)
    except InputError:
        # A vote needs no data set: one at fault is as good as none.
        if required:
            raise
        return None
    if dataset is None:
        return None
    known = {sample.image_name for sample in dataset.split("all")}
    unknown = {image for member in members for image in member.images} - known
    if unknown and required:
        raise InputError(
            f"{len(unknown)} images are not in the data set {folder}",
            details=shown(sorted(unknown)),
        )
    return None if unknown else dataset


def _knows_the_data_set(member: Submission) -> bool:
    """Whether its sidecar tells images, sizes and classes, in the data set's order."""
    return bool(member.sizes) and bool(sidecar_classes(member))
