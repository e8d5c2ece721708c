"""Votes, intersections, unions, areas and Dice on the boundaries of runs; no mask is decoded."""

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from handseg.rle.batch import Batch, batch_of
from handseg.rle.normal_form import Runs, empty

DICE_EPSILON = 1e-4
"""The competition's: two empty masks have a Dice of 1."""

MOST_VOTES = 2**62
"""Sums of weights stay inside int64."""


def sweep(
    batch: Batch,
    rows: NDArray[np.intp],
    weights: NDArray[np.int64],
    thresholds: NDArray[np.int64],
) -> Batch:
    """Vote on many rows at once: the pixels of each whose votes exceed its threshold.

    `rows` int [masks] says which row each mask votes on, `weights` int64 [masks] with how many
    votes, at least 1 and less than MOST_VOTES in all; `thresholds` int64 [rows] are at least 0.
    Masks of one member should stand together, in the order of their rows: their boundaries are
    sorted then. Gives a mask for each row, in normal form.
    """
    stride = int(batch.ends.max(initial=0)) + 1
    alike = not len(weights) or bool((weights == weights[0]).all())
    kinds, kind = (None, None) if alike else np.unique(weights, return_inverse=True)
    shift = 0 if kinds is None else (2 * len(kinds) - 1).bit_length()
    # Below 2**32: the end of the last row is a key too.
    dtype = np.dtype(np.uint32 if len(thresholds) * stride << shift < 2**32 else np.uint64)
    offsets = np.repeat((rows * stride).astype(dtype), batch.counts)
    starts = batch.starts.astype(dtype, copy=False) + offsets
    ends = batch.ends.astype(dtype, copy=False) + offsets
    if kinds is None or kind is None:
        # With one weight for all, members are counted: m · w exceeds T if m exceeds T // w.
        needed = thresholds // weights.max(initial=1)
        starts, ends = _by_count(starts, ends, _of_each_run(needed, batch, rows))
    else:
        own = np.repeat(kind.astype(dtype), batch.counts)
        keys = _stepped(starts, ends, own, len(kinds), shift)
        limits = _of_each_run(thresholds, batch, rows)
        starts, ends = _by_weight(keys, kinds, shift, limits)
    return _parted(starts, ends, stride, len(thresholds))


Keys = NDArray[np.uint32 | np.uint64]
"""Row · stride + position of a boundary: sorted by row, then by position."""


def _by_count(starts: Keys, ends: Keys, needed: NDArray[np.int64] | int) -> tuple[Keys, Keys]:
    """Where more than `needed` masks overlap: starts and ends of disjoint runs, sorted.

    With starts S and ends E each sorted, more than k masks overlap exactly in the union of
    [S[i + k], E[i]) over all i: where i ends are behind a position, E[i] is the first ahead, and
    more than i + k starts have been passed. At the end of a row S[i + k] is of a later row, so the
    interval is empty.
    """
    # Merge sort: what is sorted piece by piece is merged, many times faster than sorting anew.
    starts.sort(kind="stable")
    ends.sort(kind="stable")
    if isinstance(needed, int):
        starts, ends = starts[needed:], ends[: max(0, len(ends) - needed)]
    else:
        later = np.arange(len(ends)) + needed
        ends = ends[later < len(ends)]
        starts = starts[later[later < len(starts)]]
    # Places once and then twice taken: faster than two choices by a mask.
    filled = np.flatnonzero(starts < ends)
    starts, ends = starts.take(filled), ends.take(filled)
    if not len(filled):
        return starts, ends
    apart = np.flatnonzero(starts[1:] > ends[:-1])
    return starts.take(np.append(0, apart + 1)), ends.take(np.append(apart, len(ends) - 1))


def _stepped(starts: Keys, ends: Keys, kind: Keys, kinds: int, shift: int) -> Keys:
    """All boundaries, with the step that each makes in the lowest `shift` bits.

    That is the weight's kind for a start, and comes after all kinds for an end.
    """
    keys = np.empty(2 * len(starts), dtype=starts.dtype)
    keys[0::2], keys[1::2] = starts, ends
    keys <<= keys.dtype.type(shift)
    keys[0::2] += kind
    keys[1::2] += kind + kind.dtype.type(kinds)
    return keys


