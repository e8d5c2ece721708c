"""DICOM radiographs: what their header says, and the pixels as a viewer would show them."""

import math
import struct
import warnings
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from handseg.errors import FailedError, InputError
from handseg.formats import image_files
from handseg.formats.image_files import (
    eight_bits,
    most_pixels,
    spread,
    too_large,
    too_many_pixels,
    unreadable,
)

if TYPE_CHECKING:
    from pydicom.dataset import FileDataset

SUFFIXES = frozenset({".dcm", ".dicom", ".ima"})
DAMAGE = (
    *image_files.DAMAGE,
    *(RuntimeError, AttributeError, ArithmeticError, MemoryError, zlib.error),
)
"""What pydicom and its decoders raise on damaged files."""
BEFORE_GROUP = 144
"""Bytes before the part of the file's meta information that its length counts."""
CHUNK = 1 << 20
MOST_INFLATED = 1 << 30

PIP = "pip install 'handseg[dicom]'"
WINDOW = ("VOILUTSequence", "WindowCenter", "WindowWidth", "VOILUTFunction", "PixelPaddingValue")
STORED = ("BitsStored", "PixelRepresentation", "ModalityLUTSequence", "RescaleSlope",
          "RescaleIntercept", "SamplesPerPixel")  # fmt: skip
HEADER = ("Rows", "Columns", "NumberOfFrames", "PatientID", *WINDOW, *STORED)
DEFLATED = "1.2.840.10008.1.2.1.99"
JPEG2000 = b"\xff\x4f\xff\x51"
"""Start of a codestream and of its size segment (ITU-T T.800 A.5.1)."""
START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC} | {0xF7}
"""Markers of frames (ITU-T T.81 B.1.1.3); F7 is JPEG-LS's."""
WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xD9)})

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class DicomHeader:
    """What the header of a DICOM file says; `size` is (height, width) in pixels."""

    size: tuple[int, int]
    frames: int
    patient: str | None
    is_windowed: bool
    """Whether it has a window, and no padding."""
    is_guessed: bool
    """Whether it does not say which value is white, so that the pixels themselves must."""


def is_dicom(path: Path) -> bool:
    """Whether a file is DICOM; its first bytes say so where it has no suffix but an identifier's.

    Archives name files `1.2.840.10008.5` or `IM000001`.
    """
    suffix = path.suffix.lower()
    if suffix in SUFFIXES:
        return True
    if suffix and not suffix[1:].isdigit():
        return False
    try:
        with path.open("rb") as file:
            return file.read(132)[128:] == b"DICM"
    except OSError:
        return False


def read_header(path: Path) -> DicomHeader:
    """The header; no pixel is read.

    Raises:
        InputError: the file is missing, no DICOM, holds no image or one that is too large.
        FailedError: pydicom is not installed.
    """
    dataset = _read_dataset(path, only=HEADER)
    size = _size_of(path, dataset)
    frames = _number(dataset.get("NumberOfFrames"))
    patient = str(dataset.get("PatientID") or "").strip()
    has_window = bool(dataset.get("VOILUTSequence")) or _first_window(dataset) is not None
    is_windowed = has_window and dataset.get("PixelPaddingValue") is None
    is_colour = (_whole(dataset.get("SamplesPerPixel")) or 1) > 1
    is_guessed = not (has_window or is_colour or _shown_bits(dataset))
    return DicomHeader(size, max(1, int(frames or 1)), patient or None, is_windowed, is_guessed)


def truncation(path: Path) -> str:
    """How much of a file is there, where that is less than its header says of pixels; else empty.

    Compressed pixels say no length, and what a header's size hides only decoding tells. Raises as
    `read_header`.
    """
    from pydicom.pixels.utils import get_expected_length

    dataset = _read_dataset(path, only=(*HEADER, "BitsAllocated", "PhotometricInterpretation"))
    syntax = dataset.file_meta.get("TransferSyntaxUID")
    if syntax is None or syntax.is_compressed or syntax.is_deflated:
        return ""
    try:
        # Of a header that breaks the rules it may be a text, as long as its elements say.
        expected = int(get_expected_length(dataset))
    except DAMAGE:
        return ""
    there = path.stat().st_size
    if there >= expected:
        return ""
    return f"truncated: {there:,} bytes, its header says {expected:,} of pixels alone"


