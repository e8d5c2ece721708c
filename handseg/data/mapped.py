"""Arrays in files that processes share: room taken first, mapped, checked row by row."""

import errno
import math
import mmap
import os
import zlib
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from handseg.threads import threads

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""What systems answer when a file gets no more room: disk, quota, the largest file they hold."""
_UNABLE = frozenset({errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS})

_AROUND = 1 << 21
"""Bytes within which systems map more than the page that was read."""

Mapped = np.memmap[tuple[int, ...], np.dtype[np.uint8]]
"""`uint8[rows, …]` in a `.npy` file."""


class NewRows:
    """A new `.npy` file, `uint8[rows, …]`, whose room on the disk is taken at once.

    Rows are written, not mapped: on a full disk a write to mapped memory ends in a SIGBUS.
    """

    def __init__(self, path: Path, shape: tuple[int, ...]) -> None:
        """Raises OSError where there is no room (`NO_ROOM`) or it cannot be made."""
        self.length = math.prod(shape[1:])
        header = {"descr": "|u1", "fortran_order": False, "shape": shape}
        with ExitStack() as stack:
            self.stream = stack.enter_context(path.open("wb"))
            np.lib.format.write_array_header_1_0(self.stream, header)
            self.stream.flush()
            self.begin = self.stream.tell()
            take(self.stream.fileno(), self.begin, math.prod(shape))
            stack.pop_all()

    def write(self, row: int, content: NDArray[np.uint8]) -> int:
        """Write a row, whichever thread; returns its checksum."""
        view = np.ascontiguousarray(content).data
        place, done = self.begin + row * self.length, 0
        while done < self.length:
            # A disk that fills up takes a part first.
            done += os.pwrite(self.stream.fileno(), view.cast("B")[done:], place + done)
        return zlib.crc32(view)

    def __enter__(self) -> "NewRows":
        return self

    def __exit__(self, *fault: object) -> None:
        """Close the file; after this its rows outlast a loss of power."""
        with self.stream:
            os.fsync(self.stream.fileno())


def take(handle: int, begin: int, length: int) -> None:
    """Let the disk set bytes of a file aside; where it cannot, writing will tell."""
    try:
        os.posix_fallocate(handle, begin, length)
    except (AttributeError, OSError) as error:
        if isinstance(error, OSError) and error.errno not in _UNABLE:
            raise
        os.ftruncate(handle, begin + length)


def checksums(array: Mapped) -> NDArray[np.uint32]:
    """The CRC-32 of each row as it lies in the file: 4 GB a second.

    Read, not mapped: the pages of a large file would count as this process's memory.
    """
    length = math.prod(array.shape[1:])
    path = Path(str(array.filename))

    def of_row(row: int) -> int:
        place = array.offset + row * length
        return zlib.crc32(np.fromfile(path, np.uint8, length, offset=place).data)

    with threads() as pool:
        return np.fromiter(pool.map(of_row, range(len(array))), np.uint32, len(array))


def copy_of(array: Mapped, row: int) -> NDArray[np.uint8]:
    """A copy of a row, whose pages are let go of.

    The system keeps them for all processes; counted as this one's, they would make a worker that
    has seen every sample as large as the file.
    """
    copy = np.array(array[row])
    if isinstance(array.base, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        # The mapping begins with the page in which the header does.
        begin = array.offset % mmap.ALLOCATIONGRANULARITY + row * copy.nbytes
        first = begin // _AROUND * _AROUND
        end = min(-(-(begin + copy.nbytes) // _AROUND) * _AROUND, len(array.base))
        array.base.madvise(mmap.MADV_DONTNEED, first, end - first)
    return copy
