"""Files that are whole or absent, and the folder for what can be made again."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def cache_root() -> Path:
    """The folder for what can be made again: `HANDSEG_CACHE`, else `.handseg`."""
    return Path(os.environ.get("HANDSEG_CACHE") or ".handseg")


def write_json(path: Path, value: Any) -> None:
    """Write JSON that another process sees whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            json.dump(value, stream, indent=1)
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


@contextmanager
def whole_folder(place: Path) -> Iterator[Path]:
    """Give a temporary folder beside `place` that becomes `place` when all went well.

    A folder that stands there already is replaced; after an error or Ctrl-C nothing is left.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=place.parent, prefix=f".{place.name}."))
    try:
        yield draft
        draft.chmod(0o755)
        put_in_place(draft, place)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def put_in_place(draft: Path, place: Path) -> None:
    """Rename `draft` to `place`; a folder that stands there already goes."""
    old = draft.with_name(draft.name + ".old")
    if place.exists():
        place.rename(old)
    try:
        draft.rename(place)
    finally:
        shutil.rmtree(old, ignore_errors=True)
