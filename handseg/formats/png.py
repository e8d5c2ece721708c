"""PNG planes: a black and white picture for each mask that is not empty, and their index."""

import hashlib
import json
import shlex
import struct
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from handseg import rle
from handseg.errors import InputError
from handseg.formats.documents import (
    Size,
    check_name,
    check_size,
    check_version,
    is_whole,
    labelled_of,
    read_json,
)
from handseg.formats.image_files import DAMAGE, opened, orientation_of, unreadable
from handseg.formats.masks import (
    FileNames,
    FolderFormat,
    Masks,
    Place,
    folder_at,
    is_plain,
    origin_of,
    stem_of,
)
from handseg.text import counted, pixels_text, shown
from handseg.work import Progress, silent, threads

if TYPE_CHECKING:
    from PIL import Image

INDEX = "planes.json"
"""Which file holds which mask, and what the files cannot say."""
FORMAT = "handseg planes"
VERSION = 1

WHITE = (0, 1, 255, (1 << 16) - 1)
"""The largest value of a mask, by who wrote it."""
SIGNATURE = b"\x89PNG\r\n\x1a\n"
BITS, GREY = 1, 0
"""Bits of a pixel; the kind of a picture whose pixels are brightnesses."""
LEVEL = 1
"""Of zlib: higher ones take twice the time for files that are small anyway."""


@dataclass(frozen=True)
class PlanesIndex:
    """The images with their sizes, the classes, and the file of each mask that is not empty."""

    images: Mapping[str, Size]
    classes: tuple[str, ...]
    files: Mapping[tuple[str, str], str]
    """Relative paths `folder/file.png` by image and class."""
    origin: Mapping[str, Any]
    labelled: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    """Of images of which not all classes were labelled, which were."""

    def document(self, source: Mapping[str, Any]) -> dict[str, Any]:
        """The index as JSON; `source` says what the planes were made of."""
        drawn: dict[str, dict[str, str]] = {name: {} for name in self.images}
        for (image, cls), file in self.files.items():
            drawn[image][cls] = file
        return {
            "format": FORMAT,
            "v": VERSION,
            "handseg": {**self.origin, "source": dict(source)},
            "classes": list(self.classes),
            "images": [self._image(name, drawn[name]) for name in self.images],
        }

    def _image(self, name: str, planes: dict[str, str]) -> dict[str, Any]:
        height, width = self.images[name]
        entry: dict[str, Any] = {"name": name, "height": height, "width": width, "planes": planes}
        if name in self.labelled:
            entry["labelled"] = [cls for cls in self.classes if cls in self.labelled[name]]
        return entry


def read_index(folder: Path) -> PlanesIndex:
    """The index of a folder of planes; raises InputError, with the place, where it is at fault."""
    path = folder / INDEX
    document = read_json(path)
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise InputError(f"{path} is no index of planes")
    version = document.get("v")
    if not is_whole(version):
        raise InputError(f"{path} has the version {version!r:.20}")
    check_version(f"{path}", version, VERSION)
    classes = _list(path, document, "classes")
    names = dict.fromkeys(check_name(f"{path}: class {n}", cls) for n, cls in enumerate(classes))
    if len(names) < len(classes):
        raise InputError(f"{path} has a class twice")
    images: dict[str, Size] = {}
    files: dict[tuple[str, str], str] = {}
    labelled: dict[str, frozenset[str]] = {}
    for number, entry in enumerate(_list(path, document, "images")):
        name, size, planes = _read_image(f"{path}: image {number}", entry)
        if name in images:
            raise InputError(f"{path} has two images {name!r}")
        images[name] = size
        named = labelled_of(entry.get("labelled"), classes)
        if named is not None:
            labelled[name] = named | planes.keys()
        for cls, file in planes.items():
            if cls not in names:
                raise InputError(f"{path}: image {name!r} has a plane of the class {cls!r}")
            files[name, cls] = _inside(f"{path}: image {name!r}, {cls}", file)
    return PlanesIndex(images, tuple(names), files, origin_of(document.get("handseg")), labelled)


