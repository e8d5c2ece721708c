"""A folder of PNG planes to masks."""

import hashlib
from pathlib import Path

import numpy as np

from handseg import rle
from handseg.data.images import DAMAGE, opened, unreadable
from handseg.errors import InputError
from handseg.formats.masks import Masks, Size
from handseg.formats.planes.index import NAME, Index, read_index
from handseg.text import counted, shown

HALVES = [0] * 128 + [1] * 128
"""Of 256 grey levels, those that count as white."""


def read_planes(folder: Path) -> Masks:
    """The masks of a folder of planes; a picture is opened when its mask is asked for.

    What is white is inside: pixels of half the brightness or more, in pictures of other kinds than
    black and white too. Raises InputError, with the place, where the index is at fault or a plane
    is missing, damaged, of another size or outside the folder.
    """
    index = read_index(folder)

    def runs_of(image: str, cls: str) -> rle.Runs:
        file = index.files.get((image, cls))
        return rle.empty() if file is None else _runs(folder / file, index.images[image])

    return Masks(
        path=folder,
        sha256=_sha256(folder, index),
        format="png",
        images=index.images,
        classes=index.classes,
        runs_of=runs_of,
        origin=index.origin,
        notes=tuple(_notes(folder, index)),
        labelled=index.labelled,
    )


def _runs(path: Path, size: Size) -> rle.Runs:
    with opened(path) as picture:
        if (picture.height, picture.width) != size:
            raise InputError(
                f"{path} has {picture.height} × {picture.width} pixels",
                details=f"{NAME} says {size[0]} × {size[1]}",
            )
        try:
            plane = picture if picture.mode == "1" else picture.convert("L").point(HALVES, "1")
            box = plane.getbbox()
            if box is None:
                return rle.empty()
            # Only the rows that the mask has become an array.
            top, bottom = box[1], box[3]
            band = np.asarray(plane.crop((0, top, size[1], bottom)))
        except DAMAGE as error:
            raise unreadable(path, error) from error
    return rle.from_mask(band) + top * size[1]


def _sha256(folder: Path, index: Index) -> str:
    """The sha256 over the index and the planes in its order.

    Raises InputError for a plane that is missing or that a link leads out of the folder.
    """
    digest = hashlib.sha256((folder / NAME).read_bytes())
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


def _notes(folder: Path, index: Index) -> list[str]:
    listed = set(index.files.values())
    found = [path.relative_to(folder).as_posix() for path in sorted(folder.glob("*/*.png"))]
    others = [file for file in found if file not in listed]
    if not others:
        return []
    return [f"{counted(len(others), 'PNG')} that {NAME} does not list left out: {shown(others)}"]
