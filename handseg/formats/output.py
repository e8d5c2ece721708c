"""Where a conversion goes: names that every system takes, whole files and folders."""

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from handseg import disk
from handseg.errors import FailedError

RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)
"""Names that Windows keeps for devices, with any suffix."""
LONGEST = 80


@dataclass(frozen=True)
class Place:
    """`path` where a person named it, else `<folder>/<stem>-001<suffix>` or the next number."""

    folder: Path
    stem: str
    path: Path | None = None


class Draft:
    """What is written before it has its name; `path` becomes the final one at the end."""

    def __init__(self, path: Path) -> None:
        self.path = path


@contextmanager
def file_at(place: Place, suffix: str) -> Iterator[Draft]:
    """Give a draft that gets its name when all went well; after an error nothing is left.

    Raises FailedError if the disk refuses.
    """
    folder = place.path.parent if place.path else place.folder
    with _refusals(folder), _own_folder(folder), disk.hidden_file(folder) as hidden:
        draft = Draft(hidden)
        yield draft
        disk.sync(hidden)
        target = place.path or _numbered(place, suffix, is_folder=False)
        draft.path = hidden.replace(target)
        disk.sync(folder)


@contextmanager
def folder_at(place: Place) -> Iterator[Draft]:
    """The same for a folder; one that a person named replaces what stands there."""
    parent = place.path.parent if place.path else place.folder
    with _refusals(parent), _own_folder(parent):
        target = place.path or _numbered(place, "", is_folder=True)
        try:
            with disk.whole_folder(target) as hidden:
                draft = Draft(hidden)
                yield draft
            draft.path = target
        finally:
            if place.path is None:
                with suppress(OSError):
                    target.rmdir()  # the name was held; what came to be is never empty


@contextmanager
def _refusals(folder: Path) -> Iterator[None]:
    """What the disk refuses, as an error of ours."""
    try:
        yield
    except OSError as error:
        raise FailedError(f"nothing could be written in {folder}", details=str(error)) from error


@contextmanager
def _own_folder(folder: Path) -> Iterator[None]:
    """Make a folder; it and the parents made with it go again if they stay empty."""
    made = [one for one in (folder, *folder.parents) if not one.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield
    finally:
        for one in made:
            with suppress(OSError):
                one.rmdir()


def _numbered(place: Place, suffix: str, *, is_folder: bool) -> Path:
    """The first free name, taken by an empty file or folder, so that no other process takes it."""
    number = 0
    while True:
        number += 1
        path = place.folder / f"{place.stem}-{number:03d}{suffix}"
        with suppress(FileExistsError):
            path.mkdir() if is_folder else path.touch(exist_ok=False)
            return path


class FileNames:
    """Gives each name a part of a path of its own, whatever the name holds.

    Letters of one alphabet, figures, `-`, `_` and `.` stay; names that would be the same, on file
    systems that see no difference of case too, are numbered.
    """

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def of(self, name: str, *, is_file: bool = False) -> str:
        """A part of a path for one more name: never empty, hidden, above or outside its folder.

        The name of a file that there is (`is_file`) is kept as it is where nothing else has it.
        """
        if is_file and is_plain(name) and name[0] != "." and name.lower() not in self._taken:
            self._taken.add(name.lower())
            return name
        plain = re.sub(r"[^A-Za-z0-9._-]", "_", name)[:LONGEST].strip(".") or "_"
        plain = f"_{plain}" if RESERVED.match(plain) else plain
        given, number = plain, 1
        while given.lower() in self._taken:
            number += 1
            given = f"{plain}~{number}"
        self._taken.add(given.lower())
        return given


def is_plain(part: object) -> bool:
    """Whether it names a file inside its folder: one part of a path, no way up or elsewhere."""
    return (
        isinstance(part, str)
        and bool(part)
        and part not in (".", "..")
        and not set(part) & set("/\\:\0")
    )


def stem_of(image: str) -> str:
    return image.removesuffix(PurePosixPath(image).suffix)
