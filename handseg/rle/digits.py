"""Numbers to and from decimal text, many at once: eight bytes are one word, digits are shifts.

The arithmetic on words ("SIMD within a register") is Daniel Lemire's and Wojciech Muła's way to
parse and write eight digits, done here on arrays of words.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

WORD = 8
"""Digits of the longest number that is read and written here; callers have another way for more."""
BLANKS = b" \t\r\n"
"""What may stand between figures."""
_HALF = 4
_ZERO, _NINE, _SPACE = 0x30, 0x39, 0x20
_U64 = np.uint64


class Words(NamedTuple):
    """The words of a text: where each ends in `data`, and its digits."""

    data: NDArray[np.uint8]
    """The text with a margin before and behind it, a whole number of machine words."""
    ends: NDArray[np.intp]
    digits: NDArray[np.intp]


def find_words(texts: Sequence[bytes]) -> Words | None:
    """The words of digits in texts that are put behind each other, a blank between two.

    None where it cannot be done at once: something else than digits and blanks, two blanks in a
    row, a blank at the beginning or the end of a text, an empty text, a number longer than WORD.
    """
    size = sum(map(len, texts)) + len(texts) - 1
    margin = b" " * (2 * WORD - 1 - size % WORD)
    # Made in one go, with the blanks that `join` puts behind the first and before the last.
    data = np.frombuffer(b" ".join((b" " * (WORD - 1), *texts, margin)), dtype=np.uint8)
    edges = np.flatnonzero(data < _ZERO)
    if data.max() > _NINE or np.count_nonzero(data == _SPACE) != len(edges):
        return None
    edges = edges[WORD - 1 : len(edges) - len(margin)]
    digits = np.diff(edges)
    digits -= 1
    if len(digits) and (digits.min() < 1 or digits.max() > WORD):
        return None
    return Words(data, edges[1:], digits)


def values(words: Words, first: int, step: int) -> NDArray[np.uint32]:
    """The numbers `words[first::step]`, uint32; each has at most WORD digits."""
    ends, digits = words.ends[first::step], words.digits[first::step]
    if len(digits) and digits.max() <= _HALF:
        return _of_halves(_before(words.data.view("<u4"), ends), digits)
    return _of_words(_before(words.data.view("<u8"), ends), digits)


def _before(
    data: NDArray[np.unsignedinteger], ends: NDArray[np.intp]
) -> NDArray[np.unsignedinteger]:
    """The bytes before each end as one little-endian word: the last digit is its highest byte.

    Read as two neighbours that are shifted together: numpy gathers aligned words five times
    faster than words at any byte.
    """
    width = data.itemsize
    begins = ends - width
    # Nothing is negative: the same bits, unsigned, without a copy.
    bits = begins.view(_U64) & _U64(width - 1)
    bits <<= _U64(3)
    bits = bits.astype(data.dtype, copy=False)
    begins >>= width.bit_length() - 1
    low = data.take(begins)
    begins += 1
    high = data.take(begins)
    low >>= bits
    # A shift by all bits gives 0, as it should: numpy defines it, unlike C.
    np.subtract(data.dtype.type(8 * width), bits, out=bits)
    high <<= bits
    low |= high
    return low.astype(data.dtype.newbyteorder("="), copy=False)


def _of_words(words: NDArray[np.unsignedinteger], digits: NDArray[np.intp]) -> NDArray[np.uint32]:
    # The last digit is in the highest byte; what stands before the number is shifted out.
    others = ((WORD - digits) << 3).view(_U64)
    words ^= _U64(0x3030303030303030)
    words >>= others
    words <<= others
    words *= _U64(10 * 2**8 + 1)
    words >>= _U64(8)
    words &= _U64(0x00FF00FF00FF00FF)
    words *= _U64(100 * 2**16 + 1)
    words >>= _U64(16)
    words &= _U64(0x0000FFFF0000FFFF)
    words *= _U64(10000 * 2**32 + 1)
    words >>= _U64(32)
    return words.astype(np.uint32)


def _of_halves(words: NDArray[np.unsignedinteger], digits: NDArray[np.intp]) -> NDArray[np.uint32]:
    others = ((_HALF - digits) << 3).astype(np.uint32)
    words ^= np.uint32(0x30303030)
    words >>= others
    words <<= others
    words *= np.uint32(10 * 2**8 + 1)
    words >>= np.uint32(8)
    words &= np.uint32(0x00FF00FF)
    words *= np.uint32(100 * 2**16 + 1)
    words >>= np.uint32(16)
    return words.astype(np.uint32, copy=False)


def written(numbers: NDArray[np.uint32]) -> tuple[bytes, NDArray[np.intp]]:
    """The numbers (below 10**WORD) as text, a blank behind each, and where each begins.

    The places have one more entry: the length of the text.
    """
    digits = _digit_counts(numbers)
    places = np.zeros(len(numbers) + 1, dtype=np.intp)
    np.cumsum(digits + np.intp(1), out=places[1:])
    text = np.full(int(places[-1]) + WORD, _SPACE, dtype=np.uint8)
    dtype = np.dtype(np.uint64).newbyteorder("<")
    windows = as_strided(text[:WORD].view(dtype), shape=(len(text) - WORD + 1,), strides=(1,))
    # In order: each word's tail of blanks is overwritten by the number that follows.
    windows[places[:-1]] = _letters(numbers, digits)
    return text[: int(places[-1])].tobytes(), places


def _digit_counts(numbers: NDArray[np.uint32]) -> NDArray[np.uint8]:
    counts = np.ones(len(numbers), dtype=np.uint8)
    largest = int(numbers.max(initial=0))
    for power in range(1, WORD):
        if 10**power > largest:
            break
        counts += numbers >= np.uint32(10**power)
    return counts


def _letters(numbers: NDArray[np.uint32], digits: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Each number as a word: its digits from the lowest byte on, then blanks."""
    # Halves of four digits, quarters of two, single digits: each place is divided and the
    # remainder goes up. 10486 / 2**20 and 103 / 2**10 are 1/100 and 1/10 for such small numbers.
    high = numbers // np.uint32(10000)
    words = (numbers - high * np.uint32(10000)).astype(_U64)
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
    words >>= ((np.uint8(WORD) - digits) << np.uint8(3)).astype(_U64)
    words |= _U64(0x2020202020202020)
    return words
