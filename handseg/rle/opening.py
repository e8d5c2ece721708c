"""Opening a CSV so that any part of it can be read again: plain, gzip or from a pipe."""

import hashlib
import os
import stat
import sys
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from handseg.errors import InputError

STREAM = Path("-")
"""As a path: stdin."""

_GZIP = b"\x1f\x8b"
_PIECE = 1 << 20
_MOST_OF_SMALL, _MOST_TIMES = 1 << 26, 100
"""Run lengths are packed to a fifth. What unfolds to a hundred times its size is a bomb."""


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
        file = os.dup(sys.stdin.fileno()) if path == STREAM else os.open(path, os.O_RDONLY)
    except (OSError, ValueError) as error:
        raise InputError(f"no CSV at {path}", details=str(error)) from None
    piped = not stat.S_ISREG(os.fstat(file).st_mode)
    if piped:
        file = _spooled(_pieces(file), file)
    if os.pread(file, 2, 0) != _GZIP:
        return OpenCsv(file, None, ())
    os.lseek(file, 0, os.SEEK_SET)
    packed = _Hashing(file)
    try:
        spool = _spooled(_unpacked(packed), file)
    except (EOFError, zlib.error) as error:
        raise InputError(f"{path} cannot be unpacked", details=str(error)) from None
    return OpenCsv(spool, packed.digest.hexdigest(), ("gzip",))


def sha256_of(file: int) -> str:
    """The sha256 of all that an open file holds."""
    digest, offset = hashlib.sha256(), 0
    while piece := os.pread(file, _PIECE, offset):
        digest.update(piece)
        offset += len(piece)
    return digest.hexdigest()


def _pieces(file: int) -> Iterator[bytes]:
    while piece := os.read(file, _PIECE):
        yield piece


def _spooled(pieces: Iterator[bytes], file: int) -> int:
    """A temporary file that holds the pieces; `file`, where they come from, is closed."""
    try:
        with tempfile.TemporaryFile() as spool:
            for piece in pieces:
                spool.write(piece)
            spool.flush()
            return os.dup(spool.fileno())
    finally:
        os.close(file)


class _Hashing:
    """A packed file that is hashed while it is read."""

    def __init__(self, file: int) -> None:
        self.digest = hashlib.sha256()
        self.read_bytes = 0
        self._file = file

    def read(self, size: int = -1) -> bytes:
        piece = os.read(self._file, size if size > 0 else _PIECE)
        self.digest.update(piece)
        self.read_bytes += len(piece)
        return piece


def _unpacked(packed: _Hashing) -> Iterator[bytes]:
    """What a gzip file holds; several members behind each other are one.

    Raises what zlib raises for damage, EOFError for a file that was cut off, InputError for a bomb.
    """
    unpacker = zlib.decompressobj(wbits=31)
    written, data = 0, packed.read()
    while data:
        piece = unpacker.decompress(data, _PIECE)
        written += len(piece)
        if written > max(_MOST_OF_SMALL, _MOST_TIMES * packed.read_bytes):
            raise InputError("it unfolds to more than a hundred times its size")
        yield piece
        data = unpacker.unconsumed_tail
        if unpacker.eof:
            data = unpacker.unused_data or packed.read()
            unpacker = zlib.decompressobj(wbits=31)
            if not data:
                return
        data = data or packed.read()
    raise EOFError("it ends in the middle")
