"""Polygon files to masks: what people corrected, drawn as the competition draws it."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from handseg import rle
from handseg.anatomy import BONES
from handseg.data.json_files import read_json
from handseg.data.labels import unknown_class
from handseg.errors import InputError
from handseg.formats.masks import AHEAD, Masks, Size
from handseg.formats.polygons.dialect import Dialect, Shape
from handseg.formats.polygons.facts import Facts
from handseg.formats.polygons.tracing import Drawing
from handseg.text import counted

LARGEST_FILE = 1 << 26
"""Bytes of a file of one image, which may hold the image itself."""


@dataclass(frozen=True)
class Header:
    """What is kept of a file; its shapes are read again when they are asked for."""

    path: Path
    sha256: str
    facts: Facts
    labels: frozenset[str]
    """The classes that are drawn."""

    @property
    def image(self) -> str:
        return self.facts.image_name or self.path.stem

    @property
    def size(self) -> Size:
        return self.facts.size or (0, 0)


def read_polygon_files(path: Path, dialect: Dialect) -> Masks:
    """The masks of a file or of the files of a folder; images are not looked for.

    A class that is drawn counts as labelled, whatever the file says. Raises InputError, with file
    and place, where a file is at fault, leads out of the folder or draws an unknown class.
    """
    headers = _in_order([_header(file, dialect) for file in _files(path, dialect)])
    by_image = {header.image: header for header in headers}
    classes = _classes(headers, dialect)
    known = frozenset(classes)
    for header in headers:
        _check(header, by_image[header.image], known)

    # An image's classes are asked for one after the other, a few images at a time.
    @lru_cache(maxsize=2 * AHEAD)
    def drawn(image: str) -> dict[str, Drawing]:
        return _drawn(by_image[image], dialect)

    nothing = Drawing(rle.empty())

    return Masks(
        path=path,
        sha256=_sha256(headers),
        format=dialect.name,
        images={name: header.size for name, header in by_image.items()},
        classes=classes,
        runs_of=lambda image, cls: drawn(image).get(cls, nothing).runs,
        origin=_origin(headers),
        notes=tuple(_notes(headers)),
        labelled=_labelled(by_image, classes),
        polygons_of=lambda image, cls: drawn(image).get(cls, nothing).polygons,
    )


def _files(path: Path, dialect: Dialect) -> list[Path]:
    if path.is_file():
        return [path]
    files, root = dialect.files(path), path.resolve()
    for file in files:
        if not file.resolve().is_relative_to(root):
            raise InputError(f"{file} leads out of {path}")
    return files


def _header(path: Path, dialect: Dialect) -> Header:
    document = read_json(path, largest=LARGEST_FILE)
    labels = frozenset(shape.label for shape in dialect.shapes(path, document))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Header(path, digest, dialect.facts(path, document), labels)


def _in_order(headers: list[Header]) -> list[Header]:
    """As they were written where all say it, else by their paths."""
    numbers = [header.facts.number for header in headers]
    if any(number is None for number in numbers):
        return headers
    return sorted(headers, key=lambda header: header.facts.number or 0)


def _classes(headers: Sequence[Header], dialect: Dialect) -> tuple[str, ...]:
    """Those that files say, else the schema's, else what is drawn: bones first, in their order."""
    said = [header.facts.classes for header in headers if header.facts.classes is not None]
    if said:
        return tuple(dict.fromkeys(cls for classes in said for cls in classes))
    if dialect.classes is not None:
        return dialect.classes
    drawn = {label for header in headers for label in header.labels}
    bones = [bone for bone in BONES if bone in drawn]
    return (*bones, *sorted(drawn.difference(bones)))


def _check(header: Header, owner: Header, classes: frozenset[str]) -> None:
    if owner is not header:
        raise InputError(
            f"two files are of the image {header.image!r}", details=f"{header.path}\n{owner.path}"
        )
    for label in sorted(header.labels):
        if label not in classes:
            raise unknown_class(f"{header.path}", label, sorted(classes))


def _labelled(headers: Mapping[str, Header], classes: Sequence[str]) -> dict[str, frozenset[str]]:
    """What was labelled of images of which not all was."""
    found: dict[str, frozenset[str]] = {}
    for image, header in headers.items():
        said = header.facts.labelled
        known = said if said is not None else frozenset(header.facts.classes or classes)
        known |= header.labels
        if not known.issuperset(classes):
            found[image] = known
    return found


def _drawn(header: Header, dialect: Dialect) -> dict[str, Drawing]:
    """What is drawn in a file, by class."""
    document = read_json(header.path, largest=LARGEST_FILE)
    shapes: dict[str, list[Shape]] = {}
    for shape in dialect.shapes(header.path, document):
        shapes.setdefault(shape.label, []).append(shape)
    drawn: dict[str, Drawing] = {}
    for label, some in shapes.items():
        mask = np.zeros(header.size, np.uint8)
        painted = [dialect.paint(header.path, shape, mask) for shape in some]
        polygons = [polygon for polygon in painted if polygon is not None]
        is_all = len(polygons) == len(painted)
        drawn[label] = Drawing(rle.from_mask(mask), polygons if is_all else ())
    return drawn


def _origin(headers: Sequence[Header]) -> Mapping[str, object]:
    """What all files say of the models behind them; nothing where they differ."""
    first = headers[0].facts.origin if headers else None
    return first or {} if all(header.facts.origin == first for header in headers) else {}


def _notes(headers: Sequence[Header]) -> list[str]:
    """What was supposed."""
    silent = sum(header.facts.classes is None for header in headers)
    if not silent:
        return []
    return [f"{counted(silent, 'file')} without a list of classes: what is not drawn is absent"]


def _sha256(headers: Sequence[Header]) -> str:
    digest = hashlib.sha256()
    for header in headers:
        digest.update(f"{header.image}\0{header.sha256}\n".encode())
    return digest.hexdigest()
