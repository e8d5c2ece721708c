"""Dice of classes over validations as few cells: the worst of what a cell stands for."""

from bisect import bisect_right
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from handseg.view.curves import Floats

BOUNDS = (0.5, 0.7, 0.8, 0.88, 0.93, 0.96)
"""Where one level of Dice ends and the next begins: finer where trained models lie."""
LEVELS = len(BOUNDS) + 1


def level(value: float) -> int:
    """The level of a Dice, 0 for the worst; −1 for none."""
    return -1 if np.isnan(value) else bisect_right(BOUNDS, value)


@dataclass(frozen=True, eq=False)
class Cells:
    """Validations side by side, the newest at the right; a cell stands for one or several.

    `starts` int64[n] is the first validation of each cell, `worst` float64[n, classes] its lowest
    Dice of each class, NaN where there is none; `validations` how many there are in all.
    """

    starts: NDArray[np.int64]
    worst: Floats
    validations: int

    def validations_of(self, cell: int) -> tuple[int, int]:
        ends = [*self.starts[1:].tolist(), self.validations]
        return int(self.starts[cell]), ends[cell] - 1


def cells(dice: Floats, most: int) -> Cells:
    """Dice float64[validations, classes] in at most `most` cells, as even as they can be."""
    validations = len(dice)
    count = max(0, min(most, validations))
    if count == 0:
        return Cells(np.empty(0, np.int64), np.empty((0, dice.shape[1])), validations)
    starts = np.arange(count, dtype=np.int64) * validations // count
    filled = np.where(np.isnan(dice), np.inf, dice)
    worst = np.minimum.reduceat(filled, starts, axis=0)
    return Cells(starts, np.where(np.isinf(worst), np.nan, worst), validations)


def falls(dice: Floats) -> Floats:
    """How far each class lies below the best that it has reached, float64[classes], 0 or more.

    NaN for a class that has no Dice at all.
    """
    found = np.full(dice.shape[1], np.nan)
    for place in range(dice.shape[1]):
        known = dice[:, place][~np.isnan(dice[:, place])]
        if known.size:
            found[place] = known.max() - known[-1]
    return found


def last_known(dice: Floats) -> Floats:
    """The newest Dice of each class, float64[classes]; NaN where there is none."""
    found = np.full(dice.shape[1], np.nan)
    for place in range(dice.shape[1]):
        known = dice[:, place][~np.isnan(dice[:, place])]
        if known.size:
            found[place] = known[-1]
    return found
