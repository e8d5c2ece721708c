"""Set operations and votes on the boundaries of runs; no mask is decoded."""

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from handseg.rle.batch import BatchedRuns, batch_of
from handseg.rle.codec import Runs, empty

DICE_EPSILON = 1e-4
"""The competition's: two empty masks have a Dice of 1."""

MOST_VOTES = 2**62
"""Sums of weights stay inside int64."""

Boundaries = NDArray[np.uint32 | np.uint64]
"""Row · stride + position of a run's start or end: sorted by row, then by position."""


def weighted_vote(
    batch: BatchedRuns,
    row_of_mask: NDArray[np.intp],
    weights: NDArray[np.int64],
    thresholds: NDArray[np.int64],
) -> BatchedRuns:
    """Vote on many rows at once: the pixels of each whose votes exceed its threshold.

    Masks of one member should stand together, in the order of their rows: their boundaries are
    sorted then.

    Args:
        batch: the masks of all members.
        row_of_mask: int [masks], the row that each mask votes on, from 0.
        weights: int64 [masks], the votes of each mask, at least 1 and less than MOST_VOTES in all.
        thresholds: int64 [rows], at least 0.

    Returns:
        A mask for each row, canonical.
    """
    stride = int(batch.ends.max(initial=0)) + 1
    equal = not len(weights) or bool((weights == weights[0]).all())
    levels = np.empty(0, np.int64) if equal else np.unique(weights)
    # A step of the weighted count needs a number for each level, up and down.
    bits = 0 if equal else (2 * len(levels) - 1).bit_length()
    # Below 2**32: the end of the last row is a boundary too.
    dtype = np.dtype(np.uint32 if len(thresholds) * stride << bits < 2**32 else np.uint64)
    offsets = np.repeat((row_of_mask * stride).astype(dtype), batch.counts)
    starts = batch.starts.astype(dtype, copy=False) + offsets
    ends = batch.ends.astype(dtype, copy=False) + offsets
    if equal:
        # With one weight for all, members are counted: m · w exceeds T if m exceeds T // w.
        needed = thresholds // weights.max(initial=1)
        starts, ends = _by_count(starts, ends, _of_each_run(needed, batch, row_of_mask))
    else:
        level = np.repeat(np.searchsorted(levels, weights).astype(dtype), batch.counts)
        steps = _steps(starts, ends, level, len(levels), bits)
        limits = _of_each_run(thresholds, batch, row_of_mask)
        starts, ends = _by_weight(steps, levels, bits, limits)
    return _split_rows(starts, ends, stride, len(thresholds))


def shared_pixels(batch: BatchedRuns, rows: int) -> BatchedRuns:
    """The pixels that both of two members' masks hold, of each of so many rows."""
    ones = np.ones(2 * rows, dtype=np.int64)
    return weighted_vote(batch, np.tile(np.arange(rows), 2), ones, ones[:rows])


def _by_count(
    starts: Boundaries, ends: Boundaries, needed: NDArray[np.int64] | int
) -> tuple[Boundaries, Boundaries]:
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
    # Indices once and then twice taken: faster than two choices by a mask.
    filled = np.flatnonzero(starts < ends)
    starts, ends = starts.take(filled), ends.take(filled)
    if not len(filled):
        return starts, ends
    apart = np.flatnonzero(starts[1:] > ends[:-1])
    return starts.take(np.append(0, apart + 1)), ends.take(np.append(apart, len(ends) - 1))


def _steps(
    starts: Boundaries, ends: Boundaries, level: Boundaries, levels: int, bits: int
) -> Boundaries:
    """All boundaries, with the step that the count makes there in the lowest `bits`.

    That is the weight's level for a start, and comes after all levels for an end.
    """
    steps = np.empty(2 * len(starts), dtype=starts.dtype)
    steps[0::2], steps[1::2] = starts, ends
    steps <<= steps.dtype.type(bits)
    steps[0::2] += level
    steps[1::2] += level + level.dtype.type(levels)
    return steps


def _by_weight(
    steps: Boundaries, levels: NDArray[np.int64], bits: int, limits: NDArray[np.int64] | int
) -> tuple[Boundaries, Boundaries]:
    """Where weights exceed the limits: starts and ends of disjoint runs, sorted."""
    steps.sort(kind="stable")
    step = steps & steps.dtype.type((1 << bits) - 1)
    positions = steps >> steps.dtype.type(bits)
    votes = np.cumsum(np.concatenate((levels, -levels))[step])
    # Of the steps at one position only the sum behind the last counts.
    last = np.ones(len(positions), dtype=np.bool_)
    last[:-1] = positions[1:] != positions[:-1]
    limits = limits if isinstance(limits, int) else np.repeat(limits, 2)[last]
    positions, inside = positions[last], votes[last] > limits
    turns = inside.copy()
    turns[1:] = inside[1:] != inside[:-1]
    positions = positions[turns]
    return positions[0::2], positions[1::2]


def _of_each_run(
    values: NDArray[np.int64], batch: BatchedRuns, row_of_mask: NDArray[np.intp]
) -> NDArray[np.int64] | int:
    """The row's value for each run, sorted by row; one figure where all rows have the same."""
    if not len(values) or (values == values[0]).all():
        return int(values.max(initial=0))
    runs = np.zeros(len(values), dtype=np.intp)
    np.add.at(runs, row_of_mask, batch.counts)
    return np.repeat(values, runs)


def _split_rows(starts: Boundaries, ends: Boundaries, stride: int, rows: int) -> BatchedRuns:
    """Disjoint runs as a mask for each row."""
    offsets = np.arange(rows + 1, dtype=starts.dtype) * starts.dtype.type(stride)
    edges = np.searchsorted(starts, offsets)
    moved = np.repeat(offsets[:-1], np.diff(edges))
    dtype = np.uint32 if stride <= 2**32 else np.int64
    return BatchedRuns(
        (starts - moved).astype(dtype, copy=False), (ends - moved).astype(dtype, copy=False), edges
    )


def vote(
    masks: Sequence[Runs],
    weights: Sequence[int] | None = None,
    threshold: Fraction | float | int = 0,
) -> Runs:
    """The pixels where the weights of the masks that hold them sum to more than `threshold`.

    `masks` are canonical runs, `weights` whole numbers from 0 (1 each by default; less than
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
    voted = weighted_vote(
        batch_of([mask for mask, _ in voters]),
        np.zeros(len(voters), dtype=np.intp),
        np.array([weight for _, weight in voters], dtype=np.int64),
        # A sum of whole numbers exceeds a threshold exactly if it exceeds the threshold's floor.
        np.array([math.floor(threshold)], dtype=np.int64),
    )
    return np.column_stack((voted.starts, voted.ends)).astype(np.int64)


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
