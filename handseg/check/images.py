"""An image file without decoding a pixel: its sha256, whether it is whole, what its header says."""

import hashlib
import math
import struct
import zlib
from pathlib import Path
from typing import BinaryIO, NamedTuple

from handseg.check.findings import Finding, Severity
from handseg.data.images import BYTES_A_PIXEL, LARGE, ImageHeader
from handseg.text import size_text

SEVERAL_PAGES = "a file of several pages or frames: the first is read"
TURNED = "an image that is turned as its file says: labels must be of what is shown"
LARGE_IMAGE = "an image of more than 64 megapixels: such are read one at a time"
GUESSED = "an image whose file does not say what is white: its brightest pixels are"
NOT_APPLIED = "greys that are read as they are stored, whatever colours the file says they are"
BLOCK = 1 << 20
PNG = b"\x89PNG\r\n\x1a\n"
JPEG = b"\xff\xd8"
_JPEG_END = b"\xff\xd9"
_TAIL = 4096
"""Bytes at the end of a JPEG in which its end must stand; cameras add a few after it."""
_CHUNK = struct.Struct(">I4s")


class FileReading(NamedTuple):
    """The file's sha256 and, where something is wrong, what."""

    digest: str
    fault: str
    """Empty where nothing is."""


def read_whole(path: Path) -> FileReading:
    """Read a file once, block by block.

    Of a PNG every chunk's checksum is computed and the end must be there; a JPEG must have its end,
    a BMP the length that it states. Raises OSError where the file cannot be read.
    """
    with path.open("rb") as stream:
        file = _Hashed(stream)
        start = file.read(len(PNG))
        if start == PNG:
            fault = _png_fault(file)
        elif start[:2] == JPEG:
            file.rest()
            whole = _JPEG_END in file.tail
            fault = "" if whole else f"truncated: no end of image in {file.count:,} bytes"
        elif start[:2] == b"BM" and len(start) >= 6:
            fault = _bmp_fault(file, int.from_bytes(start[2:6], "little"))
        else:
            fault = "" if start else "the file is empty"
        file.rest()
        return FileReading(file.hash.hexdigest(), fault)


def header_findings(image: str, header: ImageHeader) -> list[Finding]:
    """What of an image's file is left out, and what is done because it says so or does not."""
    memory = size_text(BYTES_A_PIXEL * math.prod(header.size))
    found: list[tuple[bool, Severity, str, str]] = [
        (header.pages > 1, "warning", SEVERAL_PAGES, f"{header.pages} of them"),
        (header.is_turned, "note", TURNED, "EXIF orientation"),
        (math.prod(header.size) > LARGE, "note", LARGE_IMAGE, f"up to {memory} of memory"),
        (header.is_guessed, "note", GUESSED, ""),
        (bool(header.not_applied), "note", NOT_APPLIED, header.not_applied),
    ]
    return [
        Finding(severity, "files", reason, detail, image=image)
        for is_so, severity, reason, detail in found
        if is_so
    ]


class _Hashed:
    """A file whose bytes are hashed as they are read."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.hash = hashlib.sha256()
        self.count = 0
        self.tail = b""

    def read(self, size: int) -> bytes:
        block = self._stream.read(size)
        self.hash.update(block)
        self.count += len(block)
        if block:
            self.tail = (self.tail + block)[-_TAIL:] if len(block) < _TAIL else block[-_TAIL:]
        return block

    def rest(self) -> None:
        while self.read(BLOCK):
            pass


def _png_fault(file: _Hashed) -> str:
    """Walks the chunks after the signature."""
    before = b""
    pixels = False
    while head := file.read(_CHUNK.size):
        if len(head) < _CHUNK.size:
            return _ends(file, before)
        length, kind = _CHUNK.unpack(head)
        if not before and kind != b"IHDR":
            return "its first chunk is no IHDR"
        checksum = _checksum(file, kind, length)
        stated = file.read(4)
        if checksum is None or len(stated) < 4:
            return _ends(file, kind)
        if checksum != int.from_bytes(stated, "big"):
            return f"the checksum of its {_name(kind)} chunk before byte {file.count:,} is wrong"
        pixels |= kind == b"IDAT"
        if kind == b"IEND":
            return "" if pixels else "it has no pixels (no IDAT chunk)"
        before = kind
    return _ends(file, before)


def _checksum(file: _Hashed, kind: bytes, length: int) -> int | None:
    """The checksum of a chunk; None where the file ends in it."""
    checksum = zlib.crc32(kind)
    while length:
        block = file.read(min(length, BLOCK))
        if not block:
            return None
        checksum = zlib.crc32(block, checksum)
        length -= len(block)
    return checksum


def _ends(file: _Hashed, kind: bytes) -> str:
    where = f"in or after its {_name(kind)} chunk" if kind else "after its signature"
    return f"truncated: it ends {where}, at byte {file.count:,}, without an IEND chunk"


def _name(kind: bytes) -> str:
    return kind.decode("ascii", "replace") if kind.isalnum() else kind.hex()


def _bmp_fault(file: _Hashed, stated: int) -> str:
    file.rest()
    # Some writers state 0.
    if stated > file.count:
        return f"truncated: {file.count:,} of the {stated:,} bytes that it states"
    return ""
