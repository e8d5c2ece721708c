"""Radiographs as grey arrays, and their size from the header alone."""

import math
import shutil
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from handseg.data.dicom import is_dicom, read_dicom, read_header
from handseg.errors import InputError
from handseg.formats.image_files import (
    DAMAGE,
    DEPTHS,
    bits_in_use,
    eight_bits,
    opened,
    orientation_of,
    png_chunk,
    unreadable,
)
from handseg.text import counted, size_text

if TYPE_CHECKING:
    from PIL import Image

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".tif", ".tiff", ".webp"})
_SIGNATURES = {
    b"\x89PNG\r\n\x1a\n": ".png",
    b"\xff\xd8\xff": ".jpg",
    b"II*\0": ".tif",
    b"MM\0*": ".tif",
}
"""How files begin, and the suffix of such."""
EIGHT_BITS = frozenset({"1", "L", "LA", "P", "RGB", "RGBA"})
"""Kinds of pixels, as Pillow calls them, that annotation tools show."""
_PLAIN = frozenset({"1", "L", "P", "RGB", "CMYK", "YCbCr"})
LARGE = 1 << 26
"""Pixels; images that have more are read one at a time, and no larger than they are needed."""
BYTES_A_PIXEL = 9
"""The memory in which a large image is read and its masks are drawn, about."""
_ROWS_AT_ONCE = 512
_turn = threading.Lock()
PIXEL_VERSION = 2
"""Goes up when files are read as other pixels; then `pixel_version` says which."""
_WIDTH, _HEIGHT, _BITS, _PHOTOMETRIC, _LEAST, _MOST = 256, 257, 258, 262, 340, 341
"""Tags of TIFF; the last two are SMinSampleValue and SMaxSampleValue."""
_SCREEN_GAMMA = 1 / 2.2


def is_radiograph(path: Path) -> bool:
    if path.name.upper() == "DICOMDIR":  # the table of contents of an archive
        return False
    known = path.suffix.lower() in SUFFIXES
    return (known or is_dicom(path)) and not path.is_dir()


def lacking_suffix(path: Path) -> str:
    """The suffix that a picture should have by its first bytes; empty where it is no picture.

    It is of files that are no radiograph by their name.
    """
    try:
        with path.open("rb") as file:
            head = file.read(132)
    except OSError:
        return ""
    if head[128:] == b"DICM" and path.name.upper() != "DICOMDIR":
        return ".dcm"
    return next((suffix for start, suffix in _SIGNATURES.items() if head.startswith(start)), "")


def image_size(path: Path) -> tuple[int, int]:
    """`(height, width)` in pixels of the image as it is shown, read from the header.

    Raises:
        InputError: the file is missing, no image, or said to be larger than any radiograph.
    """
    if is_dicom(path):
        return read_header(path).size
    with opened(path) as image:
        return _shown_size(image, orientation_of(image, path))


def _shown_size(image: "Image.Image", orientation: int) -> tuple[int, int]:
    width, height = image.size
    if image.format == "TIFF":
        # Some versions of Pillow turn the size of a TIFF, all say what is stored.
        width, height = _tags(image)[_WIDTH], _tags(image)[_HEIGHT]
    return (width, height) if orientation > 4 else (height, width)


class ImageHeader(NamedTuple):
    """What a file's header says of its pixels; `size` is (height, width) as it is shown."""

    size: tuple[int, int]
    pages: int
    """Pages, frames or pictures, of which the first is read."""
    is_turned: bool = False
    """Whether the stored rows and columns are not those that are shown."""
    is_guessed: bool = False
    """Whether it does not say which value is white, so that the pixels themselves must."""
    not_applied: str = ""
    """What it says of greys that is not obeyed."""


def image_header(path: Path) -> ImageHeader:
    """What can be said of an image without decoding it; raises InputError as `image_size` does."""
    if is_dicom(path):
        header = read_header(path)
        return ImageHeader(header.size, header.frames, is_guessed=header.is_guessed)
    with opened(path) as image:
        orientation = orientation_of(image, path)
        size = _shown_size(image, orientation)
        is_turned, is_guessed = orientation > 1, _is_guessed(image, path)
        return ImageHeader(size, _pages(image), is_turned, is_guessed, _not_applied(image))


def _pages(image: "Image.Image") -> int:
    try:
        return int(getattr(image, "n_frames", 1))
    except DAMAGE:  # in what follows the first page
        return 1


def _is_guessed(image: "Image.Image", path: Path) -> bool:
    says = _first(_tags(image).get(_MOST)) is not None or _stated_bits(image, path) is not None
    return _is_deep_colour(image) or (image.mode.startswith("I") and not says)


