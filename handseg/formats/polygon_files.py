"""A folder with a polygon file for each image: what its schemas share, and what handseg adds."""

import hashlib
import json
import os
from abc import abstractmethod
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from handseg import rle
from handseg.anatomy import BONES, NEAR
from handseg.errors import InputError
from handseg.formats.documents import (
    Size,
    check_name,
    check_size,
    check_version,
    is_whole,
    read_json,
)
from handseg.formats.masks import AHEAD, FolderFormat, Masks, Place, folder_at, origin_of
from handseg.formats.polygons import Polygon, PolygonMask, known_name, unknown_class
from handseg.text import counted, shown
from handseg.work import Progress, silent, threads

LARGEST_FILE = 1 << 26
"""Bytes of a file of one image, which may hold the image itself."""
KEY = "handseg"
"""Of what handseg writes beside the shapes."""
VERSION = 1
SETTINGS = "dataset.toml"
"""Of a data set: what a folder of label files needs to be one."""


class Shape(NamedTuple):
    """One shape as it stands in a file; `number` is its place there, from 0."""

    number: int
    label: str
    entry: Mapping[str, Any]


class Target(NamedTuple):
    """Where the file of an image goes and where a copy of its picture does, inside the folder."""

    file: str
    picture: str


class PlaceImage(Protocol):
    """Puts an image beside polygon files, as a copy or a link."""

    def __call__(self, image: Path, target: Path, *, only_eight_bits: bool) -> Path:
        """Put `image` at `target`, as 8 bits if it must be; gives the path of what is there now."""
        ...


@dataclass(frozen=True)
class FileMetadata:
    """What a file's own schema has no place for; None where the file does not say it."""

    image_name: str | None = None
    size: Size | None = None
    number: int | None = None
    """The image's place among the others, from 0."""
    classes: tuple[str, ...] | None = None
    labelled: frozenset[str] | None = None
    """The classes that were labelled where that is not all."""
    origin: Mapping[str, Any] | None = None


def metadata_in(masks: Masks) -> dict[str, dict[str, Any]]:
    """What is written into the file of each image."""
    found: dict[str, dict[str, Any]] = {}
    for number, (name, size) in enumerate(masks.images.items()):
        found[name] = {
            "v": VERSION,
            "image_name": name,
            "size": list(size),
            "number": number,
            "classes": list(masks.classes),
            **({"labelled": list(masks.known(name))} if name in masks.labelled else {}),
            "origin": {**masks.origin, "source": masks.source},
        }
    return found


def read_metadata(place: str, fields: Any) -> FileMetadata:
    """The metadata of a file, which may have been changed; none where there are none.

    Raises InputError, which begins with `place`, where they are there and at fault.
    """
    if not isinstance(fields, dict) or not is_whole(fields.get("v")):
        return FileMetadata()
    check_version(place, fields["v"], VERSION)
    classes = _names(f"{place}.classes", fields.get("classes"))
    labelled = fields.get("labelled")
    size = fields.get("size")
    if not isinstance(size, list) or len(size) != 2:
        raise InputError(f"{place}.size is no height and width")
    return FileMetadata(
        image_name=check_name(f"{place}.image_name", fields.get("image_name")),
        size=check_size(f"{place}.size", *size),
        number=fields["number"] if is_whole(fields.get("number")) else None,
        classes=classes,
        labelled=None if labelled is None else frozenset(_names(f"{place}.labelled", labelled)),
        origin=origin_of(fields.get("origin")),
    )


