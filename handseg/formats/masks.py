"""Masks, which every format is read into and written from; what a format is, and where one goes.

`handseg.registry.FORMATS` names the formats.
"""

import math
import re
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path, PurePosixPath
from pkgutil import resolve_name
from typing import Any, ClassVar, NamedTuple

from handseg import disk
from handseg.errors import FailedError, InputError
from handseg.formats.documents import Size, check_size, is_whole
from handseg.formats.image_files import most_pixels
from handseg.formats.polygons import Polygon
from handseg.registry import FORMATS
from handseg.rle import Runs
from handseg.rle.submission import TextStream
from handseg.work import Progress, silent, threads

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


LARGEST_GRID = 10_000_000
"""Images × classes; a row is written for each."""
AHEAD = 8
"""Images whose masks are read before they are asked for."""
ORIGIN_TEXTS = ("run", "split", "recipe", "data_fingerprint", "checkpoint")


class ImageFile(NamedTuple):
    """Where an image of a data set lies, and whose it is."""

    path: Path
    person: str
    split: str
    """`train` or `test`."""


@dataclass(frozen=True)
class Masks:
    """The masks of a source; each is read when it is asked for.

    `images` holds the size of every image and `classes` every class, in the order of the rows: one
    row for each pair, an empty mask where the source has none. `runs_of` gives the row-major runs
    of an image and class, in any thread; it raises InputError, with the place, where the source is
    at fault.
    """

    path: Path
    sha256: str
    format: str
    images: Mapping[str, Size]
    classes: tuple[str, ...]
    runs_of: Callable[[str, str], Runs]
    origin: Mapping[str, Any]
    """What is known of the models behind the masks, as fields of a sidecar (`origin_of`)."""
    notes: tuple[str, ...] = ()
    """What a person should know: things left out, united or lost."""
    labelled: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    """Of images of which not all classes were labelled, which were: the others have no mask at all,
    which is not the same as an empty one."""
    polygons_of: Callable[[str, str], Sequence[Polygon]] = lambda image, cls: ()
    """The polygons that a mask was drawn with, if it was, by `fillPoly`, and with nothing else; a
    person drew them and finds them again where a format has polygons."""
    image_files: Mapping[str, ImageFile] = field(default_factory=dict[str, ImageFile])
    """The images in a data set, as far as they are known to be there."""

    def __post_init__(self) -> None:
        """Raises InputError where there is nothing, or more than an image can hold."""
        rows = len(self.images) * len(self.classes)
        if not rows:
            missing = "classes" if self.images else "images"
            raise InputError(f"there is nothing to convert: {self.path} has no {missing}")
        if rows > LARGEST_GRID:
            raise InputError(
                f"{self.path} has {len(self.images)} images of {len(self.classes)} classes",
                details=f"that would be {rows} masks; at most {LARGEST_GRID} are read",
            )
        for name, (height, width) in self.images.items():
            check_size(f"{self.path}: image {name!r}", height, width, most_pixels(self.path))

    def known(self, image: str) -> tuple[str, ...]:
        """The classes of an image that have a mask, be it empty: all but the unlabelled ones."""
        labelled = self.labelled.get(image)
        return self.classes if labelled is None else tuple(c for c in self.classes if c in labelled)

    @property
    def unlabelled(self) -> int:
        """How many pairs of an image and a class were not labelled."""
        return sum(len(self.classes) - len(self.known(image)) for image in self.labelled)

    @property
    def source(self) -> dict[str, str]:
        return {"path": str(self.path), "sha256": self.sha256, "format": self.format}


class Format(ABC):
    """A format that masks are written in, and read from where it recognises a path."""

    name: ClassVar[str]
    """As in the registry."""
    suffixes: ClassVar[tuple[str, ...]] = ()
    """Of its files; a conversion is called after its source without them."""
    takes_rest: ClassVar[bool] = False
    """Whether it recognises files of other formats too, and is asked last."""

    def recognises(self, path: Path) -> bool:
        """Whether what lies at a path is of this format; it may still be at fault."""
        return False

    def read(self, path: Path) -> Masks:
        """The masks of what was recognised; raises InputError where it is at fault."""
        raise NotImplementedError

    @abstractmethod
    def write(self, place: Place, masks: Masks, progress: Progress = silent) -> Path:
        """Write the masks and give the path of what was made, whole or not at all.

        Raises FailedError if the disk refuses, InputError for a mask at fault.
        """

    def notes(self, masks: Masks) -> list[str]:
        """What a person should know of what will be written."""
        return []


class FileFormat(Format):
    """A format that is a file."""

    @abstractmethod
    def stream(self, stream: TextStream, masks: Masks, progress: Progress = silent) -> None:
        """Write the masks to an open stream; raises InputError for a mask at fault."""


class FolderFormat(Format):
    """A format that is a folder."""

    contents: ClassVar[str]
    """What the folder holds, in the plural."""

    @abstractmethod
    def holds_only(self, folder: Path) -> bool:
        """Whether a folder has nothing in it but what this format makes: it may be replaced."""


def format_named(name: str) -> Format:
    return resolve_name(FORMATS[name])()


def reader_for(path: Path) -> Format | None:
    """The format of what lies at `path`; None where none but the submission can be.

    Submissions and data sets are not recognised: what a person types for one may be a run.
    """
    # From the end: a folder of planes says by its index what it is, and may hold other files.
    formats = sorted(map(format_named, reversed(FORMATS)), key=lambda one: one.takes_rest)
    return next((one for one in formats if one.recognises(path)), None)


def by_image(masks: Masks) -> Iterator[tuple[str, dict[str, Runs]]]:
    """(image name, runs by class) of each image, in order; the next are read in other threads."""

    def read(image: str) -> tuple[str, dict[str, Runs]]:
        return image, {cls: masks.runs_of(image, cls) for cls in masks.known(image)}

    images = iter(masks.images)
    with threads() as pool:
        waiting: deque[Future[tuple[str, dict[str, Runs]]]] = deque(
            pool.submit(read, image) for image in islice(images, AHEAD)
        )
        while waiting:
            found = waiting.popleft().result()
            waiting.extend(pool.submit(read, image) for image in islice(images, 1))
            yield found


def rows(masks: Masks, progress: Progress = silent) -> Iterator[tuple[str, str, Runs]]:
    """(image name, class, runs) of every image and class but the unlabelled ones."""
    for done, (image, found) in enumerate(by_image(masks)):
        progress(done, len(masks.images), image)
        for cls, runs in found.items():
            yield image, cls, runs
    progress(len(masks.images), len(masks.images))


def origin_of(fields: Any) -> dict[str, Any]:
    """The fields of a sidecar that stay true of the masks in another format.

    `fields` may come from any file: what is not of its kind is left out.
    """
    if not isinstance(fields, Mapping):
        return {}
    kept: dict[str, Any] = {
        name: fields[name] for name in ORIGIN_TEXTS if isinstance(fields.get(name), str)
    }
    if is_whole(fields.get("fold")):
        kept["fold"] = fields["fold"]
    dice = fields.get("validation_dice")
    if isinstance(dice, float) and math.isfinite(dice):
        kept["validation_dice"] = dice
    people = fields.get("trained_people")
    if isinstance(people, list) and all(isinstance(person, str) for person in people):
        kept["trained_people"] = people
    return kept
