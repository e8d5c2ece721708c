"""The members of a vote: which submissions they are, and the rows on which they are joined.

Members are those that are named, those of a plan, else the newest predictions of each recipe and
fold. They are joined by (image, class), in the order of the data set if it is known.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from handseg.data.image_sizes import header_sizes, resolve_sizes, sidecar_sizes, width_mismatch
from handseg.ensemble.rules import VotePlan
from handseg.errors import InputError
from handseg.formats.submission import sidecar_classes, unreadable_images
from handseg.rle.aligned import DEFAULT_SIZE, AlignedSubmissions, align
from handseg.rle.row_index import Key
from handseg.rle.submission import Fault, Submission, read_submission
from handseg.runs.predictions import (
    ENDED,
    is_smoke_run,
    newest_predictions,
    prediction_path,
    read_predictions,
)
from handseg.text import counted, shown

# Loaded only where they are needed: a vote on CSVs begins without.
if TYPE_CHECKING:
    from handseg.data.dataset import Dataset


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
        run.name
        for run in list_runs(runs)
        if run.state in ENDED
        and not prediction_path(run.folder, split).exists()
        and not is_smoke_run(run.folder)
    ]
    if newest:
        listed = "\n".join(
            f"found: {one.path} ({counted(len(one.images), 'image')})" for one in newest
        )
    else:
        listed = f"looked for */predictions/{split}.csv in {runs.absolute()}"
    return InputError(
        f"a vote needs at least two {split} predictions of the same images and classes",
        details=listed,
        hints=_hints(unpredicted, bool(newest)),
    )


def _hints(unpredicted: Sequence[str], any_prediction: bool) -> list[str]:
    if unpredicted:
        return [f"handseg predict {name}" for name in unpredicted]
    if any_prediction:
        return ["train another recipe, then: handseg predict last"]
    return [
        "name submissions yourself, as in: handseg vote a.csv b.csv c.csv",
        "handseg demo   goes the whole way on synthetic hands",
    ]


def dataset_of_members(
    members: Sequence[Submission], folder: Path, *, required: bool
) -> "Dataset | None":
    """The data set whose order and sizes hold: if it is there and has all images of the members.

    Raises:
        InputError: it is at fault; or it is `required` and not there, or lacks images.
    """
    known = all(member.sizes and sidecar_classes(member) for member in members)
    if not required and (known or not folder.is_dir()):
        return None
    from handseg.data.dataset import find_dataset

    dataset = find_dataset(folder, required=required)
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


class WidthMismatch(NamedTuple):
    """A member whose masks look like those of images of `found` pixels a row."""

    member: Submission
    found: int
    expected: int


@dataclass(frozen=True)
class VoteInput:
    """Submissions and the rows that a vote on them writes.

    `missing` are the rows that each member lacks, `absent` the images of which it has no row.
    """

    table: AlignedSubmissions
    missing: tuple[int, ...]
    absent: tuple[tuple[str, ...], ...]

    @property
    def members(self) -> tuple[Submission, ...]:
        return self.table.members

    @property
    def keys(self) -> Sequence[Key]:
        return self.table.keys

    @property
    def images(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(image for image, _ in self.keys))

    @property
    def classes(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(cls for _, cls in self.keys))

    @property
    def unreadable(self) -> tuple[str, ...]:
        found = {image for member in self.members for image in unreadable_images(member)}
        return tuple(sorted(found.difference(self.images)))

    def width_mismatches(self) -> tuple[WidthMismatch, ...]:
        """The members whose masks do not fit the width of their images; none where nothing tells.

        Of images of several widths those are looked at that are as wide as the first.
        """
        sizes, default = self.table.sizes, self.table.size
        width = sizes.get(self.keys[0][0], default)[1]
        keys = [key for key in self.keys if sizes.get(key[0], default)[1] == width]
        found = [(member, width_mismatch(member, keys, width)) for member in self.members]
        return tuple(WidthMismatch(member, odd, width) for member, odd in found if odd is not None)


def join(
    members: Sequence[Submission],
    dataset: "Dataset | None" = None,
    *,
    size: tuple[int, int] = DEFAULT_SIZE,
    allow_partial: bool = False,
) -> VoteInput:
    """Join submissions by image and class, in the order of the data set if it is known.

    Args:
        size: (height, width) of images whose size no sidecar and no data set knows.
        allow_partial: whether a whole image that a member lacks is empty masks there.

    Raises:
        InputError: a member lacks a whole image that another has or that a sidecar or the data set
            lists (unless that is allowed); two members each have a class that the other lacks and
            none has both; sidecars or an image's header disagree on a size; or there is no row.
    """
    said = sidecar_sizes(members)
    # The first order that has all images and classes of the members.
    images = {image for member in members for image in member.images}
    classes = {cls for member in members for cls in member.classes}
    orders = _known_orders(members, dataset, images)
    order = next((o for o in orders if images <= {*o.images} and classes <= {*o.classes}), None)
    _check_classes(members, order)
    absent = _absent(members, said, order)
    if not allow_partial:
        _refuse_absent(members, absent)
    keys = _keys(members, order)
    if not keys:
        raise InputError("there is nothing to vote on: no submission has a row")
    headers = header_sizes(dataset.split("all"), {image for image, _ in keys}) if dataset else {}
    table = align(members, keys, resolve_sizes(members, headers).known, size)
    missing = tuple(np.count_nonzero(table.rows < 0, axis=1).tolist())
    return VoteInput(table, missing, absent)


@dataclass(frozen=True)
class _Order:
    """The rows of the competition, where the data set or a sidecar knows them."""

    images: tuple[str, ...]
    classes: tuple[str, ...]


def _known_orders(
    members: Sequence[Submission], dataset: "Dataset | None", images: set[str]
) -> list[_Order]:
    orders: list[_Order] = []
    if dataset is not None:
        test = tuple(sample.image_name for sample in dataset.test)
        # Of other splits a submission holds a fold, in the data set's order.
        some = tuple(s.image_name for s in dataset.split("all") if s.image_name in images)
        orders.append(_Order(test if images and images.issubset(test) else some, dataset.classes))
    for member in members:
        orders.append(_Order(tuple(member.sizes), sidecar_classes(member)))
    return orders


def _keys(members: Sequence[Submission], order: _Order | None) -> list[Key]:
    """All rows of the order, else those of the first member that has the union of all rows."""
    if order is not None:
        return [(image, cls) for image in order.images for cls in order.classes]
    first = members[0]
    wanted = dict.fromkeys(first)
    for member in members[1:]:
        if not member.has_rows_of(first):
            wanted |= dict.fromkeys(member)
    for member in members:
        if len(member) == len(wanted):
            return list(member)
    # None has all rows: images and classes in the order in which they are met first.
    images = dict.fromkeys(image for image, _ in wanted)
    classes = dict.fromkeys(cls for _, cls in wanted)
    return [(image, cls) for image in images for cls in classes if (image, cls) in wanted]


def _absent(
    members: Sequence[Submission], named: Iterable[str], order: _Order | None
) -> tuple[tuple[str, ...], ...]:
    """The images of which each member has no row, though another member, the data set or a sidecar
    names them."""
    images = dict.fromkeys(image for member in members for image in member.images)
    images |= dict.fromkeys(order.images if order else named)
    return tuple(
        tuple(image for image in images if image not in own)
        for own in (set(member.images) for member in members)
    )


def _refuse_absent(members: Sequence[Submission], absent: Sequence[tuple[str, ...]]) -> None:
    for member, images in zip(members, absent, strict=True):
        if images:
            total = len(images) + len(member.images)
            raise InputError(
                f"{member.path} lacks {len(images)} of {total} images",
                details=f"no row of {shown(images)}",
                hints=[
                    "half a submission is no vote against: leave it out or predict the rest",
                    "--allow-partial counts what it lacks as empty masks",
                ],
            )


def _check_classes(members: Sequence[Submission], order: _Order | None) -> None:
    """Two members that each have a class of their own may name one class differently.

    Not where one member has all of them: then rows are missing, which are empty masks and counted.
    """
    all_of_them = {cls for member in members for cls in member.classes}
    if order is not None or any(all_of_them.issubset(member.classes) for member in members):
        return
    for one, other in combinations(members, 2):
        own = sorted(set(one.classes) - set(other.classes))
        foreign = sorted(set(other.classes) - set(one.classes))
        if own and foreign:
            raise InputError(
                f"{one.path} and {other.path} have different classes",
                details=f"only in {one.path.name}: {', '.join(own)}\n"
                f"only in {other.path.name}: {', '.join(foreign)}",
            )
