"""What readers of images share: limits, eight bits, and what is said of a file at fault."""

import struct
import warnings
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from handseg.errors import InputError
from handseg.text import pixels_text

if TYPE_CHECKING:
    from PIL import Image

MOST_PIXELS = 1 << 28
"""Of an image, 16,384 × 16,384: a header that says more is damage or a bomb; nothing is decoded."""
DEPTHS = (8, 10, 12, 14, 16)
"""The bits that detectors give."""

DAMAGE = (OSError, ValueError, SyntaxError, EOFError, KeyError, TypeError, IndexError, struct.error)
"""What Pillow's decoders raise on damaged files."""


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
    """The image, of which only the header is read; to be closed.

    Raises:
        InputError: the file is missing, no image, or said to be larger than any radiograph.
    """
    module = pillow()
    try:
        image: Image.Image = module.open(path)
    except FileNotFoundError as error:
        raise InputError(f"there is no image {path}") from error
    except module.DecompressionBombError as error:
        raise too_large(path, str(error)) from error
    except (module.UnidentifiedImageError, *DAMAGE) as error:
        raise unreadable(path, str(error)) from error
    if image.width * image.height > MOST_PIXELS:
        image.close()
        raise too_large(path, f"its header says {pixels_text((image.height, image.width))} pixels")
    return image


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


def too_large(path: Path, why: str) -> InputError:
    return InputError(
        f"{path} cannot be read as an image: it is larger than any radiograph",
        details=f"{why}; up to {MOST_PIXELS} pixels are read",
    )


def unreadable(path: Path, why: str) -> InputError:
    return InputError(
        f"{path} cannot be read as an image",
        details=why,
        hints=["replace the file, or take it out of the data set together with its label"],
    )
