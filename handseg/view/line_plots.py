"""Lines as SVG inside a page: curves with axes, and trends without."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from handseg.view.charts import SERIES
from handseg.view.page import key, text
from handseg.view.ticks import labels, ticks

COLUMNS = 800
"""Points of a line at most: what a page cannot show it does not carry."""
MARKS = 6
_LEFT, _BOTTOM, _TOP = 52, 20, 8


class Line(NamedTuple):
    """A named line: `x` and `y` float64[n]; what is not finite is a gap."""

    name: str
    x: NDArray[np.float64]
    y: NDArray[np.float64]


class _Scale(NamedTuple):
    """Values to pixels, and values that are marked."""

    low: float
    high: float
    begin: float
    end: float

    def at(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        span = self.high - self.low or 1.0
        return self.begin + (values - self.low) / span * (self.end - self.begin)

    def marks(self) -> list[tuple[str, float]]:
        """Round numbers and where they are."""
        values = ticks(self.low, self.high, MARKS) or [self.low]
        places = self.at(np.asarray(values, np.float64)).tolist()
        return list(zip(labels(values), places, strict=True))


def plot(
    lines: Sequence[Line], size: tuple[int, int] = (260, 760), bottom_share: float = 0.0
) -> str:
    """Lines over common axes with a key; `size` is (height, width).

    That share of the values may lie below the axis, at its edge: a steep beginning would flatten
    all that follows.
    """
    height, width = size
    thin = [_thinned(line) for line in lines]
    across = _scale(np.concatenate([line.x for line in thin]), _LEFT, width - 4)
    heights = np.concatenate([line.y for line in thin])
    up = _scale(heights, height - _BOTTOM, _TOP, bottom_share)
    parts = [_axes(across, up, size)]
    for line, colour in zip(thin, SERIES, strict=False):
        parts += _strokes(across.at(line.x), up.at(np.maximum(line.y, up.low)), colour)
    drawn = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}">{"".join(parts)}</svg>'
    )
    return key(list(zip(SERIES, (line.name for line in lines), strict=False))) + drawn


def spark(values: Sequence[float], size: tuple[int, int]) -> str:
    """A line without axes, as high as its own range; `size` is (width, height)."""
    width, height = size
    y = np.asarray(values, np.float64)
    across = _Scale(0, max(1, len(y) - 1), 1, width - 1)
    up = _scale(y, height - 2, 2)
    strokes = _strokes(across.at(np.arange(len(y), dtype=np.float64)), up.at(y), SERIES[0])
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}">{"".join(strokes)}</svg>'
    )


def _thinned(line: Line) -> Line:
    """At most `COLUMNS` points: the means of as many stretches."""
    if len(line.x) <= COLUMNS:
        return line
    edges = np.linspace(0, len(line.x), COLUMNS + 1).astype(np.int64)
    known = np.isfinite(line.y)
    sums = np.add.reduceat(np.where(known, line.y, 0.0), edges[:-1])
    counts = np.add.reduceat(known.astype(np.float64), edges[:-1])
    means = np.divide(sums, counts, out=np.full(COLUMNS, np.nan), where=counts > 0)
    return Line(line.name, line.x[edges[:-1]], means)


def _scale(
    values: NDArray[np.float64], begin: float, end: float, bottom_share: float = 0.0
) -> _Scale:
    known = values[np.isfinite(values)]
    if not len(known):
        return _Scale(0.0, 1.0, begin, end)
    low, high = float(np.quantile(known, bottom_share)), float(known.max())
    if low == high:
        room = abs(low) / 10 or 1.0
        return _Scale(low - room, high + room, begin, end)
    return _Scale(low, high, begin, end)


def _strokes(x: NDArray[np.float64], y: NDArray[np.float64], colour: str) -> list[str]:
    """Polylines between the gaps; a single point is a dot."""
    found: list[str] = []
    known = np.isfinite(x) & np.isfinite(y)
    stretches = np.split(np.arange(len(x)), np.flatnonzero(np.diff(known)) + 1)
    for stretch in stretches:
        if not len(stretch) or not known[stretch[0]]:
            continue
        if len(stretch) == 1:
            place = f'cx="{x[stretch[0]]:.1f}" cy="{y[stretch[0]]:.1f}"'
            found.append(f'<circle {place} r="1.6" fill="{colour}"/>')
            continue
        points = " ".join(f"{x[place]:.1f},{y[place]:.1f}" for place in stretch.tolist())
        found.append(f'<polyline points="{points}" fill="none" stroke="{colour}"/>')
    return found


def _axes(across: _Scale, up: _Scale, size: tuple[int, int]) -> str:
    height, width = size
    parts: list[str] = []
    for label, y in up.marks():
        parts.append(
            f'<line class="line" x1="{_LEFT}" x2="{width}" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text class="soft" x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">'
            f"{text(label)}</text>"
        )
    for label, x in across.marks():
        anchor = "end" if x > width - 20 else "middle"
        parts.append(
            f'<text class="soft" x="{x:.1f}" y="{height - 5}" text-anchor="{anchor}">'
            f"{text(label)}</text>"
        )
    return "".join(parts)
