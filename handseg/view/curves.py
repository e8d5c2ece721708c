"""Numbers as small drawings of characters: sparklines, and curves of runs over each other."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from handseg.view import braille, columns
from handseg.view.columns import Floats, Places

BARS = "▁▂▃▄▅▆▇█"
_SIGNS = (*BARS, " ")
"""The last one, −1, where there is no value."""
NO_CURVE = -1
"""The owner of a cell in which no curve lies."""
CUT = (1.0, 99.0)
"""Percentiles of what is seen between which the axis runs."""
MARGIN = 0.02
"""Of the axis, kept free above and below."""


def sparkline(values: Sequence[float], width: int, least: float = 0.0) -> str:
    """The values as at most `width` bars from their lowest to their highest; blanks where none.

    More values than bars are averaged in groups. Values that lie closer together than `least` keep
    to the middle: they do not fill the height with what is noise.
    """
    return _sparkline(tuple(values), width, least)


@lru_cache(maxsize=4096)
def _sparkline(values: tuple[float, ...], width: int, least: float) -> str:
    """Kept: a table asks for those of all its rows again and again."""
    return sparklines(np.array(values, np.float64)[:, None], width, least)[0]


def sparklines(values: Floats, width: int, least: float = 0.0) -> list[str]:
    """A sparkline of each column of `values`, float64[n, columns]."""
    count, many = values.shape
    groups = min(width, count)
    if groups < 1:
        return [""] * many
    heights = _means_of_groups(values, groups)
    known = np.isfinite(heights)
    low = np.where(known, heights, math.inf).min(axis=0)
    high = np.where(known, heights, -math.inf).max(axis=0)
    any_known = known.any(axis=0)
    low, high = np.where(any_known, low, 0.0), np.where(any_known, high, 0.0)
    span = np.maximum(high - low, least)
    start = (low + high - span) / 2
    share = np.where(span > 0, (heights - start) / np.where(span > 0, span, 1.0), 0.5)
    bars = np.where(known, np.minimum(share * len(BARS), len(BARS) - 1), -1.0).astype(np.int64)
    return ["".join([_SIGNS[int(bar)] for bar in line]) for line in bars.T]


def _means_of_groups(values: Floats, groups: int) -> Floats:
    """The means of what is finite, float64[groups, columns]; the first groups are the larger."""
    count = len(values)
    sizes = [count // groups + (place < count % groups) for place in range(groups)]
    starts = np.cumsum([0, *sizes[:-1]])
    finite = np.isfinite(values)
    numbers = np.add.reduceat(finite, starts, axis=0, dtype=np.int64)
    total = np.add.reduceat(np.where(finite, values, 0.0), starts, axis=0)
    return np.where(numbers > 0, total / np.maximum(numbers, 1), np.nan)


@dataclass(frozen=True, eq=False)
class Curve:
    """A series: values float64[n] at places that rise; what is drawn lies at places / `unit`."""

    x: Places
    y: Floats
    unit: float = 1.0

    def same_as(self, other: "Curve") -> bool:
        """Whether it has the same values at the same places."""
        return (
            self.unit == other.unit
            and np.array_equal(self.x, other.x)
            and np.array_equal(self.y, other.y, equal_nan=True)
        )

    @property
    def reach(self) -> tuple[float, float]:
        """The first and the last place; NaN without any."""
        if not len(self.x):
            return math.nan, math.nan
        return float(self.x[0]) / self.unit, float(self.x[-1]) / self.unit


@dataclass(frozen=True)
class Viewport:
    """The stretch of x that is drawn, the size in cells (two dots wide, four high) and how."""

    x: tuple[float, float]
    width: int
    height: int
    smoothing: float = 0.0
    logarithmic: bool = False
    least: float = 0.0
    """What a linear axis of values is long at least."""

    @property
    def columns(self) -> int:
        return 2 * self.width

    def column_of(self, x: float) -> float:
        """The column of dots, not rounded, of a place."""
        span = max(self.x[1] - self.x[0], 1e-12)
        return (x - self.x[0]) / span * (self.columns - 1)

    def place_of(self, column: float) -> float:
        """The place in the middle of a column of dots."""
        return self.x[0] + (self.x[1] - self.x[0]) * column / max(1, self.columns - 1)


@dataclass(frozen=True, eq=False)
class CurveLine:
    """What is drawn of a curve in each column of dots, float64[columns], NaN where nothing.

    `line` is smoothed and joined between values that lie apart; `low` and `high` are the extremes
    of what was logged. All are logarithms (base 10) on a logarithmic axis. `values` are the
    smoothed values themselves, where there are any.
    """

    line: Floats
    low: Floats
    high: Floats
    values: Floats

    def read(self, column: int | None = None) -> float:
        """The value nearest to a column of dots; NaN where the curve has not begun, or ended.

        Without a column the last value that is seen.
        """
        known = np.flatnonzero(np.isfinite(self.values))
        if not known.size:
            return math.nan
        if column is None:
            return float(self.values[known[-1]])
        if not np.isfinite(self.line[column : column + 2]).any():
            return math.nan
        return float(self.values[known[np.abs(known - column).argmin()]])


@dataclass(frozen=True, eq=False)
class CurveRaster:
    """Curves over each other: of each cell [h, w] its braille code (0 to 255) and whose it is.

    `owner` int16 is the index of the curve, the later one wins, `NO_CURVE` where none lies; `band`
    bool are the cells between the extremes of the chosen curve; `clipped` uint8[2, w] is the
    owner + 1 of the curve that runs out of the picture above and below, 0 where none does. `y` is
    the range of the axis, in values.
    """

    codes: NDArray[np.uint8]
    owner: NDArray[np.int16]
    band: NDArray[np.bool_]
    clipped: NDArray[np.uint8]
    y: tuple[float, float]
    logarithmic: bool

    def row_of(self, value: float) -> float:
        """The row of cells, from the top and not rounded, at which a value lies."""
        height = self.codes.shape[0]
        low, high, value = (
            (math.log10(one) if one > 0 else -math.inf) if self.logarithmic else one
            for one in (*self.y, value)
        )
        return float(braille.rows_of(np.array([value]), low, high, height)[0]) / 4


def line_of(curve: Curve, frame: Viewport) -> CurveLine:
    """Reduce a curve to the columns of a frame, smooth it and join what lies apart."""
    lead = min(columns.warm_up(frame.smoothing), 4 * frame.columns)
    borders = columns.edges(*frame.x, frame.columns, lead) * curve.unit
    found = columns.reduced(curve.x, curve.y, borders)
    values = columns.smoothed(found.mean, frame.smoothing)
    shown = _scaled(values, frame)
    low, high = (_scaled(one[lead:], frame) for one in (found.low, found.high))
    broken = found.broken | (np.isfinite(values) & ~np.isfinite(shown))
    joined = _joined(shown, broken, curve, frame, lead)
    return CurveLine(joined, low, high, values[lead:])


def _scaled(values: Floats, frame: Viewport) -> Floats:
    """Logarithms on a logarithmic axis, NaN for what has none."""
    if not frame.logarithmic:
        return values
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.log10(values)
    return np.where(np.isfinite(found), found, np.nan)


def _joined(
    values: Floats, broken: NDArray[np.bool_], curve: Curve, frame: Viewport, lead: int
) -> Floats:
    """The columns of the frame with straight lines over those without a value, except broken ones.

    A line goes on to the nearest value left and right of the frame, too.
    """
    places = np.flatnonzero(np.isfinite(values)).astype(np.float64)
    heights = values[places.astype(np.intp)]
    breaks = np.flatnonzero(broken).astype(np.float64)
    places, heights, breaks = places - lead, heights, breaks - lead
    for index, at_left in _neighbours(curve, frame, lead):
        beyond = frame.column_of(float(curve.x[index]) / curve.unit)
        height = _scaled(curve.y[index : index + 1], frame)
        if not math.isfinite(height[0]):
            breaks = np.append(breaks, beyond)
        elif at_left:
            places, heights = np.insert(places, 0, beyond), np.insert(heights, 0, height)
        else:
            places, heights = np.append(places, beyond), np.append(heights, height)
    line = np.arange(frame.columns, dtype=np.float64)
    if not places.size:
        return np.full(frame.columns, np.nan)
    found = np.interp(line, places, heights, left=np.nan, right=np.nan)
    return np.where(_in_gap(line, places, np.sort(breaks)), np.nan, found)


def _neighbours(curve: Curve, frame: Viewport, lead: int) -> list[tuple[int, bool]]:
    """The indices of the values just left and right of what was reduced, and which they are."""
    borders = columns.edges(*frame.x, frame.columns, lead)[[0, -1]] * curve.unit
    first, last = columns.cut(curve.x, borders).tolist()
    found = [(first - 1, True)] if first > 0 else []
    return [*found, (last, False)] if last < len(curve.x) else found


def _in_gap(line: Floats, places: Floats, breaks: Floats) -> NDArray[np.bool_]:
    """Whether a break lies between the values left and right of a column that has none itself."""
    after = np.searchsorted(places, line)
    inside = np.clip(after, 0, len(places) - 1)
    own = places[inside] == line
    before = places[np.clip(after - 1, 0, None)]
    passed = np.searchsorted(breaks, places[inside]) - np.searchsorted(breaks, before, "right")
    return ~own & (passed > 0)


def value_range(
    lines: Sequence[CurveLine], chosen: int | None = None, least: float = 0.0
) -> tuple[float, float]:
    """From the 1st to the 99th percentile of what is seen, never empty; 0 to 1 for nothing.

    It is at least `least` long. Of the chosen line its extremes count too. On a logarithmic axis
    these are logarithms.
    """
    pool = [one.line for one in lines]
    if chosen is not None:
        pool += [lines[chosen].low, lines[chosen].high]
    values = np.concatenate([np.empty(0), *pool])
    finite = values[np.isfinite(values)]
    if not finite.size:
        return 0.0, 1.0
    low, high = (float(value) for value in np.percentile(finite, CUT))
    if high - low < least:
        start = max((low + high - least) / 2, min(0.0, low))
        return start, start + least
    if high - low <= 1e-9 * max(abs(low), abs(high)):
        margin = abs(low) * 0.05 or 1e-3
        return low - margin, high + margin
    margin = MARGIN * (high - low)
    return max(low - margin, min(0.0, low)), high + margin


def draw(lines: Sequence[CurveLine], frame: Viewport, chosen: int | None = None) -> CurveRaster:
    """Draw lines over each other, the later ones above; of the chosen one the band as well."""
    low, high = value_range(lines, chosen, 0.0 if frame.logarithmic else frame.least)
    size = (frame.height, frame.width)
    found, owner = np.zeros(size, np.uint8), np.full(size, NO_CURVE, np.int16)
    clipped = np.zeros((2, frame.width), np.uint8)
    for index, one in enumerate(lines):
        rows = braille.rows_of(one.line, low, high, frame.height)
        line = braille.line_codes(rows, frame.height)
        found |= line
        owner[line > 0] = index
        last = 4 * frame.height - 1
        for place, outside in enumerate((rows < -0.5, rows > last + 0.5)):
            clipped[place][outside.reshape(-1, 2).any(axis=1)] = index + 1
    band = np.zeros(size, np.bool_)
    if chosen is not None:
        band = _band(lines[chosen], low, high, frame)
    y = (10.0**low, 10.0**high) if frame.logarithmic else (low, high)
    return CurveRaster(found, owner, band, clipped, y, frame.logarithmic)


def _band(line: CurveLine, low: float, high: float, frame: Viewport) -> NDArray[np.bool_]:
    """The cells that lie between the extremes, of either of their columns of dots.

    None where no column holds several values and nothing is smoothed: the line tells it all.
    """
    if not frame.smoothing and not (line.high > line.low).any():
        return np.zeros((frame.height, frame.width), np.bool_)
    least, most = (one.reshape(-1, 2) for one in (line.low, line.high))
    bottom, top = np.fmin(least[:, 0], least[:, 1]), np.fmax(most[:, 0], most[:, 1])
    first, last = (
        np.floor(braille.rows_of(one, low, high, frame.height) / 4) for one in (top, bottom)
    )
    rows = np.arange(frame.height)[:, None]
    return (rows >= first) & (rows <= last) & (top > bottom)
