"""The records of a CSV as byte ranges, so that a long field stays on the disk until it is wanted.

The rules are those of RFC 4180; names stay text (`007`, `NA`), no field is too long.
"""

import io
import re
from collections.abc import Callable, Iterator
from typing import BinaryIO, NamedTuple

from handseg.errors import InputError

LONGEST = 1 << 28
"""Bytes of a record: a mask of 10⁷ pixels of which every second one is set needs far fewer."""

_QUOTE = b'"'
# Possessive: a field of millions of quotes must not be tried in all ways.
_FIELD = re.compile(rb'("[^"]*+(?:""[^"]*+)*+"|[^",]*+)(,|$)')


class Record(NamedTuple):
    """One record: its place in the file and its bytes without line end."""

    line: int
    """The first of its lines, from 1."""
    offset: int
    data: bytes
    last_line: int
    following: int
    """Where the next record begins."""


def read_records(
    file: int,
    seen: Callable[[bytes], object],
    *,
    line: int = 0,
    offset: int = 0,
    buffer: int = 1 << 20,
) -> Iterator[Record]:
    """The records of an open file, without blank ones; quoted fields may hold line ends.

    Begins at `offset`, behind so many lines. What is read is handed to `seen` record by record.
    Raises InputError for a quote that is never closed and a record of more than LONGEST bytes.
    """
    with io.FileIO(file, closefd=False) as raw, io.BufferedReader(raw, buffer) as lines:
        lines.seek(offset)
        while data := lines.readline(LONGEST):
            first = line + 1
            if data.count(_QUOTE) % 2:
                data = _with_the_quote_closed(data, lines, first)
            if len(data) >= LONGEST:
                raise InputError(f"line {first}: a record of more than {LONGEST >> 20} MB")
            seen(data)
            line += max(data.count(b"\n"), 1)
            begin, offset = offset, offset + len(data)
            if content := data.rstrip(b"\r\n"):
                yield Record(first, begin, content, line, offset)


def _with_the_quote_closed(piece: bytes, lines: BinaryIO, first: int) -> bytes:
    """A record that goes on in the next lines, since a quote is open at its end."""
    parts, length, quotes = [piece], len(piece), 1
    while quotes % 2:
        piece = lines.readline(LONGEST)
        length += len(piece)
        if not piece or length >= LONGEST:
            raise InputError(f"line {first}: a quote is never closed")
        parts.append(piece)
        quotes += piece.count(_QUOTE)
    return b"".join(parts)


def split_fields(data: bytes, most: int) -> list[bytes]:
    """The bytes of each field of a record, quotes included.

    Raises InputError for a quote inside an unquoted field and for more than `most` fields.
    """
    if _QUOTE not in data:
        # Counted before they are made: a line of commas would become millions of objects.
        count = data.count(b",") + 1
        if count > most:
            raise other_fields(count, most)
        return data.split(b",")
    fields: list[bytes] = []
    place = 0
    while True:
        field = _FIELD.match(data, place)
        if field is None:
            raise InputError("a quote inside a field that is not quoted")
        fields.append(field[1])
        if not field[2]:
            return fields
        if len(fields) >= most:
            raise other_fields(data.count(b","), most)
        place = field.end()


def other_fields(count: int, most: int) -> InputError:
    return InputError(f"{count} fields where the header has {most}")


def unquoted(field: bytes) -> bytes:
    """What a field holds, without its quotes."""
    if field.startswith(_QUOTE):
        return field[1:-1].replace(b'""', _QUOTE)
    return field


def quoted(field: str) -> str:
    """The field as it is written: in quotes where the rules ask for them."""
    if any(mark in field for mark in ',"\r\n'):
        return '"' + field.replace('"', '""') + '"'
    return field
