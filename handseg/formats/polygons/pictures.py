"""The images beside polygon files: only where a person asks for them."""

import os
import shutil
from enum import Enum, auto
from pathlib import Path

from handseg.errors import InputError
from handseg.formats.masks import Masks
from handseg.text import counted, shown

EIGHT_BITS = frozenset({"1", "L", "LA", "P", "RGB", "RGBA"})
"""Kinds of pixels, as Pillow calls them, that annotation tools show."""


class Pictures(Enum):
    """What becomes of the images."""

    STAY = auto()
    COPY = auto()
    LINK = auto()


def check_known(masks: Masks) -> None:
    """Raise InputError unless it is known where every image lies."""
    lacking = [image for image in masks.images if image not in masks.samples]
    if lacking:
        raise InputError(
            f"nobody knows where {counted(len(lacking), 'image')} of {len(masks.images)} lie",
            details=shown(lacking),
            hints=["--data DIR names the data set that has them"],
        )


def put(image: Path, target: Path, how: Pictures, *, eight_bits: bool) -> Path:
    """Copy or link an image to `target`; gives the path of what is there now.

    What is deeper than 8 bits, or DICOM, becomes an 8-bit PNG where only those can be opened.
    Raises InputError where an image cannot be read.
    """
    from handseg.data.images import read_image, write_png

    target.parent.mkdir(parents=True, exist_ok=True)
    if eight_bits and not is_eight_bits(image):
        target = target.with_suffix(".png")
        write_png(target, read_image(image))
    elif how is Pictures.LINK:
        target.symlink_to(image.resolve())
    else:
        shutil.copyfile(image, target)
    return target


def is_eight_bits(image: Path) -> bool:
    """Whether other tools show an image as it is."""
    from handseg.data.images import is_dicom, opened

    if is_dicom(image):
        return False
    with opened(image) as picture:
        return picture.mode in EIGHT_BITS


def way(image: Path, folder: Path) -> str:
    """The path from `folder` to an image, with slashes; a link is not followed, its folder is."""
    return Path(os.path.relpath(image.parent.resolve() / image.name, folder.resolve())).as_posix()
