"""A CSV as bytes: opened so that any part of it can be read again, its records, and their fields.

A record is a byte range, so that a long field stays on the disk until it is wanted. The rules are
those of RFC 4180; names stay text (`007`, `NA`), no field is too long.
"""

import hashlib
import io
import os
import re
import stat
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from handseg import disk
from handseg.errors import InputError

STDIN = Path("-")
"""As a path: what comes through stdin."""

LONGEST = 1 << 28
"""Bytes of a record: a mask of 10⁷ pixels of which every second one is set needs far fewer."""

_GZIP = b"\x1f\x8b"
_CHUNK = 1 << 20
_MOST_OF_SMALL, _MOST_TIMES = 1 << 26, 100
"""Run lengths are packed to a fifth. What unfolds to a hundred times its size is a bomb."""

_QUOTE = b'"'
# Possessive: a field of millions of quotes must not be tried in all ways.
_FIELD = re.compile(rb'("[^"]*+(?:""[^"]*+)*+"|[^",]*+)(,|$)')


class OpenCsv(NamedTuple):
    """An open file that can be read at any place."""

    file: int
    sha256: str | None
    """Of what lies on the disk, where that is not what `file` holds."""
    notes: tuple[str, ...]


def open_csv(path: Path) -> OpenCsv:
    """Open a CSV; one that is packed, or comes through a pipe, is put into a temporary file.

    Raises InputError if there is none or it cannot be unpacked.
    """
    if path.is_dir():
        raise InputError(f"{path} is a folder, not a CSV")
    try:
        file = os.dup(sys.stdin.fileno()) if path == STDIN else os.open(path, os.O_RDONLY)
    except (OSError, ValueError) as error:
        raise InputError(f"no CSV at {path}", details=str(error)) from None
    if not stat.S_ISREG(os.fstat(file).st_mode):
        with io.FileIO(file) as pipe:
            file = _spooled(iter(lambda: pipe.read(_CHUNK), b""))
    if os.pread(file, 2, 0) != _GZIP:
        return OpenCsv(file, None, ())
    try:
        return OpenCsv(_spooled(_unpacked(file)), sha256_of(file), ("gzip",))
    except (EOFError, zlib.error) as error:
        raise InputError(f"{path} cannot be unpacked", details=str(error)) from None
    finally:
        os.close(file)


def sha256_of(file: int) -> str:
    """The sha256 of all that an open file holds."""
    digest, offset = hashlib.sha256(), 0
    while chunk := os.pread(file, _CHUNK, offset):
        digest.update(chunk)
        offset += len(chunk)
    return digest.hexdigest()


def _spooled(chunks: Iterator[bytes]) -> int:
    """A temporary file that holds the chunks."""
    with disk.naming(Path(tempfile.gettempdir())), tempfile.TemporaryFile() as spool:
        for chunk in chunks:
            spool.write(chunk)
        spool.flush()
        return os.dup(spool.fileno())


def _unpacked(file: int) -> Iterator[bytes]:
    """What a gzip file holds; several members behind each other are one.

    Raises what zlib raises for damage, EOFError for a file that was cut off, InputError for a bomb.
    """
    os.lseek(file, 0, os.SEEK_SET)
    unpacker = zlib.decompressobj(wbits=31)
    written, data = 0, os.read(file, _CHUNK)
    while data:
        chunk = unpacker.decompress(data, _CHUNK)
        written += len(chunk)
        packed = os.lseek(file, 0, os.SEEK_CUR)
        if written > max(_MOST_OF_SMALL, _MOST_TIMES * packed):
            raise InputError("it unfolds to more than a hundred times its size")
        yield chunk
        data = unpacker.unconsumed_tail
        if unpacker.eof:
            data = unpacker.unused_data or os.read(file, _CHUNK)
            unpacker = zlib.decompressobj(wbits=31)
            if not data:
                return
        data = data or os.read(file, _CHUNK)
    raise EOFError("it ends in the middle")


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
                data = _until_quotes_close(data, lines, first)
            if len(data) >= LONGEST:
                raise InputError(f"line {first}: a record of more than {LONGEST >> 20} MB")
            seen(data)
            line += max(data.count(b"\n"), 1)
            begin, offset = offset, offset + len(data)
            if content := data.rstrip(b"\r\n"):
                yield Record(first, begin, content, line, offset)


def _until_quotes_close(begun: bytes, lines: BinaryIO, first: int) -> bytes:
    """A record that goes on in the next lines, since a quote is open at its end."""
    parts, length, quotes = [begun], len(begun), 1
    while quotes % 2:
        line = lines.readline(LONGEST)
        length += len(line)
        if not line or length >= LONGEST:
            raise InputError(f"line {first}: a quote is never closed")
        parts.append(line)
        quotes += line.count(_QUOTE)
    return b"".join(parts)


def split_fields(data: bytes, most: int) -> list[bytes]:
    """The bytes of each field of a record, quotes included.

    Raises InputError for a quote inside an unquoted field and for more than `most` fields.
    """
    if _QUOTE not in data:
        # Counted before they are made: a line of commas would become millions of objects.
        count = data.count(b",") + 1
        if count > most:
            raise wrong_field_count(count, most)
        return data.split(b",")
    fields: list[bytes] = []
    begin = 0
    while True:
        field = _FIELD.match(data, begin)
        if field is None:
            raise InputError("a quote inside a field that is not quoted")
        fields.append(field[1])
        if not field[2]:
            return fields
        if len(fields) >= most:
            raise wrong_field_count(data.count(b","), most)
        begin = field.end()


def wrong_field_count(count: int, most: int) -> InputError:
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
