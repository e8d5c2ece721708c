"""Runs: their canonical form, and the competition's run-length text and pixels to and from them.

The text is `start length start length …`: row-major, starts count from 1, a run may go on in the
next row and may end at the last pixel.
"""

import re
from collections.abc import Sequence
from operator import add
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from handseg.errors import InputError
from handseg.text import pixels_text

Runs: TypeAlias = NDArray[np.int64]
"""The runs of one mask, shape [n, 2]: half-open, 0-based [start, end) into the row-major flattened
mask; sorted, disjoint, none empty, none touching the next. A mask has exactly one such form."""

BLANKS = b" \t\r\n"
"""What may stand between figures."""
_LARGEST = 2**40
"""No image has so many pixels; a row's number and a weight still fit beside such a position."""
_WHOLE = re.compile(rb"(?<=[0-9])\.0*(?=[ \t\r\n]|$)")
"""What makes a whole number look like a fraction: `7.0` for 7."""
_WORD = 8
"""Bytes of a machine word, and digits of the longest figure that is read and written as one."""
_U64 = np.uint64


class RleError(InputError, ValueError):
    """A run-length text that cannot be read."""


class BoundsError(RleError):
    """A run that goes on behind the last pixel of its image."""


def past_the_end(end: int, size: tuple[int, int]) -> BoundsError:
    """The fault of a run that ends at pixel `end`, counted from 1, of an image (height, width)."""
    whole = size[0] * size[1]
    return BoundsError(
        f"a run ends at pixel {end}, past the image of {pixels_text(size)} ({whole} pixels)"
    )


def check_bounds(runs: Runs, size: tuple[int, int]) -> None:
    """Raise BoundsError where runs go on behind the last pixel of an image (height, width)."""
    if len(runs) and runs[-1, 1] > size[0] * size[1]:
        raise past_the_end(int(runs[-1, 1]), size)


class NormalizationStats(NamedTuple):
    """How many runs had to be changed on the way to the canonical form, by what was wrong."""

    unsorted: int = 0
    overlapping: int = 0
    touching: int = 0
    zero_length: int = 0

    @property
    def total(self) -> int:
        return sum(self)

    def plus(self, other: "NormalizationStats") -> "NormalizationStats":
        return NormalizationStats(*map(add, self, other))


def empty() -> Runs:
    """The runs of an empty mask, shape [0, 2]."""
    return np.empty((0, 2), dtype=np.int64)


def is_canonical(runs: Runs) -> bool:
    """Whether `runs` (shape [n, 2]) is sorted, without empty, overlapping or touching runs."""
    return bool((runs[:, 0] < runs[:, 1]).all() and (runs[1:, 0] > runs[:-1, 1]).all())


def canonical(runs: Runs) -> Runs:
    """The canonical form of runs in any order, which may be empty, overlap or touch.

    `runs` has shape [n, 2] and holds [start, end) with start <= end. Returns `runs` itself if it is
    canonical already.
    """
    if is_canonical(runs):
        return runs
    runs = runs[runs[:, 0] < runs[:, 1]]
    runs = runs[np.argsort(runs[:, 0], kind="stable")]
    reach = np.maximum.accumulate(runs[:, 1])
    opens = np.ones(len(runs), dtype=np.bool_)
    opens[1:] = runs[1:, 0] > reach[:-1]
    closes = np.append(opens[1:], True)[: len(runs)]
    return np.column_stack((runs[opens, 0], reach[closes]))


def parse(text: str | bytes) -> Runs:
    """The runs of a run-length text; unsorted, overlapping, touching, empty runs are united.

    Raises RleError, which is a ValueError, if there is anything but figures and blanks, if a
    length is missing, if a start is 0 or a figure is beyond any image.
    """
    return canonical(_as_written(text))