@dataclass(frozen=True)
class PngFormat(FolderFormat):
    """A folder for each image with a 1-bit PNG for each mask that is not empty.

    `planes.json` beside them says the rest: names, sizes, which masks are empty and which were
    never labelled.
    """

    name: ClassVar[str] = "png"
    contents: ClassVar[str] = "planes"

    def recognises(self, path: Path) -> bool:
        return (path / INDEX).is_file()

    def holds_only(self, folder: Path) -> bool:
        """Whether a folder of planes has nothing in it that is not one: it may be replaced."""
        return self.recognises(folder) and all(
            entry.name == INDEX
            or (entry.is_dir() and all(file.suffix == ".png" for file in entry.iterdir()))
            for entry in folder.iterdir()
        )

    def read(self, path: Path) -> Masks:
        """The masks of a folder of planes; a picture is opened when its mask is asked for.

        What is white is inside, in pictures of other kinds than black and white too. Raises
        InputError, with the place, where the index is at fault or a plane is missing, damaged, of
        another size, outside the folder or no mask.
        """
        index = _with_painted(path, read_index(path))

        def runs_of(image: str, cls: str) -> rle.Runs:
            file = index.files.get((image, cls))
            return rle.empty() if file is None else _read_plane(path / file, index.images[image])

        return Masks(
            path=path,
            sha256=_sha256(path, index),
            format=self.name,
            images=index.images,
            classes=index.classes,
            runs_of=runs_of,
            origin=index.origin,
            notes=tuple(_notes(path, index)),
            labelled=index.labelled,
        )

    def write(self, place: Place, masks: Masks, progress: Progress = silent) -> Path:
        """Write the planes, each image in a thread, and then their index."""
        files: dict[tuple[str, str], str] = {}
        paths = _paths(masks.images, masks.classes)
        with folder_at(place) as draft:
            root = draft.path
            with threads() as pool:
                drawn = pool.map(lambda image: _write_planes(root, masks, image, paths),
                                 masks.images)  # fmt: skip
                for done, (image, some) in enumerate(zip(masks.images, drawn, strict=True)):
                    progress(done, len(masks.images), image)
                    files |= some
            progress(len(masks.images), len(masks.images))
            index = PlanesIndex(masks.images, masks.classes, files, masks.origin, masks.labelled)
            text = json.dumps(index.document(masks.source), indent=1)
            (root / INDEX).write_text(text, encoding="ascii")
        return draft.path


