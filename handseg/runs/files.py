"""Small files that are whole or absent, and files named by their step."""

import contextlib
import os
import tempfile
from pathlib import Path


def replace(path: Path, content: bytes) -> Path:
    """Write a file beside its place and rename it there; makes the folder where it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        # mkstemp makes files for the owner alone; a run folder is read by others too.
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(temporary).unlink()
        raise
    return path


def steps_in(folder: Path) -> list[int]:
    """The steps of the files `<step>.npz` of a folder, rising; none where there is no folder."""
    try:
        names = [path.stem for path in folder.iterdir() if path.suffix == ".npz"]
    except OSError:
        return []
    return sorted(int(name) for name in names if name.isdecimal())
