"""A stretch of a run's log: read in blocks, however long the log is, and searched as a whole."""

import os
import re
from bisect import bisect_right
from dataclasses import dataclass
from pathlib import Path

BLOCK = 256 * 1024
"""Bytes that are read at a time; a stretch is at most three blocks."""
LONGEST = 4096
"""Bytes of a line; what is longer goes on in another."""
_ENDS = re.compile(rb"\r\n|\n|\r")


@dataclass(frozen=True)
class LogLine:
    """A line of a log and where it begins, in bytes."""

    offset: int
    text: str


class LogStretch:
    """Consecutive lines of a log: its end at first; moved to where they are wanted.

    A bar that redraws itself (`\\r`) is a line each time. Bytes that are no UTF-8 and control
    characters stay in the text as Python decodes them: they are made harmless where they are shown.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines: list[LogLine] = []
        self.begin = self.end = self.size = 0
        self._inode = -1

    @property
    def is_at_end(self) -> bool:
        return self.end >= self.size

    def to_end(self) -> None:
        """The last block of the log; nothing where there is no log.

        Raises:
            OSError: it cannot be read.
        """
        self._look()
        self._read(max(0, self.size - BLOCK), self.size)

    def to(self, offset: int) -> int:
        """The lines around a byte of the log; the index of the line that holds it.

        Raises:
            OSError: it cannot be read.
        """
        self._look()
        if not (self.begin <= offset < self.end):
            self._read(max(0, offset - BLOCK), min(self.size, offset + BLOCK))
        return self.index(offset)

    def index(self, offset: int) -> int:
        return max(0, bisect_right(self.lines, offset, key=lambda line: line.offset) - 1)

    def earlier(self) -> bool:
        """Take in a block before; later lines give way. Whether there was one.

        Raises:
            OSError: it cannot be read.
        """
        if self.begin == 0:
            return False
        self._read(max(0, self.begin - BLOCK), min(self.end, self.begin + 2 * BLOCK))
        return True

    def later(self) -> bool:
        """Take in what follows, up to a block; earlier lines give way. Whether there was any.

        Raises:
            OSError: it cannot be read.
        """
        if self._look():
            self.to_end()
            return True
        if self.end >= self.size:
            return False
        begin = self.begin if self.end - self.begin < 2 * BLOCK else self.end - 2 * BLOCK
        self._read(begin, min(self.size, self.end + BLOCK))
        return True

    def _look(self) -> bool:
        """See how long the log is; whether it is another one than before."""
        try:
            status = self.path.stat()
        except FileNotFoundError:
            self.size, self._inode = 0, -1
            self.lines, self.begin, self.end = [], 0, 0
            return False
        anew = self._inode not in (-1, status.st_ino) or status.st_size < self.size
        self.size, self._inode = status.st_size, status.st_ino
        return anew

    def _read(self, begin: int, end: int) -> None:
        """Read the whole lines between two bytes; the last of the log may be in the making."""
        block = _bytes(self.path, max(0, begin - 1), end)
        if begin > 0:
            # A line that began before is left out, unless it is longer than the whole block.
            found = _ENDS.search(block)
            whole = found.end() if found and found.end() < len(block) else 1
            block, begin = block[whole:], begin - 1 + whole
        self.lines = _lines(block, begin)
        if end < self.size and len(self.lines) > 1:
            # The last one goes on behind the block, or may.
            end = self.lines.pop().offset
        self.begin, self.end = begin, end


def _bytes(path: Path, begin: int, end: int) -> bytes:
    if begin >= end:
        return b""
    with path.open("rb") as file:
        file.seek(begin)
        return file.read(end - begin)


def _lines(block: bytes, begin: int) -> list[LogLine]:
    """The lines of a block that begins at this byte of the log."""
    found: list[LogLine] = []
    start = 0
    ends = [(match.start(), match.end()) for match in _ENDS.finditer(block)]
    for end, following in [*ends, (len(block), len(block))]:
        for piece in range(start, max(end, start + 1), LONGEST):
            text = block[piece : min(piece + LONGEST, end)].decode("utf-8", "replace")
            found.append(LogLine(begin + piece, text))
        start = following
    if found and not found[-1].text:
        # Nothing has been written after the last line end.
        found.pop()
    return found


def search(path: Path, text: str, start: int, *, back: bool) -> int | None:
    """Where a text stands next before or from a byte on, whatever its case; None: nowhere.

    Reads block by block, so that a log of gigabytes takes no memory. Letters beyond ASCII must be
    typed in the case in which they stand.

    Raises:
        OSError: the log cannot be read.
    """
    wanted = text.encode("utf-8", "replace").lower()
    if not wanted:
        return None
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        begin, end = (0, min(start, size)) if back else (start, size)
        for at in _blocks(begin, end, back=back):
            file.seek(at)
            block = file.read(min(BLOCK + len(wanted) - 1, end - at)).lower()
            place = block.rfind(wanted) if back else block.find(wanted)
            if place >= 0:
                return at + place
    return None


def _blocks(begin: int, end: int, *, back: bool) -> range:
    starts = range(begin, max(begin, end), BLOCK)
    return starts[::-1] if back else starts
