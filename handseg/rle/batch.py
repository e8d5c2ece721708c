"""Many masks at once: their run-length texts parsed in one go."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from handseg.rle.codec import Disorder, RleError, past_the_end, read, text_of
from handseg.rle.digits import BLANKS, find_words, values
from handseg.rle.normal_form import Runs

Positions = NDArray[np.uint32 | np.int64]


@dataclass(frozen=True)
class Batch:
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
        text, places = text_of(figures)
        edges = places[2 * self.edges].tolist()
        return [text[first : max(first, last - 1)] for first, last in pairwise(edges)]


Report = Callable[[int, RleError | None, Disorder], None]
"""Told of each text that is not in order: its place, what cannot be read, what was mended."""


def parse_batch(texts: Sequence[bytes], sizes: Sequence[tuple[int, int]], report: Report) -> Batch:
    """The runs of many run-length texts; what cannot be read is reported and stays empty.

    `sizes` are (height, width) of the image of each: a run that ends behind it is a fault.
    """
    batch = _in_order(texts)
    if batch is None:
        batch = _in_order([text.strip(BLANKS) for text in texts])
    if batch is None:
        batch = _one_by_one(texts, report)
    disordered = _disordered(batch)
    if len(disordered):
        batch = _replaced(batch, texts, disordered, report)
    limits = np.array([height * width for height, width in sizes], dtype=np.int64)
    beyond = _beyond(batch, limits)
    if len(beyond):
        for mask in map(int, beyond):
            end = int(batch.ends[batch.edges[mask + 1] - 1])
            report(mask, past_the_end(end, sizes[mask]), Disorder())
        batch = _without(batch, beyond)
    return batch


def _in_order(texts: Sequence[bytes]) -> Batch | None:
    """All texts at once; None if any holds anything but pairs of figures and single blanks."""
    filled = [text for text in texts if text]
    words = find_words(filled) if filled else None
    if filled and words is None:
        return None
    edges = np.zeros(len(texts) + 1, dtype=np.intp)
    if words is None:
        return Batch(np.empty(0, np.uint32), np.empty(0, np.uint32), edges)
    lengths = np.fromiter(map(len, texts), dtype=np.intp, count=len(texts))
    # Ends are counted behind a margin: the first text begins at words.ends[0] - words.digits[0].
    behind = np.cumsum(lengths + (lengths > 0)) + (int(words.ends[0]) - int(words.digits[0]))
    numbers = np.searchsorted(words.ends, behind)
    if (numbers & 1).any():
        return None
    edges[1:] = numbers >> 1
    starts, ends = values(words, 0, 2), values(words, 1, 2)
    if not starts.all():
        return None
    starts -= np.uint32(1)
    ends += starts
    return Batch(starts, ends, edges)


def _one_by_one(texts: Sequence[bytes], report: Report) -> Batch:
    def runs(place: int, text: bytes) -> Runs:
        try:
            found, disorder = read(text)
        except RleError as error:
            report(place, error, Disorder())
            return np.empty((0, 2), dtype=np.int64)
        if disorder.total:
            report(place, None, disorder)
        return found

    return batch_of(runs(place, text) for place, text in enumerate(texts))


def batch_of(masks: "Sequence[Runs] | Iterator[Runs]") -> Batch:
    """Some masks' runs (in normal form) one behind the other."""
    listed = list(masks)
    edges = np.zeros(len(listed) + 1, dtype=np.intp)
    np.cumsum([len(runs) for runs in listed], out=edges[1:])
    whole = np.concatenate(listed) if listed else np.empty((0, 2), dtype=np.int64)
    return Batch(whole[:, 0], whole[:, 1], edges)


def _disordered(batch: Batch) -> NDArray[np.intp]:
    """The masks that are not in normal form."""
    wrong = batch.starts[1:] <= batch.ends[:-1]
    inner = batch.edges[1:-1]
    wrong[inner[(inner > 0) & (inner < len(batch.starts))] - 1] = False
    places = np.flatnonzero(wrong)
    if len(batch.starts) and (empty := batch.starts == batch.ends).any():
        places = np.concatenate((places, np.flatnonzero(empty)))
    masks = np.sort(np.searchsorted(batch.edges, places, side="right") - 1)
    return masks[np.append(True, masks[1:] != masks[:-1])] if len(masks) else masks


def _replaced(
    batch: Batch, texts: Sequence[bytes], masks: NDArray[np.intp], report: Report
) -> Batch:
    """The batch with some masks brought to normal form."""
    pieces = batch.masks()
    for mask in map(int, masks):
        pieces[mask], disorder = read(texts[mask])
        report(mask, None, disorder)
    return batch_of(pieces)


def _beyond(batch: Batch, limits: NDArray[np.int64]) -> NDArray[np.intp]:
    """The masks whose last run ends behind the last pixel of their image."""
    filled = np.flatnonzero(batch.counts)
    return filled[batch.ends[batch.edges[filled + 1] - 1] > limits[filled]]


def _without(batch: Batch, masks: NDArray[np.intp]) -> Batch:
    counts = batch.counts
    kept = np.ones(len(counts), dtype=np.bool_)
    kept[masks] = False
    runs = np.repeat(kept, counts)
    edges = np.zeros(len(counts) + 1, dtype=np.intp)
    np.cumsum(np.where(kept, counts, 0), out=edges[1:])
    return Batch(batch.starts[runs], batch.ends[runs], edges)