def _by_weight(
    keys: Keys, kinds: NDArray[np.int64], shift: int, limits: NDArray[np.int64] | int
) -> tuple[Keys, Keys]:
    """Where weights exceed the limits: starts and ends of disjoint runs, sorted."""
    keys.sort(kind="stable")
    step = keys & keys.dtype.type((1 << shift) - 1)
    places = keys >> keys.dtype.type(shift)
    votes = np.cumsum(np.concatenate((kinds, -kinds))[step])
    # Of the steps at one position only the sum behind the last counts.
    settled = np.ones(len(places), dtype=np.bool_)
    settled[:-1] = places[1:] != places[:-1]
    limits = limits if isinstance(limits, int) else np.repeat(limits, 2)[settled]
    places, inside = places[settled], votes[settled] > limits
    turns = inside.copy()
    turns[1:] = inside[1:] != inside[:-1]
    places = places[turns]
    return places[0::2], places[1::2]


def _of_each_run(
    values: NDArray[np.int64], batch: Batch, rows: NDArray[np.intp]
) -> NDArray[np.int64] | int:
    """The row's value for each run, sorted by row; one figure where all rows have the same."""
    if not len(values) or (values == values[0]).all():
        return int(values.max(initial=0))
    runs = np.zeros(len(values), dtype=np.intp)
    np.add.at(runs, rows, batch.counts)
    return np.repeat(values, runs)


def _parted(starts: Keys, ends: Keys, stride: int, rows: int) -> Batch:
    """Disjoint runs as a mask for each row."""
    offsets = np.arange(rows + 1, dtype=starts.dtype) * starts.dtype.type(stride)
    edges = np.searchsorted(starts, offsets)
    moved = np.repeat(offsets[:-1], np.diff(edges))
    kind = np.uint32 if stride <= 2**32 else np.int64
    return Batch(
        (starts - moved).astype(kind, copy=False), (ends - moved).astype(kind, copy=False), edges
    )


def vote(
    masks: Sequence[Runs],
    weights: Sequence[int] | None = None,
    threshold: Fraction | float | int = 0,
) -> Runs:
    """The pixels where the weights of the masks that hold them sum to more than `threshold`.

    `masks` are runs in normal form, `weights` whole numbers from 0 (1 each by default; less than
    2**62 in all), the threshold is at least 0; all comparisons are exact. Raises ValueError
    otherwise.

    >>> three = [np.array([run]) for run in ([0, 4], [2, 6], [2, 3])]
    >>> vote(three, threshold=1).tolist()
    [[2, 4]]
    """
    weights = [1] * len(masks) if weights is None else weights
    if len(weights) != len(masks) or any(weight < 0 for weight in weights):
        raise ValueError(f"{len(masks)} masks need as many weights, none negative: {weights}")
    if sum(weights) >= MOST_VOTES:
        raise ValueError(f"weights of {sum(weights)} in all are too many to be counted")
    if not threshold >= 0:
        raise ValueError(f"a threshold of votes below 0: {threshold}")
    voters = [(mask, weight) for mask, weight in zip(masks, weights, strict=True) if weight]
    if not voters or threshold >= sum(weights):
        return empty()
    kept = sweep(
        batch_of([mask for mask, _ in voters]),
        np.zeros(len(voters), dtype=np.intp),
        np.array([weight for _, weight in voters], dtype=np.int64),
        # A sum of whole numbers exceeds a threshold exactly if it exceeds the threshold's floor.
        np.array([math.floor(threshold)], dtype=np.int64),
    )
    return np.column_stack((kept.starts, kept.ends)).astype(np.int64)


def intersect(a: Runs, b: Runs) -> Runs:
    """The pixels in both."""
    return vote((a, b), threshold=1)


def union(a: Runs, b: Runs) -> Runs:
    """The pixels in either."""
    return vote((a, b), threshold=0)


def area(runs: Runs) -> int:
    """The number of pixels."""
    return int((runs[:, 1] - runs[:, 0]).sum())


def overlap(a: Runs, b: Runs) -> int:
    """The number of pixels in both, without making their runs."""
    if len(a) > len(b):
        a, b = b, a
    if not len(a):
        return 0
    lengths = b[:, 1] - b[:, 0]
    before = np.concatenate(([0], np.cumsum(lengths)))
    # For each boundary of `a`: the pixels of `b` before it are those of the runs of `b` that
    # start before it, less what the last of these has still to go.
    started = np.searchsorted(b[:, 0], a.ravel(), side="left")
    ahead = np.maximum(b[:, 1][started - 1] - a.ravel(), 0)
    held = before[started] - np.where(started > 0, ahead, 0)
    return int((held[1::2] - held[::2]).sum())


def dice(a: Runs, b: Runs) -> float:
    """(2·|A∩B| + eps) / (|A| + |B| + eps) with the competition's eps of 1e-4; both empty: 1."""
    shared = overlap(a, b)
    return (2 * shared + DICE_EPSILON) / (area(a) + area(b) + DICE_EPSILON)
