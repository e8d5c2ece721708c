"""Connected components of masks, from runs: no image is decoded."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from handseg.rle.geometry import Segments

Integers = NDArray[np.int64]


class Pieces(NamedTuple):
    """How many pieces (joined by edge or corner) masks have, and the second's pixels; [masks]."""

    counts: Integers
    second: Integers


def pieces(cut: Segments, masks: int) -> Pieces:
    """The connected components of so many masks, each cut at its row ends."""
    upper, lower = _touching(cut)
    root = _roots(len(cut.owner), upper, lower)
    areas = np.bincount(root, cut.end - cut.start, len(root)).astype(np.int64)
    heads = np.flatnonzero(root == np.arange(len(root)))
    owner = cut.owner[heads]
    order = np.lexsort((-areas[heads], owner))
    owner, areas = owner[order], areas[heads][order]
    counts = np.bincount(owner, minlength=masks)
    first = np.cumsum(counts) - counts
    second = np.zeros(masks, dtype=np.int64)
    several = counts > 1
    second[several] = areas[first[several] + 1]
    return Pieces(counts, second)


def _touching(cut: Segments) -> tuple[Integers, Integers]:
    """The pairs (segment, segment of the next row) of one mask that touch by edge or corner."""
    if not len(cut.owner):
        return cut.owner, cut.owner
    begin = _offsets(cut) + cut.row * cut.width
    below, end_below = begin + cut.width, begin + 2 * cut.width
    starts, ends = begin + cut.start, begin + cut.end
    # In the next row: those that do not end left of this one, and do not start right of it.
    first = np.searchsorted(ends, np.maximum(below + cut.start, below + 1), side="left")
    last = np.searchsorted(starts, np.minimum(below + cut.end, end_below - 1), side="right")
    counts = np.maximum(last - first, 0)
    upper = np.repeat(np.arange(len(counts)), counts)
    lower = np.arange(len(upper)) - np.repeat(np.cumsum(counts) - counts, counts)
    return upper, lower + np.repeat(first, counts)


def _offsets(cut: Segments) -> Integers:
    """Where each segment's mask begins if all masks stand one after the other, two rows apart."""
    opens = np.flatnonzero(np.append(True, cut.owner[1:] != cut.owner[:-1]))
    closes = np.append(opens[1:], len(cut.owner)) - 1
    pixels = (cut.row[closes] + 3) * cut.width[closes]
    return np.repeat(np.cumsum(pixels) - pixels, closes - opens + 1)


def _roots(count: int, upper: Integers, lower: Integers) -> Integers:
    """For each of `count` segments the first of its component."""
    parent = np.arange(count)
    while len(upper):
        np.minimum.at(parent, np.maximum(upper, lower), np.minimum(upper, lower))
        while not np.array_equal(parent, grand := parent[parent]):
            parent = grand
        upper, lower = parent[upper], parent[lower]
        apart = upper != lower
        upper, lower = upper[apart], lower[apart]
    return parent
