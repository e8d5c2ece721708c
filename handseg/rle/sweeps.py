"""Votes, intersections, unions, areas and Dice on the boundaries of runs; no mask is decoded."""

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from handseg.rle.normal_form import Runs, empty

DICE_EPSILON = 1e-4
"""The competition's: two empty masks have a Dice of 1."""


def vote(
    masks: Sequence[Runs],
    weights: Sequence[int] | None = None,
    threshold: Fraction | float | int = 0,
) -> Runs:
    """The pixels where the weights of the masks that hold them sum to more than `threshold`.

    `masks` are runs in normal form, `weights` whole numbers from 0 (1 each by default), the
    threshold is at least 0; all comparisons are exact. Raises ValueError otherwise.
    """
    weights = [1] * len(masks) if weights is None else weights
    if len(weights) != len(masks) or any(weight < 0 for weight in weights):
        raise ValueError(f"{len(masks)} masks need as many weights, none negative: {weights}")
    if threshold < 0:
        raise ValueError(f"a threshold of votes below 0: {threshold}")
    voters = [(mask, weight) for mask, weight in zip(masks, weights, strict=True) if len(mask)]
    if not voters:
        return empty()
    positions = np.concatenate([mask.ravel() for mask, _ in voters])
    steps = np.concatenate([_steps(len(mask), weight) for mask, weight in voters])
    # A sum of whole numbers exceeds a threshold exactly if it exceeds the threshold's floor.
    return _kept(positions, steps, math.floor(threshold))


def _steps(count: int, weight: int) -> NDArray[np.int64]:
    """+weight at each start, -weight at each end, of `count` runs."""
    steps = np.full((count, 2), weight, dtype=np.int64)
    steps[:, 1] = -weight
    return steps.ravel()


def _kept(positions: NDArray[np.int64], steps: NDArray[np.int64], threshold: int) -> Runs:
    order = np.argsort(positions, kind="stable")
    positions = positions[order]
    votes = np.cumsum(steps[order])
    # Of the steps at one position only the sum after the last counts.
    settled = np.append(positions[1:] != positions[:-1], True)
    positions, inside = positions[settled], votes[settled] > threshold
    turns = np.append(inside[:1], inside[1:] != inside[:-1])
    return positions[turns].reshape(-1, 2)


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
