"""Files and folders that others see whole or not at all, after a kill or a power cut too."""

import ctypes
import errno
import fcntl
import os
import re
import shutil
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

FULL = (errno.ENOSPC, errno.EDQUOT)
"""The disk, or what this person may have of it, is full."""
AT_FDCWD, RENAME_EXCHANGE = -100, 2
"""Of renameat2(2)."""
YOUNG = 60.0
"""Seconds in which a draft may not be locked yet: it is left alone."""
_RUST_ERRNO = re.compile(r"\(os error (\d+)\)")
"""What libraries in Rust (safetensors) raise has the system's number in its words alone."""


def is_full(error: BaseException | None) -> bool:
    """Whether an error, or one that it arose from, is the system's of a disk without room.

    A library that closes what it could not write raises another error on top (torch: `unexpected
    pos 96477760 vs 96477712`).
    """
    while error is not None:
        said = _RUST_ERRNO.search(str(error))
        number = error.errno if isinstance(error, OSError) else said and int(said[1])
        if number in FULL:
            return True
        error = error.__cause__ or error.__context__
    return False


def has_room(folder: Path, size: int) -> bool:
    """Whether the disk of an existing folder takes so many bytes more."""
    return shutil.disk_usage(folder).free > size


@contextmanager
def naming(place: Path) -> Iterator[None]:
    """A full disk, of which the system names no place, names this one where it is met inside.

    Raises:
        OSError: as inside.
    """
    try:
        yield
    except OSError as error:
        if is_full(error):
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
    with hidden_file(path.parent) as draft, naming(path):
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


@contextmanager
def whole_folder(place: Path) -> Iterator[Path]:
    """Give a temporary folder beside `place` that becomes `place` when all went well.

    A folder that stands there already is replaced; after an error or Ctrl-C it stands as before
    and nothing else is left. What a killed maker left goes with the next one.
    """
    made = [parent for parent in place.parents if not parent.exists()]
    place.parent.mkdir(parents=True, exist_ok=True)
    sweep(place)
    draft = Path(tempfile.mkdtemp(dir=place.parent, prefix=f".{place.name}."))
    try:
        with locked(draft), naming(place):
            yield draft
            draft.chmod(0o755)
            put_in_place(draft, place)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
        for parent in made:
            # Only those that are empty go.
            with suppress(OSError):
                parent.rmdir()


def put_in_place(draft: Path, place: Path) -> None:
    """Rename `draft` to `place`; a folder that stands there already goes, or stays if this fails.

    Renaming does not replace a folder that holds something: the two change places, or where that
    cannot be, the old one is moved away first; another maker may be faster in between, and is then
    replaced in its turn.
    """
    if exchange(draft, place):
        # What stood there is the draft now.
        shutil.rmtree(draft, ignore_errors=True)
        return
    old = draft.with_name(draft.name + ".old")
    try:
        while draft.exists():
            shutil.rmtree(old, ignore_errors=True)
            with suppress(FileNotFoundError):
                place.rename(old)
            try:
                draft.rename(place)
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                    raise
    finally:
        if old.exists() and not place.exists():
            old.rename(place)
        shutil.rmtree(old, ignore_errors=True)


@contextmanager
def locked(draft: Path) -> Iterator[None]:
    """Hold a lock that tells other processes that the maker of a draft lives."""
    handle = os.open(draft, os.O_RDONLY)
    try:
        # Without locks (some network file systems) nothing is ever swept.
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(handle)


def sweep(place: Path) -> None:
    """Remove the drafts of `place` whose makers were killed."""
    for draft in place.parent.iterdir():
        if draft.name.startswith(f".{place.name}.") and is_abandoned(draft):
            shutil.rmtree(draft, ignore_errors=True)


def is_abandoned(draft: Path) -> bool:
    try:
        if time.time() - draft.stat().st_mtime < YOUNG:
            return False
        handle = os.open(draft, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(handle)
    return True
