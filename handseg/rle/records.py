"""The records of a CSV as byte ranges, so that a long field stays on the disk until it is wanted.

The rules are those of RFC 4180; names stay text (`007`, `NA`), no field is too long.
"""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from handseg.errors import InputError

_QUOTE = b'"'
_FIELD = re.compile(rb'("[^"]*(?:""[^"]*)*"|[^",]*)(,|$)')


class Record(NamedTuple):
    """One record: its first line (from 1), its place in the file and its bytes without line end."""

    line: int
    offset: int
    data: bytes


def read_records(lines: Iterable[bytes]) -> Iterator[Record]:
    """The records of a file's lines, without blank ones; quoted fields may hold line ends.

    Raises InputError for a quote that is never closed.
    """
    line = offset = 0
    first, parts, quotes = 0, list[bytes](), 0
    for raw in lines:
        line += 1
        if not parts:
            first = line
        parts.append(raw)
        quotes += raw.count(_QUOTE)
        if quotes % 2:
            continue
        data = b"".join(parts) if len(parts) > 1 else raw
        if content := data.rstrip(b"\r\n"):
            yield Record(first, offset, content)
        offset += len(data)
        parts, quotes = [], 0
    if parts:
        raise InputError(f"line {first}: a quote is never closed")


def field_spans(record: Record) -> list[tuple[int, int]]:
    """Where each field of the record lies in its bytes, quotes included.

    Raises InputError for a quote inside an unquoted field.
    """
    if _QUOTE not in record.data:
        return _plain_spans(record.data)
    spans: list[tuple[int, int]] = []
    place = 0
    while True:
        field = _FIELD.match(record.data, place)
        if field is None:
            raise InputError(f"line {record.line}: a quote inside a field that is not quoted")
        spans.append(field.span(1))
        if not field[2]:
            return spans
        place = field.end()


def _plain_spans(data: bytes) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    start = 0
    while (end := data.find(b",", start)) >= 0:
        spans.append((start, end))
        start = end + 1
    spans.append((start, len(data)))
    return spans


def field_text(record: Record, span: tuple[int, int]) -> str:
    """The text of a field, unquoted; raises InputError if it is not UTF-8."""
    field = record.data[span[0] : span[1]]
    if field.startswith(_QUOTE):
        field = field[1:-1].replace(b'""', _QUOTE)
    try:
        return field.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            f"line {record.line}: a name is not UTF-8 text", why=f"{error}: {field[:60]!r}"
        ) from None


def quoted(field: str) -> str:
    """The field as it is written: in quotes where the rules ask for them."""
    if any(mark in field for mark in ',"\r\n'):
        return '"' + field.replace('"', '""') + '"'
    return field
