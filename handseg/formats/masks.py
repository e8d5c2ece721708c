"""What every format is read into and written from: a mask for each image and class."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from handseg.errors import InputError
from handseg.progress import Progress, silent
from handseg.rle import Runs

Size = tuple[int, int]
"""(height, width) in pixels."""

LARGEST_IMAGE = 1 << 26
"""Pixels: 8192 × 8192. What is said to be larger is damage, and would fill the memory."""
LARGEST_GRID = 10_000_000
"""Images × classes; a row is written for each."""


@dataclass(frozen=True)
class Masks:
    """The masks of a source; each is read when it is asked for.

    `images` holds the size of every image and `classes` every class, in the order of the rows: one
    row for each pair, an empty mask where the source has none. `runs_of` gives the row-major runs
    of an image and class; it raises InputError, with the place, where the source is at fault.
    """

    path: Path
    sha256: str
    format: str
    images: Mapping[str, Size]
    classes: tuple[str, ...]
    runs_of: Callable[[str, str], Runs]
    origin: Mapping[str, Any]
    """What is known of the models behind the masks, as fields of a sidecar."""
    notes: tuple[str, ...] = ()
    """What a person should know: things left out, united or lost."""

    def __post_init__(self) -> None:
        """Raises InputError where there is nothing, or more than an image can hold."""
        rows = len(self.images) * len(self.classes)
        if not rows:
            missing = "classes" if self.images else "images"
            raise InputError(f"there is nothing to convert: {self.path} has no {missing}")
        if rows > LARGEST_GRID:
            raise InputError(
                f"{self.path} has {len(self.images)} images of {len(self.classes)} classes",
                why=f"that would be {rows} masks; at most {LARGEST_GRID} are read",
            )
        for name, (height, width) in self.images.items():
            check_size(f"{self.path}: image {name!r}", height, width)


def rows(masks: Masks, progress: Progress = silent) -> Iterator[tuple[str, str, Runs]]:
    """(image name, class, runs) of every image and class."""
    total, done = len(masks.images) * len(masks.classes), 0
    for image in masks.images:
        for cls in masks.classes:
            progress(done, total, image)
            yield image, cls, masks.runs_of(image, cls)
            done += 1
    progress(done, total)


def check_size(place: str, height: Any, width: Any) -> Size:
    """The size; raises InputError, which begins with `place`, where no image has it."""
    if not (is_whole(height) and is_whole(width) and height > 0 and width > 0):
        raise InputError(f"{place} has no height and width in whole pixels")
    if height * width > LARGEST_IMAGE:
        raise InputError(
            f"{place} is said to have {height} × {width} pixels",
            why=f"images of up to {LARGEST_IMAGE} pixels are converted",
        )
    return height, width


def check_name(place: str, name: Any) -> str:
    """The name of an image or a class; raises InputError where it is none."""
    if not isinstance(name, str) or not name:
        raise InputError(f"{place} has no name")
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        # JSON can escape half a character; no file can hold it.
        raise InputError(f"{place} has a name that is no text: {name!a:.80}") from None
    return name


def is_whole(value: Any) -> bool:
    """Whether it is a whole number; JSON's true is none."""
    return isinstance(value, int) and not isinstance(value, bool)


def counted(number: int, thing: str, things: str = "") -> str:
    """`1 row`, `2 rows`."""
    return f"{number} {thing if number == 1 else things or thing + 's'}"


def shown(names: Sequence[str], most: int = 3) -> str:
    """The first few names."""
    return ", ".join(names[:most]) + (", …" if len(names) > most else "")
