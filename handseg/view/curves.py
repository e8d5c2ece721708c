"""Numbers as small drawings of characters: sparklines, and curves of runs over each other.

A long series is reduced to the columns of the drawing (least, greatest and mean of each, smoothed)
and drawn as a line of braille: a cell is two dots wide and four high.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Places = NDArray[np.int64] | NDArray[np.float64]
"""Where the values of a series lie, rising: steps or epochs."""

BARS = "▁▂▃▄▅▆▇█"
_SIGNS = (*BARS, " ")
"""The last one, −1, where there is no value."""
NO_CURVE = -1
"""The owner of a cell in which no curve lies."""
CUT = (1.0, 99.0)
"""Percentiles of what is seen between which the axis runs."""
MARGIN = 0.02
"""Of the axis, kept free above and below."""
BLANK = 0x2800
"""The braille cell without a dot; a code is added to it."""

# The dots of a braille cell by row and column (Unicode 11, section 21.1).
_DOTS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]], np.uint8)


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

    def nearest(self, place: float, slack: float = 0.0) -> tuple[float, float]:
        """Place and value nearest to a place; NaN where the curve has not begun, or ended.

        `slack` is how far off the ends still count.
        """
        known = np.flatnonzero(np.isfinite(self.y))
        places = self.x[known] / self.unit
        if not known.size or not places[0] - slack <= place <= places[-1] + slack:
            return math.nan, math.nan
        at = int(np.abs(places - place).argmin())
        return float(places[at]), float(self.y[known[at]])


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
        return float(dot_rows(np.array([value]), low, high, height)[0]) / 4


def line_of(curve: Curve, frame: Viewport) -> CurveLine:
    """Reduce a curve to the columns of a frame, smooth it and join what lies apart."""
    lead = min(warm_up(frame.smoothing), 4 * frame.columns)
    borders = column_edges(*frame.x, frame.columns, lead) * curve.unit
    found = reduce_columns(curve.x, curve.y, borders)
    values = smooth(found.mean, frame.smoothing)
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
    borders = column_edges(*frame.x, frame.columns, lead)[[0, -1]] * curve.unit
    first, last = places_at(curve.x, borders).tolist()
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


@dataclass(frozen=True)
class Columns:
    """The values that lie in each column, float64[n]; NaN where none of them is finite."""

    low: Floats
    high: Floats
    mean: Floats
    broken: NDArray[np.bool_]
    """Columns that hold values of which none is finite: there a line ends."""


def column_edges(low: float, high: float, count: int, lead: int = 0) -> Floats:
    """Borders of `count` columns whose middles run from `low` to `high`; `lead` more before.

    float64[lead + count + 1], one column apart.
    """
    width = max(high - low, 1e-12) / max(1, count - 1)
    return np.asarray(low + (np.arange(-lead, count + 1) - 0.5) * width, np.float64)


def reduce_columns(x: Places, y: Floats, borders: Floats) -> Columns:
    """The columns between `borders` (float64[n + 1], rising) of values y at places x, rising.

    A value at a border belongs to the column that begins there. Infinite values count as none.
    """
    cuts = places_at(x, borders)
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


def places_at(x: Places, borders: Floats) -> NDArray[np.intp]:
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


def smooth(values: Floats, factor: float) -> Floats:
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
    """Draw lines over each other, the later ones above.

    Args:
        lines: what `line_of` made of the curves in this frame.
        frame: the stretch of x and the size in cells, two dots wide and four high.
        chosen: the index of the line whose band of extremes is drawn as well.
    """
    low, high = value_range(lines, chosen, 0.0 if frame.logarithmic else frame.least)
    size = (frame.height, frame.width)
    found, owner = np.zeros(size, np.uint8), np.full(size, NO_CURVE, np.int16)
    clipped = np.zeros((2, frame.width), np.uint8)
    for index, one in enumerate(lines):
        rows = dot_rows(one.line, low, high, frame.height)
        line = line_codes(rows, frame.height)
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
    first, last = (np.floor(dot_rows(one, low, high, frame.height) / 4) for one in (top, bottom))
    rows = np.arange(frame.height)[:, None]
    return (rows >= first) & (rows <= last) & (top > bottom)


def dot_rows(values: Floats, low: float, high: float, height: int) -> Floats:
    """The row of dots, from the top, at which each value lies; beyond 0 and 4 · height − 1 too."""
    return (high - values) / max(high - low, 1e-300) * (4 * height - 1)


def line_codes(rows: Floats, height: int) -> NDArray[np.uint8]:
    """The cells of a line, uint8[height, columns / 2], that lies at `rows` in each column of dots.

    Neighbouring columns are joined; NaN is a gap. What lies outside is clipped to the border.
    """
    last = 4 * height - 1
    here = np.rint(np.clip(rows, 0, last))
    before = np.concatenate([[np.nan], here[:-1]])
    before = np.where(np.isnan(before), here, before)
    # From beside the last column's dot to this one's own.
    start = before + np.sign(here - before)
    top, bottom = np.fmin(start, here), np.fmax(start, here)
    places = np.arange(last + 1)[:, None]
    # Comparing with NaN is false: no dot.
    return braille_codes((places >= top) & (places <= bottom))


def braille_codes(dots: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """The codes, uint8[h, w], of dots bool[4 · h, 2 · w]."""
    height, width = dots.shape[0] // 4, dots.shape[1] // 2
    cells = dots.reshape(height, 4, width, 2).astype(np.uint8)
    return np.einsum("hrwc,rc->hw", cells, _DOTS)
