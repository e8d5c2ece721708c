"""What a data set holds, as one hash of its files' relative paths and contents, never of times."""

import hashlib
import json
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from handseg.data.labels import Sample
from handseg.data.storage import cache_root, write_json
from handseg.errors import InputError
from handseg.work import Progress, silent, threads

FRESH = 2_000_000_000
"""Nanoseconds in which a file may be written again without a change of its time or size."""


def sample_files(samples: Iterable[Sample]) -> list[Path]:
    return [
        path for sample in samples for path in (sample.image, sample.labels) if path is not None
    ]


def fingerprint(files: Sequence[Path], root: Path, progress: Progress = silent) -> str:
    """The sha256 over the sorted paths inside `root` and the sha256 of each file.

    Raises:
        InputError: a file cannot be read.
    """
    return combined(file_hashes(files, progress), root)


def combined(hashes: dict[Path, str], root: Path) -> str:
    """The fingerprint of files of which the sha256 is known."""
    whole = hashlib.sha256()
    for name, digest in sorted(
        (path.relative_to(root).as_posix(), digest) for path, digest in hashes.items()
    ):
        whole.update(f"{name}\0{digest}\n".encode())
    return whole.hexdigest()


def file_hashes(files: Sequence[Path], progress: Progress = silent) -> dict[Path, str]:
    """The sha256 of each file; those known by size and times from before are not read again.

    Raises:
        InputError: a file cannot be read.
    """
    memory_file = cache_root() / "hashes.json"
    memory = remembered(memory_file)
    try:
        return hashes_and_memory(files, memory, memory_file, progress)
    except OSError as error:
        raise InputError(f"{error.filename} cannot be read", details=str(error)) from error


def hashes_and_memory(
    files: Sequence[Path], memory: dict[str, str], memory_file: Path, progress: Progress
) -> dict[Path, str]:
    names = {path: str(path.resolve()) for path in files}
    states = {path: state_of(path) for path in names}
    hashes: dict[Path, str] = {}
    for path, name in names.items():
        state, _, digest = memory.get(name, "").rpartition(" ")
        if state == states[path]:
            hashes[path] = digest
    unknown = [path for path in names if path not in hashes]
    now = time.time_ns()
    with threads() as pool:
        digests = zip(unknown, pool.map(hash_file, unknown), strict=True)
        for done, (path, digest) in enumerate(digests, 1):
            hashes[path] = digest
            if now - path.stat().st_mtime_ns > FRESH:
                memory[names[path]] = f"{states[path]} {digest}"
            progress(done, len(unknown), path.name)
    if unknown:
        # It only saves time: where it cannot be written it is done without.
        with suppress(OSError):
            write_json(memory_file, memory)
    return hashes


def hash_file(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def state_of(path: Path) -> str:
    """What changes when a file is written: also the inode's time, which cannot be set back."""
    status = path.stat()
    return f"{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}"


def remembered(memory_file: Path) -> dict[str, str]:
    try:
        memory = json.loads(memory_file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(memory, dict):
        return {}
    return {name: state for name, state in memory.items() if isinstance(state, str)}