def read_dicom(path: Path) -> NDArray[np.uint8]:
    """The first frame as grey `uint8[height, width]`, bright where bone is.

    Pixels are rescaled (modality), windowed (VOI: a table, else the first window, else of up to 8
    bits as they are and of more all but the `OUTLIERS`) and inverted where MONOCHROME1 says so.
    Padding is black. Colour becomes luminance.

    Raises:
        InputError: the file is missing, damaged or holds no image.
        FailedError: pydicom is not installed.
    """
    dataset = _read_dataset(path)
    size = _size_of(path, dataset)
    from pydicom.pixels.utils import pixel_array

    try:
        _refuse_other_size(dataset, size)
        pixels = pixel_array(dataset, index=0)
        if pixels.shape[:2] != size:
            raise ValueError(f"the pixels are {pixels.shape}, the header says {size}")
        if pixels.ndim == 3:
            return _colour(pixels, _whole(dataset.get("BitsStored")))
        return _grey(pixels, dataset)
    except DAMAGE as error:
        # So says pydicom where no decoder is installed, or none can read this.
        if not isinstance(error, RuntimeError) or "Unable to decode" not in str(error):
            raise _damaged(path, error) from error
        raise InputError(
            f"{path} cannot be read as an image: nothing installed here decodes its pixels",
            details=str(error),
            hints=[PIP, f"gdcmconv --raw {path.name} OUT.dcm   stores them uncompressed"],
        ) from error


def _refuse_other_size(dataset: "FileDataset", size: tuple[int, int]) -> None:
    """Raise ValueError where a compressed stream says another size than the header.

    Its decoder would believe the stream, and fill the memory.
    """
    from pydicom.encaps import get_frame

    if not dataset.file_meta.TransferSyntaxUID.is_encapsulated:
        return
    frames = int(_number(dataset.get("NumberOfFrames")) or 1)
    said = _stream_size(get_frame(dataset.PixelData, 0, number_of_frames=max(1, frames)))
    if said not in (None, size):
        raise ValueError(f"the pixels are {said}, the header says {size}")


def _read_dataset(path: Path, only: Iterable[str] | None = None) -> "FileDataset":
    """The data set of a file; with `only`, these elements, and no pixels."""
    try:
        from pydicom import config, dcmread
        from pydicom.errors import InvalidDicomError
    except ImportError as error:
        raise FailedError(
            f"{path.name} is a DICOM file, and reading those needs pydicom", hints=[PIP]
        ) from error
    # Hospitals' files break many rules that do not concern pixels.
    config.settings.reading_validation_mode = config.IGNORE
    warnings.filterwarnings("ignore", module=r"pydicom\.", category=UserWarning)
    try:
        _refuse_bomb(path)
        if only is None:
            return dcmread(path)
        with path.open("rb") as file:
            found = dcmread(file, stop_before_pixels=True, specific_tags=list(only))
            # It stops at what follows the header; of a deflated file that is inside it.
            is_deflated = found.file_meta.get("TransferSyntaxUID") == DEFLATED
            if not is_deflated and not file.read(1):
                raise _damaged(path, "it holds no image")
            return found
    except FileNotFoundError as error:
        raise InputError(f"there is no image {path}") from error
    except (InvalidDicomError, *DAMAGE) as error:
        raise _damaged(path, error) from error


def _refuse_bomb(path: Path) -> None:
    """Raise InputError for a deflated file that would inflate beyond any radiograph."""
    from pydicom.filereader import read_file_meta_info

    meta = read_file_meta_info(path)
    if meta.get("TransferSyntaxUID") != DEFLATED:
        return
    inflater, inflated = zlib.decompressobj(-zlib.MAX_WBITS), 0
    with path.open("rb") as file:
        file.seek(BEFORE_GROUP + int(meta.FileMetaInformationGroupLength))
        rest = file.read(CHUNK)
        while rest and not inflater.eof:
            inflated += len(inflater.decompress(rest, CHUNK))
            if inflated > MOST_INFLATED:
                raise too_large(path, f"it inflates to more than {MOST_INFLATED >> 20} MB")
            rest = inflater.unconsumed_tail or file.read(CHUNK)


def _size_of(path: Path, dataset: "FileDataset") -> tuple[int, int]:
    height, width = _number(dataset.get("Rows")), _number(dataset.get("Columns"))
    if not height or not width or height < 1 or width < 1:
        raise _damaged(path, "it holds no image")
    if height * width > most_pixels(path):
        raise too_many_pixels(path, int(width), int(height))
    return int(height), int(width)


def _damaged(path: Path, error: object) -> InputError:
    why = f"{type(error).__name__}: {error}" if isinstance(error, Exception) else str(error)
    return unreadable(path, why)


def _grey(pixels: NDArray[Any], dataset: "FileDataset") -> NDArray[np.uint8]:
    """One channel, `[height, width]`, as it is meant to be seen."""
    from pydicom.pixels.processing import apply_color_lut, apply_modality_lut, apply_voi

    kind = dataset.get("PhotometricInterpretation")
    if kind == "PALETTE COLOR":
        return _colour(apply_color_lut(pixels, dataset))
    padding = _padding(pixels, dataset)
    values = np.asarray(apply_modality_lut(pixels, dataset))
    if dataset.get("VOILUTSequence"):
        table = dataset["VOILUTSequence"][0]
        bits = int(table.LUTDescriptor[2])
        seen = np.asarray(apply_voi(values, dataset)).astype(np.float32) / ((1 << bits) - 1)
    else:
        seen = _windowed(values.astype(np.float32), dataset, padding)
    shown = np.rint(seen.clip(0, 1) * 255).astype(np.uint8)
    if kind == "MONOCHROME1":
        shown = 255 - shown
    if padding is not None:
        shown[padding] = 0
    return shown