def png_of(runs: rle.Runs, size: Size) -> bytes:
    """The PNG, one bit a pixel, of a mask that is not empty; white is inside.

    Only the rows that the mask has are decoded: Pillow and cv2 take several times as long, as they
    go through all pixels of the image, a byte each. Format: https://www.w3.org/TR/png-3/.
    """
    height, width = size
    top, bottom = int(runs[0, 0]) // width, (int(runs[-1, 1]) - 1) // width + 1
    band = rle.to_mask(runs - top * width, (bottom - top, width))
    # Each row begins with the number of its filter: 0 is none.
    rows = np.zeros((height, 1 + (width + 7) // 8), np.uint8)
    rows[top:bottom, 1:] = np.packbits(band, axis=1)
    header = struct.pack(">IIBBBBB", width, height, BITS, GREY, 0, 0, 0)
    content = zlib.compress(rows.data, LEVEL)
    chunks = ((b"IHDR", header), (b"IDAT", content), (b"IEND", b""))
    return SIGNATURE + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _list(path: Path, document: dict[str, Any], name: str) -> list[Any]:
    value = document.get(name)
    if not isinstance(value, list):
        raise InputError(f"{path} has no list of {name}")
    return value


def _read_image(place: str, entry: Any) -> tuple[str, Size, dict[str, Any]]:
    if not isinstance(entry, dict) or not isinstance(entry.get("planes"), dict):
        raise InputError(f"{place} is no object with name, height, width and planes")
    name = check_name(place, entry.get("name"))
    return name, check_size(place, entry.get("height"), entry.get("width")), entry["planes"]


def _inside(place: str, file: Any) -> str:
    """The path of a plane; raises InputError where it leads out of the folder."""
    parts = file.split("/") if isinstance(file, str) else []
    if len(parts) != 2 or not all(map(is_plain, parts)):
        raise InputError(f"{place} has the file {file!r:.80}", details="expected folder/file.png")
    return file


def _read_plane(path: Path, size: Size) -> rle.Runs:
    with opened(path) as picture:
        if orientation_of(picture, path) > 1:
            raise InputError(
                f"{path} is turned by its EXIF orientation: whether its mask is too is not known",
                hints=[f"exiftool -Orientation= {shlex.quote(str(path))}   # as it is stored"],
            )
        if (picture.height, picture.width) != size:
            raise InputError(
                f"{path} has {pixels_text((picture.height, picture.width))} pixels",
                details=f"{INDEX} says {pixels_text(size)}",
            )
        try:
            plane = picture if picture.mode == "1" else _black_and_white(path, picture)
            box = plane.getbbox()
            if box is None:
                return rle.empty()
            # Only the rows that the mask has become an array.
            top, bottom = box[1], box[3]
            band = np.asarray(plane.crop((0, top, size[1], bottom)))
        except DAMAGE as error:
            raise unreadable(path, str(error)) from error
    return rle.from_mask(band) + top * size[1]


def _with_painted(folder: Path, index: PlanesIndex) -> PlanesIndex:
    """The index with planes that a person painted where no mask was, which it does not list."""
    paths = _paths(index.images, index.classes)
    painted = {
        place: file
        for place, file in paths.items()
        if place not in index.files and (folder / file).is_file()
    }
    labelled = {
        image: known | {cls for name, cls in painted if name == image}
        for image, known in index.labelled.items()
    }
    return replace(index, files={**index.files, **painted}, labelled=labelled)


def _black_and_white(path: Path, picture: "Image.Image") -> "Image.Image":
    """A plane that another program saved; raises InputError where it is no mask.

    White is inside, or 1 where the largest value is 1. Anything else would be guessed at: a colour
    that was painted with, soft edges, what shows through.
    """
    from PIL import Image

    pixels = np.asarray(picture.convert("RGBA") if picture.has_transparency_data or picture.mode
                        in ("P", "RGB", "CMYK") else picture)  # fmt: skip
    fault = ""
    if pixels.ndim == 3:
        colour, alpha = pixels[..., :3], pixels[..., 3:]
        if alpha.size and alpha.min() < 255:
            fault = "has transparent pixels"
        elif np.ptp(colour, axis=2).any():
            fault = "is painted in colour"
        pixels = colour[..., 0]
    values = np.unique(pixels).tolist()
    if not fault and (set(values) - {0, values[-1]} or values[-1] not in WHITE):
        fault = f"has the values {shown([str(value) for value in values])}"
    if not fault and pixels[[0, 0, -1, -1], [0, -1, 0, -1]].all():
        fault = "is white in all four corners"
    if fault:
        raise InputError(
            f"the plane {path} {fault}: it is no mask",
            details="of a mask every pixel is black (0) or white (1, 255 or 65535), and no other",
            hints=["paint with pure black and white, without soft edges, and save it as grey"],
        )
    return Image.fromarray(pixels != 0)


def _sha256(folder: Path, index: PlanesIndex) -> str:
    """The sha256 over the index and the planes in its order.

    Raises InputError for a plane that is missing or that a link leads out of the folder.
    """
    digest = hashlib.sha256((folder / INDEX).read_bytes())
    root = folder.resolve()
    for file in index.files.values():
        path = folder / file
        if not path.resolve().is_relative_to(root):
            raise InputError(f"{path} lies outside the folder of planes")
        try:
            digest.update(path.read_bytes())
        except OSError as error:
            raise InputError(
                f"the plane {path} cannot be read", details=str(error.strerror or error)
            ) from None
    return digest.hexdigest()


def _notes(folder: Path, index: PlanesIndex) -> list[str]:
    listed = set(index.files.values())
    found = [path for path in sorted(folder.glob("*/*")) if not path.name.startswith(".")]
    others = [one for path in found if (one := path.relative_to(folder).as_posix()) not in listed]
    if not others:
        return []
    return [f"{counted(len(others), 'file')} that {INDEX} does not list left out: {shown(others)}"]


def _write_planes(
    root: Path, masks: Masks, image: str, paths: Mapping[tuple[str, str], str]
) -> dict[tuple[str, str], str]:
    """The file of each mask of an image that is not empty, written."""
    files: dict[tuple[str, str], str] = {}
    for cls in masks.known(image):
        runs = masks.runs_of(image, cls)
        if len(runs):
            file = files[image, cls] = paths[image, cls]
            (root / file).parent.mkdir(exist_ok=True)
            (root / file).write_bytes(png_of(runs, masks.images[image]))
    return files


def _paths(images: Iterable[str], classes: Sequence[str]) -> dict[tuple[str, str], str]:
    """`folder/file.png` for every image and class."""
    folders, pictures = FileNames(), FileNames()
    # Stems and classes are numbered on their own: a class has the same file name in every folder.
    folder_of = {image: folders.of(stem_of(image)) for image in images}
    picture_of = {cls: pictures.of(cls) for cls in classes}
    return {
        (image, cls): f"{folder}/{picture}.png"
        for image, folder in folder_of.items()
        for cls, picture in picture_of.items()
    }
