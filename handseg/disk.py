"""Files that other processes see whole or not at all, after a kill or a power cut too."""

import ctypes
import errno
import os
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FULL = (errno.ENOSPC, errno.EDQUOT)
"""The disk, or what this person may have of it, is full."""
AT_FDCWD, RENAME_EXCHANGE = -100, 2
"""Of renameat2(2)."""
SAYS_FULL = ("No space left on device", "Disk quota exceeded", "file write failed")
"""Libraries that write by themselves tell it in words: safetensors the system's, torch its own."""


def is_full(error: BaseException) -> bool:
    """Whether an error says that there is no room on the disk."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno in FULL
    return any(words in str(error) for words in SAYS_FULL)


@contextmanager
def naming(place: Path) -> Iterator[None]:
    """What the system says of a failure inside names at least this place: a full disk names none.

    Raises:
        OSError: as inside.
    """
    try:
        yield
    except OSError as error:
        error.filename = error.filename or str(place)
        raise


@contextmanager
def hidden_file(folder: Path) -> Iterator[Path]:
    """The path of a hidden file in `folder` that is gone at the end unless it was renamed."""
    path = folder / f".handseg-{uuid.uuid4().hex}.tmp"
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def replace(path: Path, content: bytes) -> Path:
    """Write a file beside its place and rename it there; makes the folder where it is missing.

    Raises:
        OSError: the disk refuses; what was there before is still there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with hidden_file(path.parent) as draft:
        draft.write_bytes(content)
        # The name must not reach the disk before the content does.
        sync(draft)
        return draft.replace(path)


def exchange(one: Path, other: Path) -> bool:
    """Let two paths change places, so that there is something at both at any time.

    False where there are not both, or the system (other than Linux) or the file system cannot.
    """
    rename = getattr(ctypes.CDLL(None), "renameat2", None) if sys.platform == "linux" else None
    if rename is None:
        return False
    paths = (os.fsencode(one), AT_FDCWD, os.fsencode(other))
    return rename(AT_FDCWD, *paths, RENAME_EXCHANGE) == 0


def sync(path: Path) -> None:
    """Have the disk hold a file or folder before anything that relies on it.

    Raises:
        OSError: it cannot be opened or the disk refuses.
    """
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
