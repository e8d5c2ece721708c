"""Which files of a folder are COCO files, and where the images that they name lie."""

import mmap
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from handseg.data.json_files import LARGEST
from handseg.data.settings import FILE
from handseg.errors import InputError

RAM = "_annotations_bone_rle.coco.json"
"""How RAM-H1200 calls its bones; what it ships beside them are joints and lesions."""
DEEPEST = 3
MOST_CANDIDATES = 64
"""JSON files of other names that are looked into: a set has few COCO files."""
KEYS = (b'"images"', b'"categories"', b'"annotations"')
ODD_FOLDERS = frozenset({"crops", "outputs_json", "runs"})


def annotation_files(root: Path, patterns: Sequence[str] | None) -> tuple[Path, ...]:
    """The COCO files of a data set, sorted: those of the patterns, else what looks like them.

    Raises InputError for a pattern that is none.
    """
    if patterns is not None:
        try:
            found = {path for pattern in patterns for path in root.glob(pattern) if path.is_file()}
        except (ValueError, NotImplementedError) as error:
            raise InputError(f"{root / FILE}: annotations: {error}") from error
        return tuple(sorted(found))
    candidates = [path for depth in range(DEEPEST) for path in json_files(root, depth)]
    plain = [path for path in candidates if path.name.lower().endswith(".coco.json")]
    found = [path for path in plain if path.name == RAM] or plain
    if not found and len(candidates) <= MOST_CANDIDATES:
        found = [path for path in candidates if is_coco(path)]
    return tuple(sorted(found))


def json_files(root: Path, depth: int) -> Iterator[Path]:
    pattern = "/".join(["*"] * depth + ["*.json"])
    for path in root.glob(pattern):
        folders = path.relative_to(root).parts[:-1]
        odd = any(part.startswith(".") or part in ODD_FOLDERS for part in folders)
        if not odd and not path.name.startswith(".") and path.is_file():
            yield path


def is_coco(path: Path) -> bool:
    """Whether a JSON file has what a COCO file has; it is searched, not read."""
    try:
        with path.open("rb") as file:
            if not 0 < path.stat().st_size <= LARGEST:
                return False
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                return all(content.find(key) >= 0 for key in KEYS)
    except (OSError, ValueError):
        return False


def split_of(root: Path, path: Path) -> str:
    """`test` where the path of a COCO file says so; all else is trained and validated on."""
    return "test" if "test" in words(path.relative_to(root).as_posix()) else "train"


def words(path: str) -> list[str]:
    """The words of a path; `test2017` is `test`."""
    return [word.rstrip("0123456789") for word in re.split(r"[/_.\-\s]", path.lower())]


def image_places(root: Path, document: Path, file_name: str) -> Iterator[Path]:
    """The files that a name in a COCO file can mean, the likeliest first.

    Beside the file; else, as COCO itself lies, in `images` or the folder of the split next to the
    folder of annotations.
    """
    beside, above = document.parent, document.parent.parent
    parts = re.split(r"[_.\-]", document.stem)
    bases = [beside, beside / "images"]
    for base in (root, above):
        bases += [base, base / "images"]
        bases += [base / part for part in parts if part]
        bases += [base / "images" / part for part in parts if part]
    for base in dict.fromkeys(bases):
        place = base / file_name
        if place.is_relative_to(root) and is_there(place):
            yield place


def is_there(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that is too long for any file
        return False
