"""Submissions aligned by (image name, class), read part by part: all masks of some keys at once."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from handseg.rle.batch import Batch, parse_batch
from handseg.rle.codec import Disorder, RleError
from handseg.rle.faults import Fault
from handseg.rle.heap import keep_heap
from handseg.rle.keys import Key
from handseg.rle.submission import Submission

PART = 1 << 20
"""Bytes of run-length text that are worked on at once: their arrays stay in the cache."""
MOST_KEYS = 480
"""Keys of a part: so many images of 2048² still fit into 32 bits, with position and step."""
DEFAULT_SIZE = (2048, 2048)
"""(height, width) of the competition's images."""


class RepairedRow(NamedTuple):
    """A row whose runs were sorted and merged as they were read; places of member and key."""

    member: int
    key: int
    disorder: Disorder


@dataclass
class ReadReport:
    """What reading rows found besides masks."""

    repaired: list[RepairedRow] = field(default_factory=list[RepairedRow])
    faults: list[Fault] = field(default_factory=list[Fault])
    """Rows that cannot be read and were left out."""

    def extend(self, other: "ReadReport") -> None:
        """Add what reading further rows found."""
        self.repaired += other.repaired
        self.faults += other.faults

    def repaired_rows(self) -> dict[int, int]:
        """For each member that has any: how many of its rows were repaired."""
        return Counter(row.member for row in self.repaired)

    def disorder(self) -> dict[int, Disorder]:
        """For each member with repaired rows: what was wrong with their runs, by kind."""
        totals: dict[int, Disorder] = {}
        for row in self.repaired:
            totals[row.member] = totals.get(row.member, Disorder()).plus(row.disorder)
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

    def read(self, part: slice, skip_bad: bool = False) -> tuple[Batch, ReadReport]:
        """The masks of some keys: those of the first member, then those of the next, ….

        Raises InputError, with file, line, image and class, for run lengths at fault and for a run
        past the end of its image; with `skip_bad` they are reported and their masks
        are empty.
        """
        keys = self.keys[part]
        found = ReadReport()

        def report(mask: int, error: RleError | None, disorder: Disorder) -> None:
            member, key = divmod(mask, len(keys))
            if error is None:
                found.repaired.append(RepairedRow(member, key + part.start, disorder))
                return
            fault = self.members[member].fault(keys[key], error)
            if not skip_bad:
                raise fault.error()
            found.faults.append(fault)

        texts = [
            text
            for member, rows in zip(self.members, self.rows[:, part], strict=True)
            for text in member.texts(rows)
        ]
        sizes = [self.sizes.get(image, self.size) for image, _ in keys]
        return parse_batch(texts, sizes * len(self.members), report), found


def align(
    members: Sequence[Submission],
    keys: Sequence[Key],
    sizes: Mapping[str, tuple[int, int]],
    size: tuple[int, int] = DEFAULT_SIZE,
) -> AlignedSubmissions:
    """Find the rows of `keys` in each member."""
    keep_heap()
    rows = np.empty((len(members), len(keys)), dtype=np.int64)
    for place, member in enumerate(members):
        if place and member.has_rows_of(members[0]):
            rows[place] = rows[0]
        else:
            rows[place] = member.rows(keys)
    return AlignedSubmissions(tuple(members), keys, rows, sizes, size)
