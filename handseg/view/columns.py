"""A long series reduced to the columns of a drawing: least, greatest and mean of each, smoothed."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Places = NDArray[np.int64] | NDArray[np.float64]
"""Where the values of a series lie, rising: steps or epochs."""


@dataclass(frozen=True)
class Columns:
    """The values that lie in each column, float64[n]; NaN where none of them is finite."""

    low: Floats
    high: Floats
    mean: Floats
    broken: NDArray[np.bool_]
    """Columns that hold values of which none is finite: there a line ends."""


def edges(low: float, high: float, count: int, lead: int = 0) -> Floats:
    """Borders of `count` columns whose middles run from `low` to `high`; `lead` more before.

    float64[lead + count + 1], one column apart.
    """
    width = max(high - low, 1e-12) / max(1, count - 1)
    return np.asarray(low + (np.arange(-lead, count + 1) - 0.5) * width, np.float64)


def reduced(x: Places, y: Floats, borders: Floats) -> Columns:
    """The columns between `borders` (float64[n + 1], rising) of values y at places x, rising.

    A value at a border belongs to the column that begins there. Infinite values count as none.
    """
    cuts = cut(x, borders)
    count = len(borders) - 1
    held = np.flatnonzero(np.diff(cuts) > 0)
    low, high, mean = (np.full(count, np.nan) for _ in range(3))
    broken = np.zeros(count, np.bool_)
    if held.size:
        values = y[cuts[0] : cuts[-1]]
        least, greatest, middle = _of_stretches(values, cuts[held] - cuts[0])
        low[held], high[held], mean[held] = least, greatest, middle
        broken[held] = np.isnan(middle)
    return Columns(low, high, mean, broken)


def cut(x: Places, borders: Floats) -> NDArray[np.intp]:
    """The index of the first place at or beyond each border."""
    if x.dtype.kind != "i":
        return np.searchsorted(x, borders)
    # Against whole numbers the search needs no copy of all places as floats.
    whole = np.ceil(np.clip(borders, -(2.0**62), 2.0**62)).astype(np.int64)
    return np.searchsorted(x, whole)


def _of_stretches(values: Floats, starts: NDArray[np.intp]) -> tuple[Floats, Floats, Floats]:
    """Least, greatest and mean of the stretches that begin at `starts`; NaN without a number."""
    finite = np.isfinite(values)
    if finite.all():
        numbers = np.diff(starts, append=len(values))
        total = np.add.reduceat(values, starts)
        return (
            np.minimum.reduceat(values, starts),
            np.maximum.reduceat(values, starts),
            total / numbers,
        )
    numbers = np.add.reduceat(finite, starts, dtype=np.int64)
    none = numbers == 0
    found = (
        np.minimum.reduceat(np.where(finite, values, math.inf), starts),
        np.maximum.reduceat(np.where(finite, values, -math.inf), starts),
        np.add.reduceat(np.where(finite, values, 0.0), starts) / np.maximum(numbers, 1),
    )
    low, high, mean = (np.where(none, np.nan, one) for one in found)
    return low, high, mean


def smoothed(values: Floats, factor: float) -> Floats:
    """The exponential mean of what came before each value; NaN stays and is passed over.

    s ← factor · s + (1 − factor) · value, divided by the weight so far (1 − factorⁿ), so that the
    first values are not drawn towards zero (Kingma and Ba 2015, section 3). 0 changes nothing.
    """
    if factor <= 0:
        return values
    found, total, weight = values.copy(), 0.0, 0.0
    for place, value in enumerate(values.tolist()):
        if math.isfinite(value):
            total = factor * total + (1 - factor) * value
            weight = factor * weight + (1 - factor)
            found[place] = total / weight
    return found


def warm_up(factor: float) -> int:
    """How many columns before the first one still weigh more than a hundredth together."""
    return 0 if factor <= 0 else math.ceil(math.log(0.01) / math.log(factor))
