"""What a data set holds, as one hash of its files' relative paths and contents, never of times."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from handseg.data.dataset import Sample
from handseg.data.storage import cache_root, write_json
from handseg.progress import Progress, silent


def sample_files(samples: Iterable[Sample]) -> list[Path]:
    """The images and labels of samples."""
    return [
        path for sample in samples for path in (sample.image, sample.labels) if path is not None
    ]


def fingerprint(files: Sequence[Path], root: Path, progress: Progress = silent) -> str:
    """The sha256 over the sorted paths inside `root` and the sha256 of each file."""
    hashes = file_hashes(files, progress)
    whole = hashlib.sha256()
    for name, digest in sorted(
        (path.relative_to(root).as_posix(), hashes[path]) for path in set(files)
    ):
        whole.update(f"{name}\0{digest}\n".encode())
    return whole.hexdigest()


def file_hashes(files: Sequence[Path], progress: Progress = silent) -> dict[Path, str]:
    """The sha256 of each file; those known by size and time from before are not read again."""
    memory_file = cache_root() / "hashes.json"
    memory = remembered(memory_file)
    keys = {path: key_of(path) for path in files}
    unknown = [path for path in keys if keys[path] not in memory]
    # Hashing lets go of Python's lock, so threads use all cores.
    with ThreadPoolExecutor() as pool:
        for done, (path, digest) in enumerate(
            zip(unknown, pool.map(hash_file, unknown), strict=True), 1
        ):
            memory[keys[path]] = digest
            progress(done, len(unknown), path.name)
    if unknown:
        write_json(memory_file, memory)
    return {path: memory[key] for path, key in keys.items()}


def hash_file(path: Path) -> str:
    """The sha256 of a file's content."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def key_of(path: Path) -> str:
    status = path.stat()
    return f"{path.resolve()}|{status.st_size}|{status.st_mtime_ns}"


def remembered(memory_file: Path) -> dict[str, str]:
    try:
        memory = json.loads(memory_file.read_text())
    except (OSError, ValueError):
        # It only saves time: a missing or damaged memory is made anew.
        return {}
    return memory if isinstance(memory, dict) else {}
