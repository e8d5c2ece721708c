"""Files that other processes see whole or not at all, after a kill or a power cut too."""

import errno
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FULL = (errno.ENOSPC, errno.EDQUOT)
"""The disk, or what this person may have of it, is full."""
SAYS_FULL = ("No space left on device", "Disk quota exceeded", "file write failed")
"""Libraries that write by themselves tell it in words: safetensors the system's, torch its own."""


def is_full(error: BaseException) -> bool:
    """Whether an error says that there is no room on the disk."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno in FULL
    return any(words in str(error) for words in SAYS_FULL)


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
