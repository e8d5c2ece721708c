"""Numbers as small drawings of characters: sparklines and braille curves."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BARS = "▁▂▃▄▅▆▇█"

# The dots of a braille cell by row and column (Unicode 11, section 21.1).
_DOTS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]], np.uint8)


def sparkline(values: Sequence[float], width: int) -> str:
    """The values as at most `width` bars from their lowest to their highest; blanks where none.

    More values than bars are averaged in groups.
    """
    if width < 1 or not len(values):
        return ""
    numbers = np.asarray(values, np.float64)
    groups = np.array_split(numbers, min(width, len(numbers)))
    heights = [_finite_mean(group) for group in groups]
    finite = [height for height in heights if math.isfinite(height)]
    if not finite:
        return " " * len(heights)
    low, span = min(finite), max(finite) - min(finite)
    return "".join(_bar(height, low, span) for height in heights)


def _bar(height: float, low: float, span: float) -> str:
    if not math.isfinite(height):
        return " "
    share = (height - low) / span if span > 0 else 0.5
    return BARS[min(len(BARS) - 1, int(share * len(BARS)))]


def _finite_mean(values: NDArray[np.float64]) -> float:
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if finite.size else math.nan


@dataclass(frozen=True)
class Frame:
    """The ranges of a drawing and its size in cells; a cell is 2 dots wide and 4 high."""

    x: tuple[float, float]
    y: tuple[float, float]
    width: int
    height: int


def value_range(values: NDArray[np.float64]) -> tuple[float, float]:
    """From the 1st to the 99th percentile of the finite values, never empty; 0 to 1 for none."""
    finite = values[np.isfinite(values)]
    if not finite.size:
        return 0.0, 1.0
    low, high = (float(value) for value in np.percentile(finite, [1, 99]))
    if high - low < 1e-9:
        margin = max(abs(low) * 0.05, 1e-3)
        return low - margin, high + margin
    return low, high


def columns(x: NDArray[np.float64], y: NDArray[np.float64], frame: Frame) -> NDArray[np.float64]:
    """The mean of y in each column of dots, float64[2 · width]; NaN where nothing lies.

    x rises. Non-finite values are gaps.
    """
    count = 2 * frame.width
    span = max(frame.x[1] - frame.x[0], 1e-12)
    places = np.clip(((x - frame.x[0]) / span * (count - 1)).round(), 0, count - 1).astype(int)
    finite = np.isfinite(y)
    total = np.bincount(places[finite], weights=y[finite], minlength=count)
    number = np.bincount(places[finite], minlength=count)
    return np.divide(total, number, out=np.full(count, np.nan), where=number > 0)


def curve(x: NDArray[np.float64], y: NDArray[np.float64], frame: Frame) -> list[str]:
    """A curve in braille, `height` lines of `width` characters; what is outside is clipped."""
    if frame.width < 1 or frame.height < 1:
        return []
    means = columns(x, y, frame)
    dots = np.zeros((4 * frame.height, 2 * frame.width), np.bool_)
    places = np.flatnonzero(np.isfinite(means))
    if places.size:
        rows = _rows(means[places], frame)
        line: NDArray[np.intp] = np.arange(int(places[0]), int(places[-1]) + 1, dtype=np.intp)
        joined = np.rint(np.interp(line, places, rows)).astype(np.intp)
        _draw(dots, line, joined)
    return _characters(dots)


def _rows(values: NDArray[np.float64], frame: Frame) -> NDArray[np.float64]:
    span = max(frame.y[1] - frame.y[0], 1e-12)
    last = 4 * frame.height - 1
    return np.clip((frame.y[1] - values) / span * last, 0, last)


def _draw(dots: NDArray[np.bool_], line: NDArray[np.intp], rows: NDArray[np.intp]) -> None:
    """Set a dot in each column, and those between it and the one before."""
    before = rows[0]
    for column, row in zip(line, rows, strict=True):
        low, high = sorted((before + (row > before) - (row < before), row))
        dots[low : high + 1, column] = True
        before = row


def _characters(dots: NDArray[np.bool_]) -> list[str]:
    height, width = dots.shape[0] // 4, dots.shape[1] // 2
    cells = dots.reshape(height, 4, width, 2).transpose(0, 2, 1, 3)
    codes = (cells * _DOTS).sum(axis=(2, 3))
    return ["".join(chr(0x2800 + code) if code else " " for code in row) for row in codes]
