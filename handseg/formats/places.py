"""Where a conversion goes: a name that a person gave, or the first free number."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from handseg import disk
from handseg.data.storage import whole_folder
from handseg.errors import FailedError


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
    with refusals(folder), own_folder(folder), disk.hidden_file(folder) as hidden:
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
    with refusals(parent), own_folder(parent):
        target = place.path or _numbered(place, "", is_folder=True)
        try:
            with whole_folder(target) as hidden:
                draft = Draft(hidden)
                yield draft
            draft.path = target
        finally:
            if place.path is None:
                with suppress(OSError):
                    target.rmdir()  # the name was held; what came to be is never empty


@contextmanager
def refusals(folder: Path) -> Iterator[None]:
    """What the disk refuses, as an error that a person is told."""
    try:
        yield
    except OSError as error:
        raise FailedError(f"nothing could be written in {folder}", details=str(error)) from error


@contextmanager
def own_folder(folder: Path) -> Iterator[None]:
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
