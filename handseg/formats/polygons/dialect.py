"""Where the two schemas of polygon files differ: one file an image in either."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from handseg.data.labels import Polygon
from handseg.errors import InputError
from handseg.formats.masks import Masks, Size, check_name
from handseg.formats.polygons.facts import Facts
from handseg.formats.polygons.tracing import Drawing


class Shape(NamedTuple):
    """One shape as it stands in a file; `number` is its place there, from 0."""

    number: int
    label: str
    entry: Mapping[str, Any]


class Spot(NamedTuple):
    """Where the file of an image goes and where a copy of its picture does, inside the folder."""

    file: str
    picture: str


class Dialect(Protocol):
    """A schema of polygon files."""

    @property
    def name(self) -> str:
        """As `--to` calls it."""
        ...

    @property
    def eight_bits(self) -> bool:
        """Whether pictures beside the files must be of 8 bits and no DICOM to be opened."""
        ...

    @property
    def classes(self) -> tuple[str, ...] | None:
        """Those of files that do not say theirs; None: what is drawn."""
        ...

    def files(self, folder: Path) -> list[Path]:
        """The files of a folder, in the order of their paths."""
        ...

    def is_file(self, content: bytes) -> bool:
        """Whether the content of a JSON file looks like this schema; it may still be at fault."""
        ...

    def spots(self, masks: Masks) -> dict[str, Spot]:
        """Where the file of each image goes; raises InputError where two would be the same."""
        ...

    def document(
        self, drawn: Mapping[str, Drawing], size: Size, picture: str, facts: dict[str, Any]
    ) -> dict[str, Any]:
        """The file of an image; `picture` is the path from the file to the image."""
        ...

    def settings(self, masks: Masks) -> str | None:
        """What `dataset.toml` must say for the folder to be a data set; None where nothing."""
        ...

    def notes(self, masks: Masks) -> list[str]:
        """What a person should know of what will be written."""
        ...

    def facts(self, path: Path, document: Any) -> Facts:
        """Name, size and the rest; raises InputError where the file is at fault."""
        ...

    def shapes(self, path: Path, document: Any) -> Iterator[Shape]:
        """The shapes of a file; raises InputError where it is at fault."""
        ...

    def paint(self, path: Path, shape: Shape, mask: NDArray[np.uint8]) -> Polygon | None:
        """Draw a shape into `mask`, uint8 [H, W] of 0 and 1; gives its polygon where it is one.

        Raises InputError where it is at fault or of a kind that has no inside.
        """
        ...


def labelled_entries(path: Path, entries: Any, thing: str) -> Iterator[Shape]:
    """The shapes of a list of objects that have a `label`; raises InputError for anything else."""
    if not isinstance(entries, list):
        raise InputError(f"{path} has no list of {thing}s")
    for number, entry in enumerate(entries):
        label = entry.get("label") if isinstance(entry, dict) else None
        yield Shape(number, check_name(f"{path}: {thing} {number}", label), entry)
