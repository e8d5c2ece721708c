"""Round numbers along an axis, and how they are written."""

import math
from collections.abc import Sequence
from itertools import pairwise

STEPS = (1, 2, 5, 10)
LOG_STEPS = ((1,), (1, 3), (1, 2, 5))
"""What is marked within each power of ten, from coarse to fine."""


def ticks(low: float, high: float, most: int) -> list[float]:
    """At most `most` multiples of 1, 2 or 5 times a power of ten from `low` to `high`."""
    span = high - low
    if most < 1 or not math.isfinite(span) or span <= 0:
        return []
    power = 10.0 ** math.floor(math.log10(span / most))
    for factor in STEPS + tuple(10 * step for step in STEPS):
        found = _multiples(low, high, factor * power)
        if len(found) <= most:
            return found
    return []


def _multiples(low: float, high: float, step: float) -> list[float]:
    # A little slack, so that a range that ends at a multiple keeps it.
    first, last = math.ceil(low / step - 1e-6), math.floor(high / step + 1e-6)
    return [number * step for number in range(first, last + 1)] if last - first < 1000 else []


def log_ticks(low: float, high: float, most: int) -> list[float]:
    """At most `most` round numbers from `low` to `high` (above 0) that lie evenly in a logarithm.

    1, 2 and 5 of every power of ten where there is room, then 1 and 3, then 1, then every second,
    third, ... power; within less than a power of ten round numbers as on a plain axis.
    """
    if most < 1 or not 0 < low < high < math.inf:
        return []
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    finest: list[float] = []
    for within in LOG_STEPS:
        found = _inside([step * 10.0**power for power in powers for step in within], low, high)
        if len(found) <= most:
            finest = found
    if len(finest) > 1:
        return finest
    for every in range(2, len(powers)):
        found = _inside([10.0**power for power in powers if power % every == 0], low, high)
        if 1 < len(found) <= most:
            return found
    return ticks(low, high, most)


def _inside(values: Sequence[float], low: float, high: float) -> list[float]:
    return [value for value in values if low * (1 - 1e-9) <= value <= high * (1 + 1e-9)]


UNITS = ((1e9, 1e9, "G"), (1e6, 1e6, "M"), (1e4, 1e3, "k"))
"""From which number on a unit is used, its size and its sign."""
SMALLEST = 1e-4
"""Below this distance numbers are written with their power of ten."""


def labels(values: Sequence[float]) -> list[str]:
    """The numbers with as many digits as tell neighbours apart: `.95`, `1.00`, `20k`, `3e-5`.

    No zero stands before the point.
    """
    gaps = [after - before for before, after in pairwise(values)]
    if not gaps or max(gaps) - min(gaps) > 1e-6 * max(gaps):
        return [label(value) for value in values]
    largest, gap = max(map(abs, values)), min(gaps)
    for least, size, unit in UNITS:
        if largest >= least:
            return [_rounded(value / size, gap / size) + unit * (value != 0) for value in values]
    if gap < SMALLEST:
        return [label(value, gap) for value in values]
    return [_rounded(value, gap) for value in values]


def label(value: float, distance: float = math.inf) -> str:
    """One number in few characters; with more digits where a neighbour is as near as `distance`."""
    for least, size, unit in UNITS:
        if abs(value) >= least:
            return _bare(f"{value / size:.3g}") + unit
    alone = math.isinf(distance)
    if value == 0 or abs(value) >= 10 * SMALLEST:
        return _bare(f"{value:.4g}") if alone else _rounded(value, distance)
    if not alone and abs(value) < distance * 1e-6:
        return "0"
    digits = 1 if alone else max(0, _power(value) - _power(distance))
    mantissa, power = f"{value:.{digits}e}".split("e")
    return f"{mantissa.removesuffix('.0') if alone else mantissa}e{int(power)}"


def _power(value: float) -> int:
    return math.floor(math.log10(abs(value)) + 1e-9)


def _rounded(value: float, gap: float) -> str:
    return _bare(f"{value:.{max(0, -_power(gap))}f}")


def _bare(text: str) -> str:
    """`0.95` → `.95`, `-0.5` → `-.5`, `-0` → `0`."""
    if float(text) == 0:
        return "0"
    return text.replace("0.", ".", 1) if text.startswith(("0.", "-0.")) else text
