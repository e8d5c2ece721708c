"""Radiographs as grey arrays, and their size from the header alone."""

import struct
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from handseg.errors import InputError

if TYPE_CHECKING:
    from PIL import Image

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff"})

DAMAGE = (OSError, ValueError, SyntaxError, EOFError, KeyError, TypeError, IndexError, struct.error)
"""What Pillow's decoders raise on damaged files."""


def image_size(path: Path) -> tuple[int, int]:
    """`(height, width)` in pixels, read from the header.

    Raises:
        InputError: the file is missing or no image.
    """
    with opened(path) as image:
        return image.height, image.width


def read_image(path: Path) -> NDArray[np.uint8]:
    """The whole image as grey `uint8[height, width]`.

    Colour is turned into luminance; of 16 bits the upper 8 are kept.

    Raises:
        InputError: the file is missing, truncated or no image, or its pixels are of no known range.
    """
    with opened(path) as image:
        try:
            if image.mode.startswith("I;16"):
                # Pillow's own conversion would cut off above 255: a white image.
                return (np.asarray(image) >> 8).astype(np.uint8)
            if image.mode in ("I", "F"):
                raise ValueError(f"pixels of the kind {image.mode!r} have no known range")
            return np.asarray(image.convert("L"))
        except DAMAGE as error:
            raise unreadable(path, error) from error


def write_png(path: Path, image: NDArray[np.uint8]) -> None:
    """Write `uint8[height, width]` as a grey PNG."""
    from PIL import Image

    # Level 1: radiographs are noise to zlib; higher levels cost five times the time for 5 %.
    Image.fromarray(image).save(path, compress_level=1)


def opened(path: Path) -> "Image.Image":
    from PIL import Image, UnidentifiedImageError

    try:
        return Image.open(path)
    except FileNotFoundError as error:
        raise InputError(f"there is no image {path}") from error
    except (UnidentifiedImageError, Image.DecompressionBombError, *DAMAGE) as error:
        raise unreadable(path, error) from error


def unreadable(path: Path, error: BaseException) -> InputError:
    return InputError(
        f"{path} cannot be read as an image",
        why=str(error),
        hints=["replace the file, or take it out of the data set together with its label"],
    )
