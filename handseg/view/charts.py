"""Plots as SVG inside a page: bars, histograms, a matrix, curves with axes and trends without.

Colours are the page's, so that they follow light and dark.
"""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from handseg.view.page import key, text
from handseg.view.ticks import labels, ticks

SERIES = ("var(--accent)", "var(--second)", "var(--third)")
"""Colours of what stands side by side."""
_ROW = 19
_CHARACTER = 7.2
"""Pixels of a character of a label, about."""
_FAINT = 'fill="var(--faint)"'
COLUMNS = 800
"""Points of a line at most: what a page cannot show it does not carry."""
MARKS = 6
_LEFT, _BOTTOM, _TOP = 52, 20, 8


class Bar(NamedTuple):
    """A named figure, how much it spreads, and how it is written."""

    name: str
    value: float
    spread: float
    label: str


def bars(rows: Sequence[Bar], width: int = 560) -> str:
    """Horizontal bars with whiskers of one spread to either side."""
    left = _room(row.name for row in rows)
    room = width - left - _room(row.label for row in rows) - 8
    largest = max((row.value + row.spread for row in rows if math.isfinite(row.value)), default=0)
    scale = room / largest if largest > 0 else 0
    parts: list[str] = []
    for place, row in enumerate(rows):
        y = place * _ROW
        parts.append(f'<text x="0" y="{y + 13}">{text(row.name)}</text>')
        if math.isfinite(row.value):
            parts.append(_bar(row, left, y, scale))
        parts.append(
            f'<text class="soft" x="{width}" y="{y + 13}" text-anchor="end">'
            f"{text(row.label)}</text>"
        )
    return _svg(width, len(rows) * _ROW, parts)


def histogram(
    edges: NDArray[np.float64],
    series: Sequence[NDArray[np.float64]],
    unit: str,
    mark: float | None = None,
    size: tuple[int, int] = (190, 520),
) -> str:
    """Several distributions over the same bins, each as shares of its own; a line at `mark`.

    `edges` float64 [bins + 1], each of `series` float64 [bins]; `size` is (height, width).
    """
    height, width = size
    bottom = height - 20
    highest = max((float(values.max(initial=0)) for values in series), default=0.0)
    across = (edges - edges[0]) / (edges[-1] - edges[0]) * width
    parts = [
        _steps(across, values / highest * (bottom - 6) if highest > 0 else values, bottom, colour)
        for values, colour in zip(series, SERIES, strict=False)
    ]
    parts.append(f'<line class="line" x1="0" x2="{width}" y1="{bottom}" y2="{bottom}"/>')
    for share in (0, 0.25, 0.5, 0.75, 1):
        anchor = "start" if share == 0 else "end" if share == 1 else "middle"
        value = edges[0] + share * (edges[-1] - edges[0])
        label = f"{value:g}{unit if share == 1 else ''}"
        parts.append(
            f'<text class="soft" x="{share * width:.0f}" y="{height - 5}" '
            f'text-anchor="{anchor}">{text(label)}</text>'
        )
    if mark is not None:
        x = (mark - float(edges[0])) / float(edges[-1] - edges[0]) * width
        parts.append(
            f'<line class="ink" stroke-dasharray="3 3" x1="{x:.1f}" x2="{x:.1f}" y1="0" '
            f'y2="{bottom}"/>'
        )
    return _svg(width, height, parts)


def matrix(
    names: Sequence[str], values: NDArray[np.float64], titles: Sequence[Sequence[str]]
) -> str:
    """A triangle of squares, the darker the larger; `values` float64 [names, names], 0 to 1.

    Rows and columns are the names; `titles` say what a square is when it is pointed at.
    """
    left, side = _room(names), 15
    width = int(left + len(names) * side + 10)
    top = int(_room(names) * 0.75)
    largest = float(values.max(initial=0.0)) or 1.0
    parts: list[str] = []
    for row, name in enumerate(names):
        y = top + row * side
        parts.append(f'<text x="0" y="{y + 12}">{text(name)}</text>')
        x = left + row * side
        parts.append(
            f'<text transform="translate({x + 11:.0f} {y - 3}) rotate(-55)">{text(name)}</text>'
        )
        for column in range(row):
            strength = math.sqrt(float(values[row, column]) / largest)
            fill = f'fill="var(--accent)" fill-opacity="{strength:.3f}"' if strength else _FAINT
            parts.append(
                f'<rect x="{left + column * side:.0f}" y="{y}" width="{side - 1}" '
                f'height="{side - 1}" {fill}><title>{text(titles[row][column])}</title></rect>'
            )
    return _svg(width + int(top * 0.9), top + len(names) * side, parts)


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
    names = key(list(zip(SERIES, (line.name for line in lines), strict=False)))
    return names + _svg(width, height, parts)


def spark(values: Sequence[float], size: tuple[int, int]) -> str:
    """A line without axes, as high as its own range; `size` is (width, height)."""
    width, height = size
    y = np.asarray(values, np.float64)
    across = _Scale(0, max(1, len(y) - 1), 1, width - 1)
    up = _scale(y, height - 2, 2)
    strokes = _strokes(across.at(np.arange(len(y), dtype=np.float64)), up.at(y), SERIES[0])
    return _svg(width, height, strokes)


def _bar(row: Bar, left: float, y: int, scale: float) -> str:
    length, spread = row.value * scale, row.spread * scale
    low, high = max(0.0, length - spread), length + spread
    return (
        f'<rect x="{left:.0f}" y="{y + 3}" width="{length:.1f}" height="{_ROW - 7}" rx="2" '
        f'fill="var(--accent)" fill-opacity=".75"><title>{text(row.name)}: {text(row.label)}'
        f'</title></rect><line class="ink" stroke-opacity=".6" x1="{left + low:.1f}" '
        f'x2="{left + high:.1f}" y1="{y + 9}" y2="{y + 9}"/>'
    )


def _steps(
    across: NDArray[np.float64], heights: NDArray[np.float64], bottom: int, colour: str
) -> str:
    points = [f"{across[0]:.1f},{bottom}"]
    for place, height in enumerate(heights.tolist()):
        top = bottom - height
        points += [f"{across[place]:.1f},{top:.1f}", f"{across[place + 1]:.1f},{top:.1f}"]
    points.append(f"{across[-1]:.1f},{bottom}")
    return (
        f'<polygon points="{" ".join(points)}" fill="{colour}" fill-opacity=".25" '
        f'stroke="{colour}" stroke-width="1.2"/>'
    )


def _room(labels: Iterable[str]) -> float:
    return max(map(len, labels), default=0) * _CHARACTER + 10


def _svg(width: int, height: int, parts: Sequence[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}">{"".join(parts)}</svg>'
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
