"""What changed between two submissions, without any label and without a mask being decoded."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from handseg.data.image_sizes import sidecar_sizes
from handseg.errors import InputError, UsageError, did_you_mean
from handseg.rle.aligned import Overlaps, compare
from handseg.rle.row_index import Key
from handseg.rle.submission import Submission
from handseg.work import Progress, silent


class Pixels(NamedTuple):
    """Pixels of one mask or of several together."""

    in_a: int
    in_b: int
    gained: int
    """In B, not in A."""
    lost: int
    """In A, not in B."""


class MaskChange(NamedTuple):
    """One mask; `dice` is that of A's against B's, 1 where both are empty."""

    image: str
    cls: str
    pixels: Pixels
    dice: float


class GroupChange(NamedTuple):
    """The masks of one class or of one image.

    `dice` is the mean over the masks; `worst`, the image or the class of the lowest Dice and that
    Dice, is None where no mask changed.
    """

    name: str
    masks: int
    changed: int
    pixels: Pixels
    dice: float
    worst: tuple[str, float] | None


@dataclass(frozen=True)
class SubmissionDiff:
    """Two submissions mask by mask; a row that one of them lacks is an empty mask there.

    Of each mask, [keys]: pixels `gained` (in B alone) and `lost` (in A alone), int64; its `dice`,
    float64; and whether it is `changed`, bool.
    """

    a: Submission
    b: Submission
    keys: tuple[Key, ...]
    overlaps: Overlaps

    @cached_property
    def gained(self) -> NDArray[np.int64]:
        return self.overlaps.area_b - self.overlaps.overlap

    @cached_property
    def lost(self) -> NDArray[np.int64]:
        return self.overlaps.area_a - self.overlaps.overlap

    @cached_property
    def dice(self) -> NDArray[np.float64]:
        return self.overlaps.dice()

    @cached_property
    def changed(self) -> NDArray[np.bool_]:
        return (self.gained > 0) | (self.lost > 0)

    @property
    def identical(self) -> int:
        return len(self.keys) - int(self.changed.sum())

    def by_class(self) -> list[GroupChange]:
        return self._grouped(1)

    def by_image(self) -> list[GroupChange]:
        return self._grouped(0)

    def worst(self, most: int | None = None) -> list[MaskChange]:
        """The masks that changed, lowest Dice first; of equal ones those with more pixels."""
        order = self._worst_first[: int(self.changed.sum())]
        return [
            MaskChange(image, cls, self._pixels([place]), float(self.dice[place]))
            for place in order[:most].tolist()
            for image, cls in [self.keys[place]]
        ]

    def total(self) -> GroupChange:
        """All masks together; `dice` is the mean over the images for each class, then of these."""
        dice = float(np.mean([group.dice for group in self.by_class()]))
        pixels = self._pixels(slice(None))
        return GroupChange("all", len(self.keys), int(self.changed.sum()), pixels, dice, None)

    def only_in_a(self) -> "Alone":
        return _alone(self.keys, self.a, self.b)

    def only_in_b(self) -> "Alone":
        return _alone(self.keys, self.b, self.a)

    @cached_property
    def _worst_first(self) -> NDArray[np.intp]:
        return np.lexsort((-(self.gained + self.lost), self.dice, ~self.changed))

    def _grouped(self, side: int) -> list[GroupChange]:
        members: dict[str, list[int]] = {}
        for place in self._worst_first.tolist():
            members.setdefault(self.keys[place][side], []).append(place)
        order = dict.fromkeys(key[side] for key in self.keys)
        groups = [self._group(name, members[name], 1 - side) for name in order]
        return sorted(groups, key=lambda group: group.dice)

    def _group(self, name: str, places: Sequence[int], other: int) -> GroupChange:
        """The masks at `places`, the worst first."""
        changed = int(self.changed[places].sum())
        worst = (self.keys[places[0]][other], float(self.dice[places[0]])) if changed else None
        dice = float(self.dice[places].mean())
        return GroupChange(name, len(places), changed, self._pixels(places), dice, worst)

    def _pixels(self, places: Sequence[int] | slice) -> Pixels:
        counts = (self.overlaps.area_a, self.overlaps.area_b, self.gained, self.lost)
        return Pixels(*(int(count[places].sum()) for count in counts))


class Alone(NamedTuple):
    """Rows, and whole images and classes, that only one of two submissions has."""

    rows: int
    images: tuple[str, ...]
    classes: tuple[str, ...]


def diff_submissions(
    a: Submission,
    b: Submission,
    *,
    images: Collection[str] = (),
    classes: Collection[str] = (),
    progress: Progress = silent,
) -> SubmissionDiff:
    """Compare the rows that either has; no mask is decoded.

    Args:
        images, classes: names of those that are compared; all where none is named.

    Raises:
        InputError: the sidecars give an image two sizes, the two have no image in common, neither
            has a row, or run lengths are at fault.
        UsageError: an image or a class is named that neither has.
    """
    sizes = sidecar_sizes((a, b))
    _check_names("image", images, (*a.images, *b.images))
    if a.images and b.images and set(a.images).isdisjoint(b.images):
        raise InputError(
            f"{a.path} and {b.path} have no image in common",
            details=f"in {a.path.name}: {a.images[0]}, …\nin {b.path.name}: {b.images[0]}, …",
        )
    _check_names("class", classes, (*a.classes, *b.classes))
    keys = tuple(
        (image, cls)
        for image, cls in dict.fromkeys((*a, *b))
        if (not images or image in images) and (not classes or cls in classes)
    )
    if not keys:
        raise InputError(f"neither {a.path} nor {b.path} has a row to compare")
    return SubmissionDiff(a, b, keys, compare(a, b, keys, sizes, progress))


def _check_names(kind: str, wanted: Collection[str], known: Collection[str]) -> None:
    for name in wanted:
        if name not in known:
            raise UsageError(f"neither CSV has the {kind} {name!r}{did_you_mean(name, set(known))}")


def _alone(keys: Sequence[Key], one: Submission, other: Submission) -> Alone:
    """Of what was compared, what only the first has."""
    rows = [key for key in keys if key not in other]
    images = dict.fromkeys(image for image, _ in rows).keys() - set(other.images)
    classes = dict.fromkeys(cls for _, cls in rows).keys() - set(other.classes)
    return Alone(
        len(rows),
        tuple(image for image in one.images if image in images),
        tuple(cls for cls in one.classes if cls in classes),
    )