def _not_applied(image: "Image.Image") -> str:
    """A gamma or a colour profile other than that of screens, for a person."""
    gamma = image.info.get("gamma")
    if gamma and abs(gamma - _SCREEN_GAMMA) > 0.01:
        return f"a gamma of {gamma:.3g}"
    if not image.info.get("icc_profile"):
        return ""
    from PIL import ImageCms

    try:
        profile = ImageCms.ImageCmsProfile(BytesIO(image.info["icc_profile"]))
        name = ImageCms.getProfileDescription(profile).strip()
    except (ImageCms.PyCMSError, *DAMAGE):
        name = "that cannot be read"
    return "" if "sRGB" in name or "2.2" in name else f"the colour profile {name}"


def note_on_large(paths: Iterable[Path]) -> str:
    """How many images are large and what that costs; empty where none is."""
    large: list[tuple[int, int]] = []
    for path in paths:
        # Who reads the pixels of a file at fault says so.
        with suppress(InputError):
            if math.prod(size := image_size(path)) > LARGE:
                large.append(size)
    if not large:
        return ""
    height, width = max(large, key=math.prod)
    verb, memory = "is" if len(large) == 1 else "are", size_text(BYTES_A_PIXEL * height * width)
    return (
        f"{counted(len(large), 'image')} of more than {LARGE >> 20} megapixels {verb} read one at "
        f"a time, the largest ({width} × {height}) in up to {memory}"
    )


def pixel_version(path: Path) -> int:
    """The first version of `read_image` that reads the pixels of a file as this one does.

    It is 1 for 8 bits without anything that says how they are meant, and for what no version reads.
    What is made of pixels is named by it, and so is made anew where it must be and only there.
    """
    try:
        if is_dicom(path):
            return 1 if read_header(path).is_windowed else PIXEL_VERSION
        with opened(path) as image:
            plain = image.mode in _PLAIN and not image.has_transparency_data
            turned = orientation_of(image, path) > 1
            reduced = image.format in ("JPEG", "MPO") and image.width * image.height > LARGE
            deep = _is_deep_colour(image)
            return PIXEL_VERSION if turned or not plain or deep or reduced else 1
    except InputError:
        return 1


def read_image(path: Path, side: int | None = None) -> NDArray[np.uint8]:
    """The whole image as grey `uint8[height, width]`, as its file means it to be shown.

    Turned as EXIF says; bright where the file means white. Colour is turned into luminance, what is
    transparent is black; of deeper pixels `eight_bits` are kept or what their file says is the
    range, of DICOM what its window shows, of several frames or pages the first.

    Args:
        side: the pixels that the longer side must have. A `LARGE` JPEG is decoded no larger than
            the eighth to the whole of it that has so many; all other images come whole.

    Raises:
        InputError: the file is missing, truncated or no image, its pixels are of no known range,
            or there are more of them than `most_pixels`.
    """
    if is_dicom(path):
        return read_dicom(path)
    with opened(path) as image, large_alone(image.size):
        try:
            if side is not None and image.width * image.height > LARGE:
                scale = side / max(image.size)
                image.draft(None, (math.ceil(image.width * scale), math.ceil(image.height * scale)))
            if image.format == "TIFF":
                # Pillow maps one that has a name with rows as long as those that are shown.
                setattr(image, "filename", "")  # noqa: B010 - of image files only
            grey = _grey(image, path)
            # Pillow and cv2 turn a TIFF themselves, whatever is asked.
            return grey if image.format == "TIFF" else _turned(grey, orientation_of(image, path))
        except (*DAMAGE, MemoryError) as error:
            raise unreadable(path, str(error)) from error


def _grey(image: "Image.Image", path: Path) -> NDArray[np.uint8]:
    if _is_deep_colour(image):
        return eight_bits(_deep_grey(image, path))
    if image.mode == "F" or image.mode.startswith("I"):
        # Pillow's own conversion would cut off above 255: a white image.
        return _deep_pixels(image, path)
    if not image.has_transparency_data:
        return _luminance(image)
    both = np.asarray(image.convert("RGBA").convert("LA"))
    return _over_black(both[..., 0], both[..., 1]).astype(np.uint8)


def _luminance(image: "Image.Image") -> NDArray[np.uint8]:
    width, height = image.size
    if width * height <= LARGE:
        return np.asarray(image.convert("L"))
    # Pillow's conversion and NumPy's copy of it would be there as a whole beside the image.
    grey = np.empty((height, width), np.uint8)
    for top in range(0, height, _ROWS_AT_ONCE):
        rows = image.crop((0, top, width, min(top + _ROWS_AT_ONCE, height)))
        grey[top : top + _ROWS_AT_ONCE] = np.asarray(rows.convert("L"))
    return grey


@contextmanager
def large_alone(size: tuple[int, int]) -> Iterator[None]:
    """Work on one large image at a time, in whichever threads: each takes up to gigabytes."""
    is_large = math.prod(size) > LARGE
    with _turn if is_large else nullcontext():
        yield


