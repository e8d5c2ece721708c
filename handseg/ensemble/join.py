"""Submissions of the same images, joined by (image, class), ready to be voted on."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from handseg.data.image_sizes import (
    header_sizes,
    resolve_sizes,
    sidecar_sizes,
    width_mismatch,
)
from handseg.errors import InputError
from handseg.formats.documents import Size
from handseg.formats.submission import sidecar_classes
from handseg.rle.aligned import DEFAULT_SIZE, AlignedSubmissions, align
from handseg.rle.row_index import Key
from handseg.rle.submission import Submission
from handseg.text import shown

if TYPE_CHECKING:
    from handseg.data.dataset import Dataset


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
        """(image name, class) of the rows to write, in order."""
        return self.table.keys

    @property
    def images(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(image for image, _ in self.keys))

    @property
    def classes(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(cls for _, cls in self.keys))


def join(
    members: Sequence[Submission],
    dataset: "Dataset | None" = None,
    *,
    size: Size = DEFAULT_SIZE,
    allow_partial: bool = False,
) -> VoteInput:
    """Join submissions by image and class, in the order of the data set if it is known.

    `size` is the (height, width) of images whose size no sidecar and no data set knows. Raises
    InputError if a member lacks a whole image that another has or that a sidecar or the data set
    lists (unless that is allowed: then its masks are empty), if two members each have a class that
    the other lacks and none has both, if sidecars or an image's header disagree on the size of an
    image, or if there is no row.
    """
    said = sidecar_sizes(members)
    order = _order(members, dataset)
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


def _order(members: Sequence[Submission], dataset: "Dataset | None") -> _Order | None:
    """The first order that has all images and classes of the members."""
    images = {image for member in members for image in member.images}
    classes = {cls for member in members for cls in member.classes}
    for order in _known_orders(members, dataset, images):
        if images.issubset(order.images) and classes.issubset(order.classes):
            return order
    return None


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


class WidthMismatch(NamedTuple):
    """A member whose masks look like those of images of `found` pixels a row."""

    member: Submission
    found: int
    expected: int


def width_mismatches(votes: VoteInput) -> list[WidthMismatch]:
    """The members whose masks do not fit the width of their images; silent where nothing tells."""
    table = votes.table
    width = table.sizes.get(votes.keys[0][0], table.size)[1]
    keys = [key for key in votes.keys if table.sizes.get(key[0], table.size)[1] == width]
    found = [(member, width_mismatch(member, keys, width)) for member in votes.members]
    return [WidthMismatch(member, odd, width) for member, odd in found if odd is not None]
