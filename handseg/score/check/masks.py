"""Every mask of a submission measured in one reading: area, centre, pieces, order of its runs."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from handseg import rle
from handseg.reporter import Progress, silent
from handseg.rle.codec import BoundsError, past_the_end
from handseg.rle.geometry import rows_crossed, segments, shapes
from handseg.rle.pieces import pieces
from handseg.rle.submission import Submission
from handseg.score.check.expected import Expected

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]

_ROWS = 256
"""So many rows are read at a time."""
_SEGMENTS = 1 << 17
"""How many pieces of runs are measured at a time: memory does not grow with the file."""


@dataclass(frozen=True)
class BadRow:
    """A row whose runs cannot be read, or pass the end of the image."""

    row: int
    details: str
    past_the_end: bool
    counts_from_zero: bool
    """Starts at 0 are all that is wrong with it."""


@dataclass
class Masks:
    """What stands in the rows of a submission, in their order; arrays are [rows].

    Of rows that are `bad` the figures are 0 and the centres NaN.
    """

    keys: list[tuple[str, str]]
    bad: dict[int, BadRow]
    runs: Integers
    end: Integers
    """The pixel after the last run."""
    area: Integers
    x: Floats
    y: Floats
    pieces: Integers
    second: Integers
    """Pixels of the second largest piece."""
    wrapped: Integers
    """Runs that begin in the last column and go on in the next row."""
    disorder: Integers
    """[rows, 4]: runs that are unsorted, overlapping, touching, of length 0."""
    decimals: NDArray[np.bool_]
    """Rows whose figures are written with a decimal point, as in `7.0`."""
    _waiting: list[tuple[int, rle.Runs, int]] = field(default_factory=list)
    _segments: int = 0

    @classmethod
    def of(cls, keys: list[tuple[str, str]]) -> "Masks":
        """Nothing measured yet."""
        counts = [np.zeros(len(keys), dtype=np.int64) for _ in range(6)]
        runs, end, area, parts, second, wrapped = counts
        x, y = np.full((2, len(keys)), np.nan)
        disorder = np.zeros((len(keys), 4), dtype=np.int64)
        decimals = np.zeros(len(keys), dtype=np.bool_)
        return cls(keys, {}, runs, end, area, x, y, parts, second, wrapped, disorder, decimals)

    def add(self, row: int, runs: rle.Runs, width: int) -> None:
        """Take the mask of a row; it is measured with others."""
        self.runs[row] = len(runs)
        if not len(runs):
            return
        self.end[row] = runs[-1, 1]
        self._waiting.append((row, runs, width))
        self._segments += rows_crossed(runs, width)
        if self._segments >= _SEGMENTS:
            self.measure()

    def measure(self) -> None:
        """Measure the masks that wait."""
        if not self._waiting:
            return
        rows, masks, widths = zip(*self._waiting, strict=True)
        self._waiting, self._segments = [], 0
        place, count = np.array(rows), len(rows)
        cut = segments(masks, widths)
        shape, parts = shapes(cut, count), pieces(cut, count)
        self.area[place], self.x[place], self.y[place] = shape
        self.pieces[place], self.second[place] = parts
        self.wrapped[place] = [_wrapped(*pair) for pair in zip(masks, widths, strict=True)]


def read_masks(
    submission: Submission,
    expected: Expected,
    widths: Mapping[str, int],
    progress: Progress = silent,
) -> Masks:
    """Read each row once and measure its mask.

    `widths` are those of images whose runs show another width than `expected`: they are measured
    as what they are.
    """
    masks = Masks.of(submission.keys())
    total = len(masks.keys)
    for first in range(0, total, _ROWS):
        rows = np.arange(first, min(first + _ROWS, total))
        progress(first, total, masks.keys[first][0])
        for row, text in zip(rows.tolist(), submission.texts(rows), strict=True):
            image = masks.keys[row][0]
            _take(masks, row, text, expected.size(image), widths.get(image))
    masks.measure()
    progress(total, total)
    return masks


def _take(masks: Masks, row: int, text: bytes, size: tuple[int, int], width: int | None) -> None:
    try:
        runs, disorder = rle.read(text)
        if len(runs) and runs[-1, 1] > size[0] * size[1]:
            raise past_the_end(int(runs[-1, 1]), size)
    except rle.RleError as error:
        past = isinstance(error, BoundsError)
        masks.bad[row] = BadRow(row, error.message, past, not past and counts_from_zero(text))
        return
    masks.disorder[row] = disorder
    masks.decimals[row] = b"." in text
    masks.add(row, runs, width or size[1])


def counts_from_zero(text: bytes) -> bool:
    """Whether a run starts at 0, and the text would be right if all starts were one more."""
    figures = text.split()
    if not any(figure.strip(b"0") in (b"", b".") for figure in figures[::2]):
        return False
    try:
        read_from_zero(text)
    except rle.RleError:
        return False
    return True


def read_from_zero(text: bytes) -> tuple[rle.Runs, rle.Disorder]:
    """Like `rle.read`, of a text whose starts count from 0; raises RleError likewise."""
    figures = text.split()
    for place in range(0, len(figures), 2):
        whole, _, rest = figures[place].partition(b".")
        if whole.isdigit() and not rest.strip(b"0"):
            figures[place] = b"%d" % (int(whole) + 1) if len(whole) < 20 else whole
    return rle.read(b" ".join(figures))


def _wrapped(runs: rle.Runs, width: int) -> int:
    at_the_edge = runs[:, 0] % width == width - 1
    return int((at_the_edge & (runs[:, 1] - runs[:, 0] > 1)).sum())
