"""The competition's run-length text and masks of pixels, to and from runs.

The text is `start length start length …`: row-major, starts count from 1, a run may go on in the
next row and may end at the last pixel.
"""

import re
from operator import add
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from handseg.errors import InputError
from handseg.rle.digits import BLANKS, WORD, written
from handseg.rle.normal_form import Runs, empty, is_normal, united

_LARGEST = 2**40
"""No image has so many pixels; a row's number and a weight still fit beside such a position."""
_WHOLE = re.compile(rb"(?<=[0-9])\.0*(?=[ \t\r\n]|$)")
"""What makes a whole number look like a fraction: `7.0` for 7."""


class RleError(InputError, ValueError):
    """A run-length text that cannot be read."""


class BoundsError(RleError):
    """A run that goes on behind the last pixel of its image."""


def past_the_end(end: int, size: tuple[int, int]) -> BoundsError:
    """The fault of a run that ends at pixel `end`, counted from 1, of an image (height, width)."""
    height, width = size
    return BoundsError(
        f"a run ends at pixel {end}, past the image of {height} × {width} ({height * width} pixels)"
    )


class Disorder(NamedTuple):
    """How many runs had to be brought to order."""

    unsorted: int = 0
    overlapping: int = 0
    touching: int = 0
    zero_length: int = 0

    @property
    def total(self) -> int:
        return sum(self)

    def plus(self, other: "Disorder") -> "Disorder":
        return Disorder(*map(add, self, other))


def read(text: str | bytes) -> tuple[Runs, Disorder]:
    """Like `parse`, with what had to be brought to order."""
    runs = _raw(text)
    if is_normal(runs):
        return runs, Disorder()
    return united(runs), _disorder(runs)


def _disorder(runs: Runs) -> Disorder:
    zero = int((runs[:, 0] == runs[:, 1]).sum())
    runs = runs[runs[:, 0] < runs[:, 1]]
    unsorted = int((runs[1:, 0] < runs[:-1, 0]).sum())
    runs = runs[np.argsort(runs[:, 0], kind="stable")]
    reach = np.maximum.accumulate(runs[:, 1])[:-1]
    overlapping, touching = (runs[1:, 0] < reach).sum(), (runs[1:, 0] == reach).sum()
    return Disorder(unsorted, int(overlapping), int(touching), zero)


def parse(text: str | bytes) -> Runs:
    """The runs of a run-length text; unsorted, overlapping, touching, empty runs are united.

    Raises RleError, which is a ValueError, if there is anything but figures and blanks, if a
    length is missing, if a start is 0 or a figure is beyond any image.
    """
    return united(_raw(text))


def _raw(text: str | bytes) -> Runs:
    """The runs as they stand, not brought to order."""
    numbers = _figures(text.encode("utf-8") if isinstance(text, str) else text)
    if len(numbers) % 2:
        raise RleError(f"an odd number of figures ({len(numbers)}): a start without its length")
    runs = numbers.reshape(-1, 2)
    if not runs.size:
        return runs
    if runs.max() > _LARGEST:
        raise RleError(f"a figure beyond any image ({runs.max()} or more)")
    if not runs[:, 0].all():
        raise RleError("a start of 0: starts count from 1")
    runs[:, 0] -= 1
    runs[:, 1] += runs[:, 0]
    return runs


def _figures(text: bytes) -> NDArray[np.int64]:
    if b"." in text:
        text = _WHOLE.sub(b"", text)
    strange = text.translate(None, b"0123456789" + BLANKS)
    if strange:
        if b"-" in strange:
            raise RleError("a negative figure")
        raise RleError(f"{strange[:20].decode('utf-8', 'replace')!r} where figures are expected")
    if not text.strip(BLANKS):
        return empty().reshape(-1)
    return np.fromstring(text, dtype=np.int64, sep=" ")  # text mode; figures too large saturate


def format(runs: Runs) -> str:  # noqa: A001 - read as `rle.format`
    """The run-length text of `runs` (normal form); an empty mask gives an empty text."""
    figures = np.empty_like(runs)
    figures[:, 0] = runs[:, 0] + 1
    figures[:, 1] = runs[:, 1] - runs[:, 0]
    text, _ = text_of(figures.ravel())
    return text[:-1].decode()


def text_of(figures: NDArray[np.int64]) -> tuple[bytes, NDArray[np.intp]]:
    """The figures, a blank behind each, and where each begins; the length of the text behind."""
    if figures.max(initial=0) < 10**WORD:
        return written(figures.astype(np.uint32))
    words = [b"%d " % figure for figure in figures.tolist()]
    places = np.zeros(len(words) + 1, dtype=np.intp)
    np.cumsum([len(word) for word in words], out=places[1:])
    return b"".join(words), places


def from_mask(mask: NDArray[np.bool_] | NDArray[np.uint8]) -> Runs:
    """The runs of the pixels of `mask` [H, W] that are not 0."""
    box = _box(mask)
    if box is None:
        return empty()
    rows, columns = box
    inside = mask[rows, columns]
    height, width = inside.shape
    # A column of zeros parts the rows of a box; runs of whole rows go on in the next one.
    line = width + (width < mask.shape[1])
    flat = np.zeros(height * line + 2, dtype=np.bool_)
    np.not_equal(inside, 0, out=flat[1:-1].reshape(height, line)[:, :width])
    edges = np.flatnonzero(flat[1:] != flat[:-1])
    edges += edges // line * (mask.shape[1] - line) + rows.start * mask.shape[1] + columns.start
    return edges.astype(np.int64, copy=False).reshape(-1, 2)


def _box(mask: NDArray[np.bool_] | NDArray[np.uint8]) -> tuple[slice, slice] | None:
    """Rows and columns that hold all pixels of a mask, not always the fewest; None without any."""
    unit = 1
    if mask.itemsize == 1 and mask.flags.c_contiguous and mask.shape[1] % 8 == 0:
        # Eight pixels at a time: most of a mask is empty, and only looked at here.
        mask, unit = mask.view(np.uint8).view(np.uint64), 8  # type: ignore[assignment]
    rows = np.flatnonzero(np.bitwise_or.reduce(mask, axis=1))
    if not len(rows):
        return None
    used = slice(int(rows[0]), int(rows[-1]) + 1)
    columns = np.flatnonzero(np.bitwise_or.reduce(mask[used], axis=0))
    return used, slice(unit * int(columns[0]), unit * (int(columns[-1]) + 1))


def to_mask(runs: Runs, shape: tuple[int, int]) -> NDArray[np.uint8]:
    """The mask, uint8 [H, W] of 0 and 1, of `runs` (normal form); `shape` is (H, W).

    Raises RleError if a run ends past the last pixel.
    """
    height, width = shape
    if len(runs) and runs[-1, 1] > height * width:
        raise past_the_end(int(runs[-1, 1]), shape)
    flat = np.zeros(height * width, dtype=np.uint8)
    for start, end in runs.tolist():
        flat[start:end] = 1
    return flat.reshape(height, width)