def read(text: str | bytes) -> tuple[Runs, NormalizationStats]:
    """Like `parse`, with what had to be brought to order."""
    runs = _as_written(text)
    if is_canonical(runs):
        return runs, NormalizationStats()
    return canonical(runs), _stats(runs)


def _stats(runs: Runs) -> NormalizationStats:
    zero = int((runs[:, 0] == runs[:, 1]).sum())
    runs = runs[runs[:, 0] < runs[:, 1]]
    unsorted = int((runs[1:, 0] < runs[:-1, 0]).sum())
    runs = runs[np.argsort(runs[:, 0], kind="stable")]
    reach = np.maximum.accumulate(runs[:, 1])[:-1]
    overlapping, touching = (runs[1:, 0] < reach).sum(), (runs[1:, 0] == reach).sum()
    return NormalizationStats(unsorted, int(overlapping), int(touching), zero)


def _as_written(text: str | bytes) -> Runs:
    """The runs as they stand, not brought to order."""
    data = text.encode("utf-8") if isinstance(text, str) else text
    if b"." in data:
        data = _WHOLE.sub(b"", data)
    if strange := data.translate(None, b"0123456789" + BLANKS):
        if b"-" in strange:
            raise RleError("a negative figure")
        raise RleError(f"{strange[:20].decode('utf-8', 'replace')!r} where figures are expected")
    if not data.strip(BLANKS):
        return empty()
    # It takes signs too, and stops at letters: there are none left. Figures too large saturate.
    figures = np.fromstring(data, dtype=np.int64, sep=" ")
    if len(figures) % 2:
        raise RleError(f"an odd number of figures ({len(figures)}): a start without its length")
    if figures.max() > _LARGEST:
        raise RleError(f"a figure beyond any image ({figures.max()} or more)")
    runs = figures.reshape(-1, 2)
    if not runs[:, 0].all():
        raise RleError("a start of 0: starts count from 1")
    runs[:, 0] -= 1
    runs[:, 1] += runs[:, 0]
    return runs


def read_figures(texts: Sequence[bytes]) -> tuple[NDArray[np.uint32], NDArray[np.intp]] | None:
    """The figures of many texts, and of each text how many stand before its end.

    None where a text holds anything but figures of up to eight digits with single spaces between.
    `fromstring` on each text would do, but takes a fifth longer, a vote 8 %.
    """
    # A blank before the first figure, and behind the last as many bytes as a word has.
    data = b" ".join((b"", *filter(None, texts), b" " * _WORD))
    letters = np.frombuffer(data, dtype=np.uint8)
    blanks = np.flatnonzero(letters < ord("0"))
    if letters.max() > ord("9") or np.count_nonzero(letters == ord(" ")) != len(blanks):
        return None
    blanks = blanks[:-_WORD]
    digits = np.diff(blanks)
    digits -= 1
    if len(digits) and (digits.min() < 1 or digits.max() > _WORD):
        return None
    lengths = np.fromiter(map(len, texts), dtype=np.intp, count=len(texts))
    counts = np.searchsorted(blanks, np.cumsum(lengths + (lengths > 0)))
    return _numbers(_windows(letters[1:])[blanks[:-1]], digits), counts


def _numbers(words: NDArray[np.uint64], digits: NDArray[np.intp]) -> NDArray[np.uint32]:
    """The number whose digits each word begins with, the first in the lowest byte.

    Neighbours are added up in pairs of digits, of two digits and of four: Daniel Lemire's and
    Wojciech Muła's way to read eight digits ("SIMD within a register"), on arrays of words.
    """
    # What stands behind the digits is shifted out, and zeros before them in.
    missing = _WORD - digits
    missing <<= 3
    words <<= missing.view(_U64)
    words &= _U64(0x0F0F0F0F0F0F0F0F)
    words *= _U64(10 * 2**8 + 1)
    words >>= _U64(8)
    words &= _U64(0x00FF00FF00FF00FF)
    words *= _U64(100 * 2**16 + 1)
    words >>= _U64(16)
    words &= _U64(0x0000FFFF0000FFFF)
    words *= _U64(10000 * 2**32 + 1)
    words >>= _U64(32)
    return words.astype(np.uint32)


