"""Lines of JSON that survive a kill: appended whole, read up to the last whole line.

What a line holds is taken by `number`, `whole` and `mapping`, whatever a damaged log may say.
"""

import errno
import json
import math
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

Object = dict[str, Any]

TAIL = 8 * 1024
FACTOR = 8
TAIL_LIMIT = 4 * 1024 * 1024
HEAD_LIMIT = 256 * 1024
BLOCK = 256 * 1024
"""Bytes of the lines that a follower reads at a time: a few milliseconds."""
LARGEST = 2**53
"""Steps: more than any training takes, and exact as a float."""


def plain(value: Any) -> Any:
    """The value as JSON can hold it: non-finite numbers as null, numpy's as Python's."""
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in cast("Mapping[Any, Any]", value).items()}
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray)):
        return [plain(item) for item in cast("Sequence[Any]", value)]
    return str(value)


def encode(value: Mapping[str, Any]) -> bytes:
    text = json.dumps(plain(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.encode("utf-8", "surrogatepass") + b"\n"


def decode(line: bytes) -> Object | None:
    """The object of a line; None where the line is torn or is no object."""
    try:
        value = json.loads(line)
    except ValueError:
        return None
    return cast("Object", value) if isinstance(value, dict) else None


def number(value: object, default: float = math.nan) -> float:
    """A number of a log; null, or anything else that is no finite number, stands for the default.

    JSON as Python reads it has NaN, infinities, and whole numbers that no float can hold.
    """
    if not isinstance(value, (int, float)):
        return default
    try:
        found = float(value)
    except OverflowError:
        return default
    return found if math.isfinite(found) else default


def whole(value: object, low: int = 0, high: int = LARGEST) -> int | None:
    """A whole number of a log within bounds; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if low <= value <= high else None


def mapping(value: object) -> dict[str, Any]:
    """An object of a log; an empty one where there is anything else."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


class Appender:
    """A file to which objects are appended, each by one write, after any torn line of before."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        self.size = os.fstat(self._descriptor).st_size
        """Bytes of the file."""
        self._torn = self.size > 0 and os.pread(self._descriptor, 1, self.size - 1) != b"\n"

    def append(self, value: Mapping[str, Any]) -> None:
        """Write one line.

        Raises:
            OSError: the disk is full or gone; the next line will start on a line of its own.
        """
        line = (b"\n" if self._torn else b"") + encode(value)
        written = os.write(self._descriptor, line)
        self.size += written
        self._torn = written != len(line)
        if self._torn:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def close(self) -> None:
        os.close(self._descriptor)


def first(path: Path) -> Object | None:
    """The object of the first line, None where it is torn or longer than 256 KB."""
    with path.open("rb") as file:
        return decode(file.readline(HEAD_LIMIT))


def backwards(path: Path) -> Iterator[Object]:
    """The objects of a file from the last to the first, at most those of its last 4 MB.

    Reads 8 KB, then on demand 64 KB, 512 KB and 4 MB; torn lines are passed over.
    """
    with path.open("rb") as file:
        end = size = file.seek(0, os.SEEK_END)
        span, rest = TAIL, b""
        while end > 0:
            begin = max(0, size - min(span, TAIL_LIMIT))
            file.seek(begin)
            lines = (file.read(end - begin) + rest).split(b"\n")
            # The first piece may lack its beginning: it waits for the block before.
            rest = lines.pop(0) if begin > 0 else b""
            yield from (found for line in reversed(lines) if (found := decode(line)) is not None)
            if span >= TAIL_LIMIT:
                return
            end, span = begin, span * FACTOR


class Follower:
    """A file of JSON lines that is read on from where the last reading ended.

    Starts again when the file shrank or was replaced.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._inode = -1
        self._offset = 0
        self.unread = 0
        """Whole lines that are no objects: damage, which nothing writes."""

    def read(self) -> Iterator[tuple[bool, list[Object]]]:
        """The objects of the whole lines since the last call, in blocks.

        Before a block stands whether reading begins anew with it, which is told once. Between the
        blocks others get their turn: reading a log of 200 MB in a thread stops no screen.

        Raises:
            OSError: the file cannot be read.
        """
        with self.path.open("rb") as file:
            status = os.fstat(file.fileno())
            if status.st_ino != self._inode or status.st_size < self._offset:
                self._inode, self._offset = status.st_ino, 0
                self.unread = 0
                yield True, []
            file.seek(self._offset)
            is_whole = True
            while is_whole and (lines := file.readlines(BLOCK)):
                if not (is_whole := lines[-1].endswith(b"\n")):
                    lines.pop()
                self._offset += sum(map(len, lines))
                found = [entry for line in lines if (entry := decode(line)) is not None]
                self.unread += len(lines) - len(found)
                yield False, found
                time.sleep(0)