def _names(place: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise InputError(f"{place} is no list of names")
    names = tuple(check_name(f"{place}[{number}]", name) for number, name in enumerate(value))
    if len(set(names)) < len(names):
        raise InputError(f"{place} has a name twice")
    return names


@dataclass(frozen=True)
class PolygonFile:
    """What is remembered of a file; its shapes are read again when they are asked for."""

    path: Path
    sha256: str
    metadata: FileMetadata
    labels: frozenset[str]
    """The classes that are drawn."""

    @property
    def image(self) -> str:
        return self.metadata.image_name or self.path.stem

    @property
    def size(self) -> Size:
        return self.metadata.size or (0, 0)


@dataclass(frozen=True)
class PolygonFormat(FolderFormat):
    """A format with a file for each image, empty ones too; drawn again, its polygons are the masks.

    Args:
        place_image: puts the images beside the files; None leaves them where they are.
    """

    place_image: PlaceImage | None = None

    only_eight_bits: ClassVar[bool]
    """Whether pictures beside the files must be of 8 bits and no DICOM to be opened."""
    classes: ClassVar[tuple[str, ...] | None]
    """Those of files that do not say theirs; None: what is drawn."""
    contents: ClassVar[str] = "polygon files"
    suffixes: ClassVar[tuple[str, ...]] = (".json",)
    beside: ClassVar[str] = ""
    """The one other file that the folder may hold."""

    @abstractmethod
    def files(self, folder: Path) -> list[Path]:
        """The files of a folder, in the order of their paths."""

    @abstractmethod
    def looks_like(self, content: bytes) -> bool:
        """Whether the content of a JSON file looks like this schema; it may still be at fault."""

    @abstractmethod
    def targets(self, masks: Masks) -> dict[str, Target]:
        """Where the file of each image goes; raises InputError where two would be the same."""

    @abstractmethod
    def document(
        self, drawn: Mapping[str, PolygonMask], size: Size, picture: str, metadata: dict[str, Any]
    ) -> dict[str, Any]:
        """The file of an image; `picture` is the path from the file to the image."""

    @abstractmethod
    def metadata(self, path: Path, document: Any) -> FileMetadata:
        """Name, size and the rest; raises InputError where the file is at fault."""

    @abstractmethod
    def shapes(self, path: Path, document: Any) -> Iterator[Shape]:
        """The shapes of a file; raises InputError where it is at fault."""

    @abstractmethod
    def paint(self, path: Path, shape: Shape, mask: NDArray[np.uint8]) -> Polygon | None:
        """Draw a shape into `mask`, uint8 [H, W] of 0 and 1; gives its polygon where it is one.

        Raises InputError where it is at fault or of a kind that has no inside.
        """

    def settings(self, masks: Masks) -> str | None:
        """What `dataset.toml` must say for the folder to be a data set; None where nothing."""
        return None

    def recognises(self, path: Path) -> bool:
        """Whether a JSON file, or the first file of a folder, is of this format."""
        if path.is_file():
            return self.is_file(path)
        files = self.files(path)
        return bool(files) and self.is_file(files[0])

    def is_file(self, path: Path) -> bool:
        plausible = path.suffix.lower() == ".json" and path.stat().st_size <= LARGEST_FILE
        return plausible and self.looks_like(path.read_bytes())

    def holds_only(self, folder: Path) -> bool:
        """Whether a folder has nothing in it but files of this format: it may be replaced."""
        files = self.files(folder)
        known = {*files, folder / self.beside}
        others = (path for path in folder.rglob("*") if path not in known and not path.is_dir())
        return all(map(self.is_file, files)) and not any(others)

    def read(self, path: Path) -> Masks:
        """The masks of a file or of the files of a folder; images are not looked for.

        A class that is drawn counts as labelled, whatever the file says. Raises InputError, with
        file and place, where a file is at fault, leads out of the folder or draws an unknown class.
        """
        files = [self.read_file(file) for file in self._files_of(path)]
        if all(file.metadata.number is not None for file in files):
            files.sort(key=lambda file: file.metadata.number or 0)
        by_image = {file.image: file for file in files}
        classes = _classes(files, self.classes)
        known = frozenset(classes)
        for file in files:
            _check(file, by_image[file.image], known)

        # An image's classes are asked for one after the other, a few images at a time.
        @lru_cache(maxsize=2 * AHEAD)
        def drawn(image: str) -> dict[str, PolygonMask]:
            return self.drawn_in(by_image[image])

        nothing = PolygonMask(rle.empty())
        return Masks(
            path=path,
            sha256=_sha256(files),
            format=self.name,
            images={name: file.size for name, file in by_image.items()},
            classes=classes,
            runs_of=lambda image, cls: drawn(image).get(cls, nothing).runs,
            origin=_origin(files),
            notes=tuple(_notes(files)),
            labelled=_labelled(by_image, classes),
            polygons_of=lambda image, cls: drawn(image).get(cls, nothing).polygons,
        )

    def write(self, place: Place, masks: Masks, progress: Progress = silent) -> Path:
        """Write the folder, each image in a thread.

        Raises InputError for an image at fault too.
        """
        if self.place_image is not None:
            _check_located(masks)
        targets, metadata = self.targets(masks), metadata_in(masks)
        with folder_at(place) as draft:
            root = draft.path
            settings = self.settings(masks)
            if settings is not None:
                (root / SETTINGS).write_text(settings, encoding="utf-8")

            def write(image: str) -> None:
                self._write(root, masks, image, targets[image], metadata[image])

            with threads() as pool:
                written = pool.map(write, masks.images)
                for done, (image, _) in enumerate(zip(masks.images, written, strict=True)):
                    progress(done, len(masks.images), image)
            progress(len(masks.images), len(masks.images))
        return draft.path

    def _files_of(self, path: Path) -> list[Path]:
        if path.is_file():
            return [path]
        files, root = self.files(path), path.resolve()
        for file in files:
            if not file.resolve().is_relative_to(root):
                raise InputError(f"{file} leads out of {path}")
        return files

    def read_file(self, path: Path, classes: Sequence[str] | None = None) -> PolygonFile:
        """What one file says; labels are `classes`, whatever their spelling, else its own.

        Raises InputError where it is at fault.
        """
        document = read_json(path, largest=LARGEST_FILE)
        metadata = self.metadata(path, document)
        if classes is not None:
            metadata = replace(metadata, classes=tuple(classes))
        labels = frozenset(shape.label for shape in self._named(path, document, metadata))
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        return PolygonFile(path, digest, metadata, labels)

    def _named(self, path: Path, document: Any, metadata: FileMetadata) -> Iterator[Shape]:
        for shape in self.shapes(path, document):
            yield shape._replace(label=known_name(shape.label, metadata.classes or BONES))

    def drawn_in(self, file: PolygonFile) -> dict[str, PolygonMask]:
        """The mask of each class that a file draws; raises InputError for a shape at fault."""
        document = read_json(file.path, largest=LARGEST_FILE)
        shapes: dict[str, list[Shape]] = {}
        for shape in self._named(file.path, document, file.metadata):
            shapes.setdefault(shape.label, []).append(shape)
        drawn: dict[str, PolygonMask] = {}
        for label, some in shapes.items():
            mask = np.zeros(file.size, np.uint8)
            painted = [self.paint(file.path, shape, mask) for shape in some]
            polygons = [polygon for polygon in painted if polygon is not None]
            is_all = len(polygons) == len(painted)
            drawn[label] = PolygonMask(rle.from_mask(mask), polygons if is_all else ())
        return drawn

    def _write(
        self, root: Path, masks: Masks, image: str, target: Target, metadata: dict[str, Any]
    ) -> None:
        path = root / target.file
        path.parent.mkdir(parents=True, exist_ok=True)
        drawn = {
            cls: PolygonMask(masks.runs_of(image, cls), masks.polygons_of(image, cls))
            for cls in masks.known(image)
        }
        picture = self._picture(root, masks, image, target)
        document = self.document(drawn, masks.images[image], picture, metadata)
        path.write_text(json.dumps(document), encoding="ascii")

    def _picture(self, root: Path, masks: Masks, image: str, target: Target) -> str:
        """The path from the file to its image; where that is not known, as if it lay beside."""
        picture = root / target.picture
        if image in masks.image_files:
            original = masks.image_files[image].path
            if self.place_image is None:
                picture = original
            else:
                picture.parent.mkdir(parents=True, exist_ok=True)
                only_eight_bits = self.only_eight_bits
                picture = self.place_image(original, picture, only_eight_bits=only_eight_bits)
        # A link is not followed, its folder is.
        there, here = picture.parent.resolve() / picture.name, (root / target.file).parent.resolve()
        return Path(os.path.relpath(there, here)).as_posix()


def _check_located(masks: Masks) -> None:
    """Raise InputError unless it is known where every image lies."""
    lacking = [image for image in masks.images if image not in masks.image_files]
    if lacking:
        raise InputError(
            f"nobody knows where {counted(len(lacking), 'image')} of {len(masks.images)} lie",
            details=shown(lacking),
            hints=["--data DIR names the data set that has them"],
        )


def _classes(files: Sequence[PolygonFile], usual: tuple[str, ...] | None) -> tuple[str, ...]:
    """Those that files say, else the schema's, else what is drawn: bones first, in their order."""
    written = [file.metadata.classes for file in files if file.metadata.classes is not None]
    if written:
        return tuple(dict.fromkeys(cls for classes in written for cls in classes))
    if usual is not None:
        return usual
    _refuse_typos(files)
    drawn = {label for file in files for label in file.labels}
    bones = [bone for bone in BONES if bone in drawn]
    return (*bones, *sorted(drawn.difference(bones)))


def _refuse_typos(files: Sequence[PolygonFile]) -> None:
    """Raise InputError for a label that is nearly a class which its image lacks and others have.

    It would be a class of its own, and empty the right one.
    """
    times = Counter(label for file in files for label in file.labels)
    for file in files:
        for label in sorted(file.labels.difference(BONES)):
            others = [name for name in (*BONES, *times) if name != label]
            near = get_close_matches(label, others, n=1, cutoff=NEAR)
            if near and near[0] not in file.labels and 2 * times[label] <= times[near[0]]:
                raise InputError(
                    f"{file.path} draws {label!r} (did you mean {near[0]}?)",
                    details=f"{near[0]} is not drawn there; {times[near[0]]} of {len(files)} files "
                    "have it",
                    hints=["correct the label; a class of its own must be unlike the others"],
                )


def _check(file: PolygonFile, owner: PolygonFile, classes: frozenset[str]) -> None:
    if owner is not file:
        raise InputError(
            f"two files are of the image {file.image!r}", details=f"{file.path}\n{owner.path}"
        )
    for label in sorted(file.labels):
        if label not in classes:
            raise unknown_class(f"{file.path}", label, sorted(classes))


def _labelled(
    files: Mapping[str, PolygonFile], classes: Sequence[str]
) -> dict[str, frozenset[str]]:
    """What was labelled of images of which not all was."""
    found: dict[str, frozenset[str]] = {}
    for image, file in files.items():
        known = file.metadata.labelled
        if known is None:
            known = frozenset(file.metadata.classes or classes)
        known |= file.labels
        if not known.issuperset(classes):
            found[image] = known
    return found


def _origin(files: Sequence[PolygonFile]) -> Mapping[str, object]:
    """What all files say of the models behind them; nothing where they differ."""
    first = files[0].metadata.origin if files else None
    return first or {} if all(file.metadata.origin == first for file in files) else {}


def _notes(files: Sequence[PolygonFile]) -> list[str]:
    bare = sum(file.metadata.classes is None for file in files)
    if not bare:
        return []
    return [f"{counted(bare, 'file')} without a list of classes: what is not drawn is absent"]


def _sha256(files: Sequence[PolygonFile]) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.image}\0{file.sha256}\n".encode())
    return digest.hexdigest()
