"""Radiographs as grey arrays, and their size from the header alone."""

import struct
import warnings
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from handseg.errors import InputError

if TYPE_CHECKING:
    from PIL import Image

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff"})
DICOM_SUFFIXES = frozenset({".dcm", ".dicom", ".ima"})

MOST_PIXELS = 1 << 28
"""Of an image, 16,384 × 16,384: a header that says more is damage or a bomb; nothing is decoded."""
DEPTHS = (8, 10, 12, 14, 16)
"""The bits that detectors give."""

DAMAGE = (OSError, ValueError, SyntaxError, EOFError, KeyError, TypeError, IndexError, struct.error)
"""What Pillow's decoders raise on damaged files."""


def is_radiograph(path: Path) -> bool:
    """Whether a file is an image by its suffix, or DICOM by its name or its first bytes."""
    known = path.suffix.lower() in SUFFIXES
    return (known or is_dicom(path)) and not path.is_dir()


def is_dicom(path: Path) -> bool:
    """Whether a file is DICOM; its first bytes say so where it has no suffix but an identifier's.

    Archives name files `1.2.840.10008.5` or `IM000001`.
    """
    suffix = path.suffix.lower()
    if suffix in DICOM_SUFFIXES:
        return True
    if suffix and not suffix[1:].isdigit():
        return False
    try:
        with path.open("rb") as file:
            return file.read(132)[128:] == b"DICM"
    except OSError:
        return False


def image_size(path: Path) -> tuple[int, int]:
    """`(height, width)` in pixels, read from the header.

    Raises:
        InputError: the file is missing, no image, or said to be larger than any radiograph.
    """
    if is_dicom(path):
        from handseg.data.dicom import read_header

        return read_header(path).size
    with opened(path) as image:
        return image.height, image.width


def pixel_spacing(path: Path) -> tuple[float, float] | None:
    """Millimetres from one pixel to that below it and to that beside it; DICOM alone says them."""
    if not is_dicom(path):
        return None
    from handseg.data.dicom import read_header

    return read_header(path).spacing


def read_image(path: Path) -> NDArray[np.uint8]:
    """The whole image as grey `uint8[height, width]`.

    Colour is turned into luminance; of deeper pixels `eight_bits` are kept, of DICOM what its
    window shows, of several frames the first.

    Raises:
        InputError: the file is missing, truncated or no image, its pixels are of no known range,
            or there are more than `MOST_PIXELS` of them.
    """
    if is_dicom(path):
        from handseg.data.dicom import read_dicom

        return read_dicom(path)
    with opened(path) as image:
        try:
            if is_deep_colour(image):
                return eight_bits(deep_grey(path))
            if image.mode.startswith("I"):
                # Pillow's own conversion would cut off above 255: a white image.
                return eight_bits(np.asarray(image))
            if image.mode == "F":
                raise ValueError(f"pixels of the kind {image.mode!r} have no known range")
            return np.asarray(image.convert("L"))
        except (*DAMAGE, MemoryError) as error:
            raise unreadable(path, error) from error


def eight_bits(pixels: NDArray[np.integer]) -> NDArray[np.uint8]:
    """Whole numbers as `uint8`: the upper 8 of the bits that the file uses.

    The bits in use are the fewest of `DEPTHS` that hold the largest pixel: most files of 16 bits
    hold 12, and their upper 8 of 16 would be nearly black. Raises ValueError for negative pixels
    and for such of more than 16 bits.
    """
    least, most = (int(pixels.min()), int(pixels.max())) if pixels.size else (0, 0)
    if least < 0 or most >> DEPTHS[-1]:
        raise ValueError(f"pixels from {least} to {most} have no known range")
    depth = next(bits for bits in DEPTHS if most < 1 << bits)
    return (pixels >> (depth - 8)).astype(np.uint8)


def is_deep_colour(image: "Image.Image") -> bool:
    """Whether a file has colours of 16 bits, of which Pillow keeps the upper 8 of 16."""
    raw = [str(tile[3]) for tile in getattr(image, "tile", ())]
    return image.mode in ("RGB", "RGBA", "LA", "RGBX") and any(";16" in mode for mode in raw)


def deep_grey(path: Path) -> NDArray[np.uint16]:
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


@cache
def pillow() -> ModuleType:
    """`PIL.Image`, which refuses what is larger than twice its limit, with ours.

    Pillow's own is a third of what large detectors give, and it warns where `opened` refuses.
    """
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = MOST_PIXELS
    warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
    return Image


def opened(path: Path) -> "Image.Image":
    module = pillow()
    try:
        image: Image.Image = module.open(path)
    except FileNotFoundError as error:
        raise InputError(f"there is no image {path}") from error
    except module.DecompressionBombError as error:
        raise too_large(path, str(error)) from error
    except (module.UnidentifiedImageError, *DAMAGE) as error:
        raise unreadable(path, error) from error
    if image.width * image.height > MOST_PIXELS:
        image.close()
        raise too_large(path, f"its header says {image.height} × {image.width} pixels")
    return image


def too_large(path: Path, why: str) -> InputError:
    return InputError(
        f"{path} cannot be read as an image: it is larger than any radiograph",
        details=f"{why}; up to {MOST_PIXELS} pixels are read",
    )


def unreadable(path: Path, error: BaseException) -> InputError:
    return InputError(
        f"{path} cannot be read as an image",
        details=str(error),
        hints=["replace the file, or take it out of the data set together with its label"],
    )
