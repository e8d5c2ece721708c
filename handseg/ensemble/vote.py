"""A hard vote of submissions, joined by (image, class), on run boundaries."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, TypeVar

from handseg import rle
from handseg.ensemble.rule import Rule
from handseg.errors import InputError
from handseg.progress import Progress, silent
from handseg.rle.submission import Submission

Key = tuple[str, str]
_Value = TypeVar("_Value")


@dataclass(frozen=True)
class Ballot:
    """Submissions of the same images, ready to be voted on.

    `keys` are the (image name, class) of the rows to write, in order; `sizes` (height, width) of
    the images whose size a sidecar knows; `missing` the rows that each member lacks.
    """

    members: tuple[Submission, ...]
    weights: tuple[int, ...]
    keys: tuple[Key, ...]
    sizes: Mapping[str, tuple[int, int]]
    missing: tuple[int, ...]

    @property
    def total(self) -> int:
        """The sum of the weights."""
        return sum(self.weights)

    @property
    def images(self) -> tuple[str, ...]:
        """The images, in the order of the rows."""
        return tuple(dict.fromkeys(image for image, _ in self.keys))

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes, in the order of the rows."""
        return tuple(dict.fromkeys(cls for _, cls in self.keys))


def join(members: Sequence[Submission], weights: Sequence[int] | None = None) -> Ballot:
    """Join submissions by image and class; `weights` are whole numbers, 1 each by default.

    Raises InputError if a member lacks a whole image that another has or that a sidecar lists,
    if two members each have a class that the other lacks, if two sidecars disagree on the size of
    an image, or if there is no row at all.
    """
    sizes = _common_sizes(members)
    _check_images(members, sizes)
    _check_classes(members)
    keys = _ordered_keys(members)
    if not keys:
        raise InputError("there is nothing to vote on: no submission has a row")
    return Ballot(
        members=tuple(members),
        weights=tuple(weights or (1,) * len(members)),
        keys=keys,
        sizes=sizes,
        missing=tuple(sum(key not in member for key in keys) for member in members),
    )


def vote_rows(
    ballot: Ballot, rule: Rule, progress: Progress = silent
) -> Iterator[tuple[str, str, rle.Runs]]:
    """The voted rows in the order of `ballot.keys`; a missing row is a vote against.

    Raises InputError, with file, line, image and class, for run lengths at fault and for a run
    past the end of an image of known size.
    """
    for done, (image, cls) in enumerate(ballot.keys):
        progress(done, len(ballot.keys), image)
        size = ballot.sizes.get(image)
        masks = [member.runs(image, cls, size) for member in ballot.members]
        yield image, cls, rle.vote(masks, ballot.weights, rule.threshold)
    progress(len(ballot.keys), len(ballot.keys))


def vote_sidecar(ballot: Ballot, rule: Rule) -> dict[str, Any]:
    """The fields that say how the vote was made; those of the members where all agree."""
    sidecars = [member.sidecar or {} for member in ballot.members]
    people = {person for sidecar in sidecars for person in sidecar.get("trained_people") or ()}
    return {
        "made_by": "vote",
        "members": [
            _member_fields(*pair) for pair in zip(ballot.members, ballot.weights, strict=True)
        ],
        "rule": str(rule),
        "threshold": str(rule.threshold),
        "split": _agreed([sidecar.get("split") for sidecar in sidecars]),
        "fold": _agreed([sidecar.get("fold") for sidecar in sidecars]),
        "recipe": _agreed([sidecar.get("recipe") for sidecar in sidecars]),
        "classes": list(ballot.classes),
        "images": {name: ballot.sizes[name] for name in ballot.images if name in ballot.sizes},
        "data_fingerprint": _agreed([sidecar.get("data_fingerprint") for sidecar in sidecars]),
        "trained_people": sorted(people),
        "validation_dice": None,
    }


def validation_dice(member: Submission) -> float | None:
    """What the sidecar says of the member's validation Dice."""
    value = (member.sidecar or {}).get("validation_dice")
    if isinstance(value, int | float) and math.isfinite(value):
        return float(value)
    return None


def _member_fields(member: Submission, weight: int) -> dict[str, Any]:
    return {
        "path": str(member.path),
        "sha256": member.sha256,
        "run": (member.sidecar or {}).get("run"),
        "weight": weight,
        "validation_dice": validation_dice(member),
    }


def _agreed(values: Sequence[_Value]) -> _Value | None:
    """The value that all share, else None."""
    return values[0] if values and all(value == values[0] for value in values) else None


def _common_sizes(members: Sequence[Submission]) -> dict[str, tuple[int, int]]:
    sizes: dict[str, tuple[int, int]] = {}
    sources: dict[str, Submission] = {}
    for member in members:
        for image, size in member.sizes.items():
            if sizes.setdefault(image, size) != size:
                raise InputError(
                    f"{image} has two sizes",
                    why=f"{sources[image].path}: {sizes[image][0]} × {sizes[image][1]}\n"
                    f"{member.path}: {size[0]} × {size[1]}",
                )
            sources.setdefault(image, member)
    return sizes


def _check_images(members: Sequence[Submission], sizes: Mapping[str, tuple[int, int]]) -> None:
    images = dict.fromkeys(image for member in members for image in member.images) | dict.fromkeys(
        sizes
    )
    for member in members:
        lacking = list(images.keys() - set(member.images))
        if lacking:
            shown = sorted(lacking)[:5]
            raise InputError(
                f"{member.path} lacks {len(lacking)} of {len(images)} images",
                why="no row of " + ", ".join(shown) + (", …" if len(lacking) > 5 else ""),
                hints=["vote on submissions of the same images; half a one is no vote against"],
            )


def _check_classes(members: Sequence[Submission]) -> None:
    """Two members that each have a class of their own name their classes differently.

    One that only lacks a class has rows missing, which are empty masks and are counted.
    """
    for one, other in combinations(members, 2):
        own = sorted(set(one.classes) - set(other.classes))
        foreign = sorted(set(other.classes) - set(one.classes))
        if own and foreign:
            raise InputError(
                f"{one.path} and {other.path} have different classes",
                why=f"only in {one.path.name}: {', '.join(own)}\n"
                f"only in {other.path.name}: {', '.join(foreign)}",
            )


def _ordered_keys(members: Sequence[Submission]) -> tuple[Key, ...]:
    """The data set's order if a sidecar knows it, else that of the first file with all rows."""
    wanted = dict.fromkeys(key for member in members for key in member)
    for member in members:
        grid = _data_set_order(member)
        if wanted.keys() <= dict.fromkeys(grid).keys():
            return grid
    for member in members:
        if len(member) == len(wanted):
            return tuple(member)
    # Nobody has all rows: images and classes in the order in which they are met first.
    images = dict.fromkeys(image for image, _ in wanted)
    classes = dict.fromkeys(cls for _, cls in wanted)
    return tuple((image, cls) for image in images for cls in classes if (image, cls) in wanted)


def _data_set_order(member: Submission) -> tuple[Key, ...]:
    """Every image and class that the sidecar lists, in its order, which is the data set's."""
    classes = (member.sidecar or {}).get("classes") or ()
    return tuple((image, cls) for image in member.sizes for cls in classes)
