"""Radiographs as grey arrays, and their size from the header alone."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from handseg.data.dicom import is_dicom, read_dicom, read_header
from handseg.formats.image_files import DAMAGE, eight_bits, opened, unreadable

if TYPE_CHECKING:
    from PIL import Image

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff"})
EIGHT_BITS = frozenset({"1", "L", "LA", "P", "RGB", "RGBA"})
"""Kinds of pixels, as Pillow calls them, that annotation tools show."""


def is_radiograph(path: Path) -> bool:
    known = path.suffix.lower() in SUFFIXES
    return (known or is_dicom(path)) and not path.is_dir()


def image_size(path: Path) -> tuple[int, int]:
    """`(height, width)` in pixels, read from the header.

    Raises:
        InputError: the file is missing, no image, or said to be larger than any radiograph.
    """
    if is_dicom(path):
        return read_header(path).size
    with opened(path) as image:
        return image.height, image.width


def read_image(path: Path) -> NDArray[np.uint8]:
    """The whole image as grey `uint8[height, width]`.

    Colour is turned into luminance; of deeper pixels `eight_bits` are kept, of DICOM what its
    window shows, of several frames the first.

    Raises:
        InputError: the file is missing, truncated or no image, its pixels are of no known range,
            or there are more than `MOST_PIXELS` of them.
    """
    if is_dicom(path):
        return read_dicom(path)
    with opened(path) as image:
        try:
            if _is_deep_colour(image):
                return eight_bits(_deep_grey(path))
            if image.mode.startswith("I"):
                # Pillow's own conversion would cut off above 255: a white image.
                return eight_bits(np.asarray(image))
            if image.mode == "F":
                raise ValueError(f"pixels of the kind {image.mode!r} have no known range")
            return np.asarray(image.convert("L"))
        except (*DAMAGE, MemoryError) as error:
            raise unreadable(path, str(error)) from error


def _is_deep_colour(image: "Image.Image") -> bool:
    """Whether a file has colours of 16 bits, of which Pillow keeps the upper 8 of 16."""
    raw = [str(tile[3]) for tile in getattr(image, "tile", ())]
    return image.mode in ("RGB", "RGBA", "LA", "RGBX") and any(";16" in mode for mode in raw)


def _deep_grey(path: Path) -> NDArray[np.uint16]:
    """A colour image of 16 bits as luminance."""
    import cv2

    content = np.frombuffer(path.read_bytes(), np.uint8)
    try:
        found = cv2.imdecode(content, cv2.IMREAD_GRAYSCALE | cv2.IMREAD_ANYDEPTH)
    except cv2.error as error:
        raise ValueError(str(error)) from error
    if found is None:
        raise ValueError("the pixels cannot be decoded")
    return np.asarray(found, np.uint16)


def write_png(path: Path, image: NDArray[np.uint8]) -> None:
    """Write `uint8[height, width]` as a grey PNG."""
    from PIL import Image

    # Level 1: radiographs are noise to zlib; higher levels cost five times the time for 5 %.
    Image.fromarray(image).save(path, compress_level=1)


def put_image(image: Path, target: Path, *, only_eight_bits: bool, is_link: bool = False) -> Path:
    """Copy or link an image to `target`; gives the path of what is there now.

    What is deeper than 8 bits, or DICOM, becomes an 8-bit PNG where only those can be opened.
    Raises InputError where an image cannot be read.
    """
    if only_eight_bits and not _is_eight_bits(image):
        target = target.with_suffix(".png")
        write_png(target, read_image(image))
    elif is_link:
        target.symlink_to(image.resolve())
    else:
        shutil.copyfile(image, target)
    return target


def _is_eight_bits(image: Path) -> bool:
    """Whether other tools show an image as it is."""
    if is_dicom(image):
        return False
    with opened(image) as picture:
        return picture.mode in EIGHT_BITS
