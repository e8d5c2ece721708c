"""What runs are everywhere in handseg, and how any list of runs is brought to that form."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Runs: TypeAlias = NDArray[np.int64]
"""The runs of one mask, shape [n, 2]: half-open, 0-based [start, end) into the row-major flattened
mask; sorted, disjoint, none empty, none touching the next. A mask has exactly one such form."""


def empty() -> Runs:
    """The runs of an empty mask, shape [0, 2]."""
    return np.empty((0, 2), dtype=np.int64)


def is_normal(runs: Runs) -> bool:
    """Whether `runs` (shape [n, 2]) is sorted, without empty, overlapping or touching runs."""
    return bool((runs[:, 0] < runs[:, 1]).all() and (runs[1:, 0] > runs[:-1, 1]).all())


def united(runs: Runs) -> Runs:
    """The normal form of runs in any order, which may be empty, overlap or touch.

    `runs` has shape [n, 2] and holds [start, end) with start <= end. Returns `runs` itself if it is
    in normal form already.
    """
    if is_normal(runs):
        return runs
    runs = runs[runs[:, 0] < runs[:, 1]]
    runs = runs[np.argsort(runs[:, 0], kind="stable")]
    reach = np.maximum.accumulate(runs[:, 1])
    opens = np.ones(len(runs), dtype=np.bool_)
    opens[1:] = runs[1:, 0] > reach[:-1]
    closes = np.append(opens[1:], True)[: len(runs)]
    return np.column_stack((runs[opens, 0], reach[closes]))