def _over_black(grey: NDArray[Any], alpha: NDArray[np.uint8]) -> NDArray[Any]:
    """As a viewer with a black background shows it; alpha that hides all of it is none."""
    if not alpha.any() or alpha.min() == 255:
        return grey
    return (grey.astype(np.uint32) * alpha + 127) // 255


def _deep_pixels(image: "Image.Image", path: Path) -> NDArray[np.uint8]:
    """Pixels of one channel of more than 8 bits."""
    pixels, tags = np.asarray(image), _tags(image)
    white_is_zero = tags.get(_PHOTOMETRIC) == 0
    least, most = (_first(tags.get(tag)) for tag in (_LEAST, _MOST))
    if most is not None and most > (least or 0):
        share = (pixels.astype(np.float32) - (least or 0)) / (most - (least or 0))
        grey = np.rint(np.nan_to_num(share).clip(0, 1) * 255).astype(np.uint8)
        return 255 - grey if white_is_zero else grey
    if image.mode == "F":
        raise ValueError("fractions of which no SMaxSampleValue says how bright they are")
    depth, stated = bits_in_use(pixels), _stated_bits(image, path)
    if stated is not None:
        # PNG's pixels are to be scaled up to 16 bits; some writers do not.
        depth = stated if depth <= stated else DEPTHS[-1]
    grey = eight_bits(pixels, depth)
    return 255 - grey if white_is_zero else grey


def _stated_bits(image: "Image.Image", path: Path) -> int | None:
    if image.format == "PNG":
        chunk = png_chunk(path, b"sBIT")
        return chunk[0] if chunk and DEPTHS[0] <= chunk[0] <= DEPTHS[-1] else None
    bits = _first(_tags(image).get(_BITS))
    return int(bits) if bits in DEPTHS[:-1] else None


def _first(value: Any) -> float | None:
    # Each channel may have one.
    values: tuple[float | None, ...] = value if isinstance(value, tuple) else (value,)
    return values[0] if values else None


def _tags(image: "Image.Image") -> Any:
    return getattr(image, "tag_v2", {})


def _turned(grey: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Stored pixels as they are shown."""
    if orientation > 4:
        grey = grey.T
    if orientation in (3, 4, 7, 8):
        grey = grey[::-1]
    if orientation in (2, 3, 6, 7):
        grey = grey[:, ::-1]
    return np.ascontiguousarray(grey)


def _is_deep_colour(image: "Image.Image") -> bool:
    """Whether a file has colours of 16 bits, of which Pillow keeps the upper 8 of 16."""
    raw = [str(tile[3]) for tile in getattr(image, "tile", ())]
    return image.mode in ("RGB", "RGBA", "LA", "RGBX") and any(";16" in mode for mode in raw)


def _deep_grey(image: "Image.Image", path: Path) -> NDArray[Any]:
    """A colour image of 16 bits as luminance, as it is stored."""
    import cv2

    content = np.frombuffer(path.read_bytes(), np.uint8)
    flags = cv2.IMREAD_GRAYSCALE | cv2.IMREAD_ANYDEPTH | cv2.IMREAD_IGNORE_ORIENTATION
    try:
        found = cv2.imdecode(content, flags)
    except cv2.error as error:
        raise ValueError(str(error)) from error
    if found is None:
        raise ValueError("the pixels cannot be decoded")
    if image.mode not in ("RGBA", "LA"):
        return np.asarray(found, np.uint16)
    return _over_black(found, np.asarray(image.getchannel("A")))


def write_png(path: Path, image: NDArray[np.uint8]) -> None:
    """Write `uint8[height, width]` as a grey PNG."""
    from PIL import Image

    # Level 1: radiographs are noise to zlib; higher levels cost five times the time for 5 %.
    Image.fromarray(image).save(path, compress_level=1)


def put_image(image: Path, target: Path, *, only_eight_bits: bool, is_link: bool = False) -> Path:
    """Copy or link an image to `target`; gives the path of what is there now.

    DICOM becomes an 8-bit PNG, without what its header says of the patient; what is deeper than 8
    bits where only those can be opened. So does what is turned by EXIF: half of all tools do not
    obey it, and labels are of what is shown. Raises InputError where an image cannot be read.
    """
    if is_dicom(image) or _is_turned(image) or (only_eight_bits and not _is_eight_bits(image)):
        target = target.with_suffix(".png")
        write_png(target, read_image(image))
    elif is_link:
        target.symlink_to(image.resolve())
    else:
        shutil.copyfile(image, target)
    return target


def _is_turned(image: Path) -> bool:
    with opened(image) as picture:
        return orientation_of(picture, image) > 1


def _is_eight_bits(image: Path) -> bool:
    with opened(image) as picture:
        return picture.mode in EIGHT_BITS