def _padding(pixels: NDArray[Any], dataset: "FileDataset") -> NDArray[np.bool_] | None:
    """Where stored pixels only fill the rectangle (PS3.3 C.7.5.1.1.2); None where none do."""
    value = _first(dataset.get("PixelPaddingValue"))
    if value is None:
        return None
    limit = _first(dataset.get("PixelPaddingRangeLimit"))
    least, most = sorted((value, value if limit is None else limit))
    padding = (pixels >= least) & (pixels <= most)
    return padding if padding.any() and not padding.all() else None


def _windowed(values: Floats, dataset: "FileDataset", padding: NDArray[np.bool_] | None) -> Floats:
    """Values as shares of the first window, 0 to 1 (DICOM PS3.3 C.11.2.1.2 and C.11.2.1.3)."""
    window = _first_window(dataset)
    if window is None:
        if bits := _shown_bits(dataset):
            return values / np.float32((1 << bits) - 1)
        least, most = spread(values if padding is None else values[~padding])
        return (values - least) / max(most - least, np.finfo(np.float32).tiny)
    centre, width, function = window
    if function == "SIGMOID":
        shares = 1 / (1 + np.exp((-4 * (values - centre) / width).clip(-80, 80)))
        return shares.astype(np.float32)
    if function == "LINEAR_EXACT":
        return (values - centre) / width + 0.5
    # A width of 1 is a step at the centre.
    return (values - (centre - 0.5)) / max(width - 1, 1e-6) + 0.5


def _first_window(dataset: "FileDataset") -> tuple[float, float, str] | None:
    """Centre, width and function; None where there is none that can be applied."""
    centre, width = _first(dataset.get("WindowCenter")), _first(dataset.get("WindowWidth"))
    function = str(dataset.get("VOILUTFunction") or "LINEAR").upper()
    if centre is None or width is None or width <= 0 or (function == "LINEAR" and width < 1):
        return None
    return centre, width, function


def _shown_bits(dataset: "FileDataset") -> int:
    """The bits of values that are those of a screen: up to 8, unsigned, not rescaled; else 0."""
    bits = _whole(dataset.get("BitsStored")) or 16
    rescaled = dataset.get("ModalityLUTSequence") or (
        _first(dataset.get("RescaleSlope")) not in (None, 1)
        or _first(dataset.get("RescaleIntercept")) not in (None, 0)
    )
    return 0 if bits > 8 or rescaled or dataset.get("PixelRepresentation") else bits


def _colour(pixels: NDArray[Any], depth: int | None = None) -> NDArray[np.uint8]:
    """Three channels, `[height, width, 3]`, as luminance; YBR has become RGB already."""
    if pixels.dtype.itemsize == 4:
        pixels, depth = pixels >> 16, 16
    shares = np.array((0.299, 0.587, 0.114), np.float32)
    return eight_bits(np.rint(pixels[..., :3].astype(np.float32) @ shares).astype(np.int32), depth)


def _first(value: Any) -> float | None:
    several = isinstance(value, Iterable) and not isinstance(value, str)
    return _number(next(iter(value), None) if several else value)


def _whole(value: Any) -> int | None:
    found = _number(value)
    return None if found is None or found < 1 else int(found)


def _number(value: Any) -> float | None:
    """A figure that is finite; None for anything else."""
    try:
        found = float(value)
    except (TypeError, ValueError):
        return None
    return found if math.isfinite(found) else None


def _stream_size(stream: bytes) -> tuple[int, int] | None:
    """(height, width) of a JPEG, JPEG-LS or JPEG 2000 stream; None where it says none."""
    at = stream.find(JPEG2000)
    try:
        if at >= 0:
            right, bottom, left, top = struct.unpack_from(">4I", stream, at + 8)
            return bottom - top, right - left
        return _frame_size(stream) if stream.startswith(b"\xff\xd8") else None
    except (struct.error, IndexError):
        return None


def _frame_size(stream: bytes) -> tuple[int, int] | None:
    at = 2
    while stream[at] == 0xFF:
        marker = stream[at + 1]
        if marker in START_OF_FRAME:
            height, width = struct.unpack_from(">2H", stream, at + 5)
            return height, width
        if marker == 0xFF:
            at += 1
        else:
            (length,) = (
                (0,) if marker in WITHOUT_LENGTH else struct.unpack_from(">H", stream, at + 2)
            )
            at += 2 + length
    return None
