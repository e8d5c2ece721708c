"""What readers of images share: limits, eight bits, and what is said of a file at fault."""

import struct
import warnings
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from handseg.errors import InputError

if TYPE_CHECKING:
    from PIL import Image

MOST_PIXELS = 1 << 28
"""Of an image, 16,384 × 16,384: a header that says more is damage or a bomb; nothing is decoded.

`max_pixels` in a data set's `dataset.toml` says otherwise of its own.
"""
ORIENTATION = 274
"""The tag of TIFF and EXIF that says how stored pixels are to be turned."""
_bounds: dict[Path, int] = {}
"""Those of the data sets that are open, by folder."""
DEPTHS = (8, 10, 12, 14, 16)
"""The bits that detectors give."""
OUTLIERS = 0.005
"""The share of an image's pixels that does not set its scale; nnU-Net clips CTs at it too."""

DAMAGE = (OSError, ValueError, SyntaxError, EOFError, KeyError, TypeError, IndexError, struct.error)
"""What Pillow's decoders raise on damaged files."""


def bound_pixels(folder: Path, most: int | None) -> None:
    """Say of how many pixels the images in a data set's folder may be; None: `MOST_PIXELS`."""
    if most is None:
        _bounds.pop(folder.absolute(), None)
    else:
        _bounds[folder.absolute()] = most
        # Pillow itself refuses at twice as many.
        setattr(pillow(), "MAX_IMAGE_PIXELS", max(MOST_PIXELS, *_bounds.values()))  # noqa: B010


def most_pixels(path: Path) -> int:
    folders = (path.absolute(), *path.absolute().parents) if _bounds else ()
    return next((_bounds[folder] for folder in folders if folder in _bounds), MOST_PIXELS)


@cache
def pillow() -> ModuleType:
    """`PIL.Image`, which refuses what is larger than twice its limit, with ours.

    Pillow's own is a third of what large detectors give, and it warns where `opened` refuses.
    """
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = MOST_PIXELS
    warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
    warnings.filterwarnings("ignore", message="Corrupt EXIF data")
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
    if image.width * image.height > most_pixels(path):
        image.close()
        raise too_many_pixels(path, image.width, image.height)
    return image


def orientation_of(image: "Image.Image", path: Path) -> int:
    """How the stored pixels are to be turned: 1, not at all, to 8, as TIFF and EXIF number it."""
    if image.format == "PNG" and "exif" not in image.info:
        # Pillow would decode the pixels to look behind them.
        late = png_chunk(path, b"eXIf")
        if late is not None:
            image.info["exif"] = b"Exif\0\0" + late
    from PIL import Image

    try:
        found: object = Image.Image.getexif(image).get(ORIENTATION)
    except DAMAGE:  # viewers show such an image as it is stored
        return 1
    return found if isinstance(found, int) and 1 < found < 9 else 1


def png_chunk(path: Path, kind: bytes) -> bytes | None:
    """The content of the first chunk of a kind in a PNG, wherever it stands; None without one."""
    with path.open("rb", buffering=0) as file:
        place = 8
        while file.seek(place) and len(head := file.read(8)) == 8:
            length = int.from_bytes(head[:4])
            if head[4:] == kind:
                return file.read(length)
            place += length + 12
    return None


def eight_bits(pixels: NDArray[np.integer], depth: int | None = None) -> NDArray[np.uint8]:
    """Whole numbers as `uint8`: the upper 8 of `depth` bits, by default of the bits in use.

    What is brighter than that is white. Raises ValueError for negative pixels and for such of more
    than 16 bits.
    """
    depth = max(depth or bits_in_use(pixels), DEPTHS[0])
    cut = np.minimum(pixels, (1 << depth) - 1)
    cut >>= depth - 8
    return cut.astype(np.uint8)


def bits_in_use(pixels: NDArray[np.integer]) -> int:
    """The fewest of `DEPTHS` that hold all pixels but the `OUTLIERS` and those that are saturated.

    Most files of 16 bits hold 12: their upper 8 of 16 would be nearly black. A defect pixel or a
    marker burnt in as white does not count, else it would darken the hand. Raises ValueError for
    pixels below 0 or of more than 16 bits.
    """
    least, most = (int(pixels.min()), int(pixels.max())) if pixels.size else (0, 0)
    if least < 0 or most >> DEPTHS[-1]:
        raise ValueError(f"pixels from {least} to {most} have no known range")
    ignored = OUTLIERS * pixels.size + np.count_nonzero(pixels == (1 << DEPTHS[-1]) - 1)
    return next(
        bits
        for bits in DEPTHS
        if most < 1 << bits or np.count_nonzero(pixels >= 1 << bits) <= ignored
    )


def spread(values: NDArray[np.floating]) -> tuple[float, float]:
    least, most = np.quantile(values, (OUTLIERS, 1 - OUTLIERS)).tolist()
    return (least, most) if least < most else (float(values.min()), float(values.max()))


def too_many_pixels(path: Path, width: int, height: int) -> InputError:
    hint = f"if that is meant, in dataset.toml:  max_pixels = {width * height}"
    return too_large(path, f"its header says {width} × {height} pixels", [hint])


def too_large(path: Path, why: str, hints: Sequence[str] = ()) -> InputError:
    return InputError(
        f"{path} cannot be read as an image: it is larger than any radiograph",
        details=f"{why}; up to {most_pixels(path)} pixels are read",
        hints=hints,
    )


def unreadable(path: Path, why: str) -> InputError:
    return InputError(
        f"{path} cannot be read as an image",
        details=why,
        hints=["replace the file, or take it out of the data set together with its label"],
    )
