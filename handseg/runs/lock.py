"""The lock of a run: held while its process lives, so that the kernel knows who is alive.

A POSIX record lock goes with its process however that ends, counts across pid namespaces and is
not inherited by workers. It is also lost as soon as its process closes *any* descriptor of the
file: only this module opens `run.lock`, and within the holding process not even this one.
"""

import errno
import fcntl
import os
import struct
import sys
from pathlib import Path

# struct flock: Linux has the type first, macOS and the BSDs have it after the process id.
_LINUX = sys.platform.startswith("linux")
_FLOCK = "hhqqi" if _LINUX else "qqihh"
_REFUSED = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL, errno.EIO}

_held: dict[tuple[int, int], int] = {}
"""The process that holds each locked file (by device and inode), as known to this process."""


class HeldError(Exception):
    """Another training holds the lock."""


class RunLock:
    """A lock taken on a file.

    Raises:
        HeldError: another process, or this one, holds it.
        OSError: the file cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        if holds(path):
            raise HeldError(path)
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        self.locked = self._take(path)
        status = os.fstat(self._descriptor)
        self._key = (status.st_dev, status.st_ino)
        if self.locked:
            _held[self._key] = os.getpid()

    def _take(self, path: Path) -> bool:
        try:
            fcntl.lockf(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in _REFUSED:
                return False
            os.close(self._descriptor)
            if error.errno in (errno.EACCES, errno.EAGAIN):
                raise HeldError(path) from None
            raise
        return True

    def release(self) -> None:
        """Give the lock back; a second time does nothing."""
        if self._descriptor >= 0:
            _held.pop(self._key, None)
            os.close(self._descriptor)
            self._descriptor = -1


def holds(path: Path) -> bool:
    """Whether this very process holds the lock."""
    try:
        status = path.stat()
    except OSError:
        return False
    return _held.get((status.st_dev, status.st_ino)) == os.getpid()


def is_held(path: Path) -> bool | None:
    """Whether any process holds the lock; None where there is no file or locks are refused."""
    if holds(path):
        return True
    answer = _ask(path)
    return None if answer is None else answer[0 if _LINUX else 3] != fcntl.F_UNLCK


def holder(path: Path) -> int | None:
    """The id of the process that holds the lock, as it counts in our pid namespace.

    None where it is free, or its holder cannot be seen from here.
    """
    if holds(path):
        return os.getpid()
    answer = _ask(path)
    if answer is None or answer[0 if _LINUX else 3] == fcntl.F_UNLCK:
        return None
    pid = answer[4 if _LINUX else 2]
    return pid if pid > 0 else None


def _ask(path: Path) -> tuple[int, ...] | None:
    """The fields of the `struct flock` with which the kernel answers; None where it cannot."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        answer = fcntl.fcntl(descriptor, fcntl.F_GETLK, _question())
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return struct.unpack(_FLOCK, answer)


def _question() -> bytes:
    """A `struct flock` that asks about a write lock on the whole file."""
    if _LINUX:
        return struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
    return struct.pack(_FLOCK, 0, 0, 0, fcntl.F_WRLCK, os.SEEK_SET)
