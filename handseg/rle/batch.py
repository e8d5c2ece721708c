"""The runs of many masks at once, to and from their run-length texts."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from handseg.rle.codec import (
    NormalizationStats,
    RleError,
    Runs,
    empty,
    past_the_end,
    read,
    read_figures,
    text_of,
)

Positions = NDArray[np.uint32 | np.int64]


@dataclass(frozen=True)
class BatchedRuns:
    """The runs of many masks, one behind the other.

    `starts` and `ends` are half-open, 0-based; `edges` int [masks + 1] says where the runs of each
    mask begin. The runs of a mask are in ascending order and do not overlap; they may touch, and
    some may be empty.
    """

    starts: Positions
    ends: Positions
    edges: NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.edges) - 1

    @property
    def counts(self) -> NDArray[np.intp]:
        """The number of runs of each mask."""
        return np.diff(self.edges)

    def areas(self) -> NDArray[np.int64]:
        """The number of pixels of each mask."""
        sums = np.zeros(len(self.starts) + 1, dtype=np.int64)
        np.cumsum(self.ends - self.starts, dtype=np.int64, out=sums[1:])
        return np.diff(sums[self.edges])

    def masks(self) -> list[Runs]:
        whole = np.column_stack((self.starts, self.ends)).astype(np.int64)
        return np.split(whole, self.edges[1:-1])

    def texts(self) -> list[bytes]:
        """The run-length text of each mask."""
        figures = np.empty(2 * len(self.starts), dtype=np.int64)
        figures[0::2] = self.starts + 1
        figures[1::2] = self.ends - self.starts
        text, begins = text_of(figures)
        edges = begins[2 * self.edges].tolist()
        return [text[first : max(first, last - 1)] for first, last in pairwise(edges)]


def batch_of(masks: Iterable[Runs]) -> BatchedRuns:
    """Some masks' runs (canonical) one behind the other."""
    listed = list(masks)
    whole = np.concatenate(listed) if listed else empty()
    edges = np.zeros(len(listed) + 1, dtype=np.intp)
    np.cumsum([len(runs) for runs in listed], out=edges[1:])
    return BatchedRuns(whole[:, 0], whole[:, 1], edges)


class ParsedBatch(NamedTuple):
    """The runs of many texts, and by the text's index what was amiss.

    A mask in `faults` is empty; one in `repaired` was brought to its canonical form.
    """

    runs: BatchedRuns
    faults: Sequence[tuple[int, RleError]]
    repaired: Sequence[tuple[int, NormalizationStats]]


def parse_batch(texts: Sequence[bytes], sizes: Sequence[tuple[int, int]]) -> ParsedBatch:
    """The runs of many run-length texts; `sizes` are (height, width) of the image of each.

    A text that cannot be read and a run that ends behind its image are faults.
    """
    faults: list[tuple[int, RleError]] = []
    repaired: list[tuple[int, NormalizationStats]] = []
    runs = _plain(texts)
    if runs is None:
        runs, unread = batch_of([empty()] * len(texts)), list(range(len(texts)))
    else:
        unread = _disordered(runs)
    if unread:
        masks = runs.masks()
        for mask in unread:
            try:
                masks[mask], stats = read(texts[mask])
            except RleError as error:
                faults.append((mask, error))
                continue
            if stats.total:
                repaired.append((mask, stats))
        runs = batch_of(masks)
    limits = np.array([height * width for height, width in sizes], dtype=np.int64)
    filled = np.flatnonzero(runs.counts)
    ends = runs.ends[runs.edges[filled + 1] - 1]
    beyond = np.flatnonzero(ends > limits[filled])
    if len(beyond):
        masks = runs.masks()
        for mask, end in zip(map(int, filled[beyond]), map(int, ends[beyond]), strict=True):
            masks[mask] = empty()
            faults.append((mask, past_the_end(end, sizes[mask])))
        runs = batch_of(masks)
    return ParsedBatch(runs, faults, repaired)


def _plain(texts: Sequence[bytes]) -> BatchedRuns | None:
    """All texts at once, runs in the order of the text; None if any needs a closer look."""
    found = read_figures(texts)
    if found is None:
        return None
    figures, counts = found
    if (counts & 1).any() or not figures[0::2].all():
        return None
    starts = figures[0::2] - np.uint32(1)
    return BatchedRuns(starts, figures[1::2] + starts, np.append(0, counts >> 1))


def _disordered(batch: BatchedRuns) -> list[int]:
    """The masks that are not in canonical form."""
    wrong = batch.starts[1:] <= batch.ends[:-1]
    inner = batch.edges[1:-1]
    wrong[inner[(inner > 0) & (inner < len(batch.starts))] - 1] = False
    runs = np.flatnonzero(wrong)
    if len(batch.starts) and (zero := batch.starts == batch.ends).any():
        runs = np.concatenate((runs, np.flatnonzero(zero)))
    return np.unique(np.searchsorted(batch.edges, runs, side="right") - 1).tolist()
