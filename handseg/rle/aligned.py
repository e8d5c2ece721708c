"""Submissions aligned by (image name, class), read part by part, and compared pair by pair.

A part is all masks of some keys.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from handseg.rle.batch import BatchedRuns, parse_batch
from handseg.rle.codec import NormalizationStats
from handseg.rle.row_index import Key
from handseg.rle.set_operations import DICE_EPSILON, shared_pixels
from handseg.rle.submission import Fault, Submission
from handseg.work import Progress, silent

PART = 1 << 20
"""Bytes of run-length text that are worked on at once: their arrays stay in the cache."""
MOST_KEYS = 480
"""Keys of a part: so many images of 2048² still fit into 32 bits, with position and step."""
DEFAULT_SIZE = (2048, 2048)
"""(height, width) of the competition's images."""


class RepairedRow(NamedTuple):
    """A row whose runs were sorted and merged as they were read; indices of member and key."""

    member: int
    key: int
    stats: NormalizationStats


@dataclass
class ReadReport:
    """What reading rows found besides masks."""

    repaired: list[RepairedRow] = field(default_factory=list[RepairedRow])
    faults: list[Fault] = field(default_factory=list[Fault])
    """Rows that cannot be read and were left out."""

    def extend(self, other: "ReadReport") -> None:
        self.repaired += other.repaired
        self.faults += other.faults

    def repaired_rows(self) -> dict[int, int]:
        """For each member that has any: how many of its rows were repaired."""
        return Counter(row.member for row in self.repaired)

    def stats(self) -> dict[int, NormalizationStats]:
        """For each member with repaired rows: what was wrong with their runs."""
        totals: dict[int, NormalizationStats] = {}
        for row in self.repaired:
            total = totals.get(row.member, NormalizationStats())
            totals[row.member] = total.plus(row.stats)
        return totals


@dataclass(frozen=True)
class AlignedSubmissions:
    """Submissions and the keys on which they are aligned.

    `rows` int64 [members, keys] says which row of each member has a key, -1 where none has;
    `sizes` are the (height, width) of images, `size` that of all others.
    """

    members: tuple[Submission, ...]
    keys: Sequence[Key]
    rows: NDArray[np.int64]
    sizes: Mapping[str, tuple[int, int]]
    size: tuple[int, int] = DEFAULT_SIZE

    def parts(self) -> list[slice]:
        """The keys in parts of about PART bytes of text."""
        weight = sum(
            (member.lengths(rows) for member, rows in zip(self.members, self.rows, strict=True)),
            start=np.ones(len(self.keys), dtype=np.int64),
        )
        behind = np.cumsum(weight)
        parts: list[slice] = []
        first = 0
        while first < len(self.keys):
            done = int(behind[first - 1]) if first else 0
            last = int(np.searchsorted(behind, done + PART, side="right"))
            last = min(max(last, first + 1), first + MOST_KEYS)
            parts.append(slice(first, last))
            first = last
        return parts

    def read(self, part: slice, skip_bad: bool = False) -> tuple[BatchedRuns, ReadReport]:
        """The masks of some keys: those of the first member, then those of the next, ….

        Raises InputError, with file, line, image and class, for run lengths at fault and for a run
        past the end of its image; with `skip_bad` they are reported and their masks are empty.
        """
        keys = self.keys[part]
        texts = [
            text
            for member, rows in zip(self.members, self.rows[:, part], strict=True)
            for text in member.texts(rows)
        ]
        sizes = [self.sizes.get(image, self.size) for image, _ in keys]
        parsed = parse_batch(texts, sizes * len(self.members))
        faults = [
            self.members[mask // len(keys)].fault(keys[mask % len(keys)], error)
            for mask, error in parsed.faults
        ]
        if faults and not skip_bad:
            raise faults[0].error()
        repaired = [
            RepairedRow(mask // len(keys), part.start + mask % len(keys), stats)
            for mask, stats in parsed.repaired
        ]
        return parsed.runs, ReadReport(repaired, faults)


def align(
    members: Sequence[Submission],
    keys: Sequence[Key],
    sizes: Mapping[str, tuple[int, int]],
    size: tuple[int, int] = DEFAULT_SIZE,
) -> AlignedSubmissions:
    """Find the rows of `keys` in each member."""
    rows = np.empty((len(members), len(keys)), dtype=np.int64)
    for index, member in enumerate(members):
        if index and member.has_rows_of(members[0]):
            rows[index] = rows[0]
        else:
            rows[index] = member.rows(keys)
    return AlignedSubmissions(tuple(members), keys, rows, sizes, size)


class Overlaps(NamedTuple):
    """Pixels of each mask of two submissions and of both, int64 [keys] each."""

    area_a: NDArray[np.int64]
    area_b: NDArray[np.int64]
    overlap: NDArray[np.int64]

    def dice(self) -> NDArray[np.float64]:
        """float64 [keys]: (2·|A∩B| + eps) / (|A| + |B| + eps); two empty masks have 1."""
        return (2 * self.overlap + DICE_EPSILON) / (self.area_a + self.area_b + DICE_EPSILON)


def compare(
    a: Submission,
    b: Submission,
    keys: Sequence[Key],
    sizes: Mapping[str, tuple[int, int]] | None = None,
    progress: Progress = silent,
) -> Overlaps:
    """Compare the masks of (image name, class) `keys`; an absent row is an empty mask.

    `sizes` are (height, width) of images, those of the sidecars by default, and 2048 × 2048 where
    none is known. Raises InputError with file, line, image and class for run lengths at fault and
    for a run past the end of an image.
    """
    both = align((a, b), keys, sizes or {**b.sizes, **a.sizes})
    counts = np.zeros((3, len(keys)), dtype=np.int64)
    for part in both.parts():
        first = int(part.start)
        progress(first, len(keys), keys[first][0])
        batch, _ = both.read(part)
        rows = part.stop - part.start
        counts[:2, part] = batch.areas().reshape(2, rows)
        counts[2, part] = shared_pixels(batch, rows).areas()
    progress(len(keys), len(keys))
    return Overlaps(*counts)
