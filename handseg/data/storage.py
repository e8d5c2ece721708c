"""The folder for what can be made again, and who may write where."""

import fcntl
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from handseg import disk

PAUSE = 0.1
"""Seconds between two looks at a lock."""


def cache_root() -> Path:
    return Path(os.environ.get("HANDSEG_CACHE") or ".handseg")


def stand_in(root: Path) -> Path:
    """The folder in the cache for what belongs beside data in `root` that is read-only."""
    place = root.resolve()
    digest = hashlib.sha256(os.fsencode(place)).hexdigest()[:10]
    return cache_root() / "beside" / f"{place.name[:80]}-{digest}"


def writable(folder: Path) -> bool:
    # The effective user is the one who writes; not every system can be asked for it.
    effective = os.access in os.supports_effective_ids
    return os.access(folder, os.W_OK | os.X_OK, effective_ids=effective)


def write_json(path: Path, value: Any) -> None:
    disk.replace(path, json.dumps(value, indent=1).encode())


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
