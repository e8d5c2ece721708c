"""Files that are whole or absent, and the folder for what can be made again."""

import errno
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from handseg import disk

YOUNG = 60.0
"""Seconds in which a draft may not be locked yet: it is left alone."""
PAUSE = 0.1
"""Seconds between two looks at a lock."""


def cache_root() -> Path:
    """The folder for what can be made again: `HANDSEG_CACHE`, else `.handseg`."""
    return Path(os.environ.get("HANDSEG_CACHE") or ".handseg")


def stand_in(root: Path) -> Path:
    """The folder in the cache for what belongs beside data in `root` that is read-only."""
    place = root.resolve()
    digest = hashlib.sha256(os.fsencode(place)).hexdigest()[:10]
    return cache_root() / "beside" / f"{place.name[:80]}-{digest}"


def writable(folder: Path) -> bool:
    """Whether this process may make files in a folder."""
    # The effective user is the one who writes; not every system can be asked for it.
    effective = os.access in os.supports_effective_ids
    return os.access(folder, os.W_OK | os.X_OK, effective_ids=effective)


def write_json(path: Path, value: Any) -> None:
    """Write JSON that another process sees whole or not at all."""
    disk.replace(path, json.dumps(value, indent=1).encode())


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
        with locked(draft):
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
    if disk.exchange(draft, place):
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


@contextmanager
def turn(name: str, waiting: Callable[[], None]) -> Iterator[None]:
    """Wait while another process has the turn of this name; it ends with that process.

    `waiting` is called now and then. Without locks (some network file systems) none waits: this
    saves work twice done, and nothing may rest on it.
    """
    path = cache_root() / f".{name}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        while is_held(handle):
            waiting()
            time.sleep(PAUSE)
        try:
            yield
        finally:
            path.unlink(missing_ok=True)
    finally:
        os.close(handle)


def is_held(handle: int) -> bool:
    """Whether another process has locked a file; where none has, this one has now."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


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