def _windows(letters: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """The word that begins at each byte, its first letter in the lowest one."""
    words = letters[:_WORD].view(np.dtype(np.uint64).newbyteorder("<"))
    return as_strided(words, shape=(len(letters) - _WORD + 1,), strides=(1,))


def format(runs: Runs) -> str:  # noqa: A001 - read as `rle.format`
    """The run-length text of `runs` (canonical); an empty mask gives an empty text."""
    figures = np.empty_like(runs)
    figures[:, 0] = runs[:, 0] + 1
    figures[:, 1] = runs[:, 1] - runs[:, 0]
    text, _ = text_of(figures.ravel())
    return text[:-1].decode()


def text_of(figures: NDArray[np.int64]) -> tuple[bytes, NDArray[np.intp]]:
    """The figures, a blank behind each, and where each begins; the length of the text behind."""
    if figures.max(initial=0) < 10**_WORD:
        return _text_of_words(figures.astype(np.uint32))
    words = [b"%d " % figure for figure in figures.tolist()]
    begins = np.zeros(len(words) + 1, dtype=np.intp)
    np.cumsum([len(word) for word in words], out=begins[1:])
    return b"".join(words), begins


def _text_of_words(figures: NDArray[np.uint32]) -> tuple[bytes, NDArray[np.intp]]:
    """`text_of` for figures of at most eight digits: a fifth of the time of `%d`, figure by figure.

    Eight letters are one machine word, so that all figures are written by one assignment.
    """
    digits = np.ones(len(figures), dtype=np.uint8)
    largest = int(figures.max(initial=0))
    for power in range(1, _WORD):
        if 10**power > largest:
            break
        digits += figures >= np.uint32(10**power)
    begins = np.zeros(len(figures) + 1, dtype=np.intp)
    np.cumsum(digits + np.intp(1), out=begins[1:])
    text = np.full(int(begins[-1]) + _WORD, ord(" "), dtype=np.uint8)
    # In order: each word's tail of blanks is overwritten by the figure that follows.
    _windows(text)[begins[:-1]] = _letters(figures, digits)
    return text[: int(begins[-1])].tobytes(), begins


def _letters(figures: NDArray[np.uint32], digits: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Each figure as a word: its digits from the lowest byte on, then blanks.

    The way back of `_numbers`.
    """
    # Halves of four digits, quarters of two, single digits: each is divided and the remainder
    # goes up. 10486 / 2**20 and 103 / 2**10 are 1/100 and 1/10 for such small numbers.
    high = figures // np.uint32(10000)
    words = (figures - high * np.uint32(10000)).astype(_U64)
    words <<= _U64(32)
    words |= high
    for factor, digits_left, power, mask in (
        (10486, 20, 100, 0x0000007F0000007F),
        (103, 10, 10, 0x000F000F000F000F),
    ):
        quotients = words * _U64(factor)
        quotients >>= _U64(digits_left)
        quotients &= _U64(mask)
        words -= quotients * _U64(power)
        words <<= _U64(16 if power == 100 else 8)
        words |= quotients
    words |= _U64(0x1010101010101010)
    # '0' is a blank with one bit more: what is shifted in behind the digits becomes blanks.
    words >>= ((np.uint8(_WORD) - digits) << np.uint8(3)).astype(_U64)
    words |= _U64(0x2020202020202020)
    return words


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
    """The mask, uint8 [H, W] of 0 and 1, of `runs` (canonical); `shape` is (H, W).

    Raises RleError if a run ends past the last pixel.
    """
    check_bounds(runs, shape)
    height, width = shape
    flat = np.zeros(height * width, dtype=np.uint8)
    for start, end in runs.tolist():
        flat[start:end] = 1
    return flat.reshape(height, width)
