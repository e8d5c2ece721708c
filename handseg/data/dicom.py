"""DICOM radiographs: what their header says, and the pixels as a viewer would show them."""

import warnings
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from handseg.data import images
from handseg.data.dicom_pixels import colour, grey, number
from handseg.data.images import MOST_PIXELS, too_large
from handseg.data.jpeg_header import stream_size
from handseg.errors import FailedError, InputError

if TYPE_CHECKING:
    from pydicom.dataset import FileDataset

DAMAGE = (*images.DAMAGE, RuntimeError, AttributeError, ArithmeticError, MemoryError, zlib.error)
"""What pydicom and its decoders raise on damaged files."""
BEFORE_GROUP = 144
"""Bytes before the part of the file's meta information that its length counts."""
CHUNK = 1 << 20
MOST_INFLATED = 1 << 30

PIP = "pip install 'handseg[dicom]'"
HEADER = (
    *("Rows", "Columns", "NumberOfFrames", "PatientID", "PixelSpacing", "ImagerPixelSpacing"),
    *("ImageLaterality", "Laterality"),
)


@dataclass(frozen=True)
class Header:
    """What the header of a DICOM file says.

    `size` is (height, width) in pixels; `spacing` is in millimetres, down and across, at the
    patient where that is known, else at the detector.
    """

    size: tuple[int, int]
    frames: int
    spacing: tuple[float, float] | None
    patient: str | None
    side: str | None


def read_header(path: Path) -> Header:
    """The header; no pixel is read.

    Raises:
        InputError: the file is missing, no DICOM, holds no image or one that is too large.
        FailedError: pydicom is not installed.
    """
    dataset = read_dataset(path, only=HEADER)
    size = size_of(path, dataset)
    frames = number(dataset.get("NumberOfFrames"))
    patient = str(dataset.get("PatientID") or "").strip()
    side = str(dataset.get("ImageLaterality") or dataset.get("Laterality") or "").strip()
    return Header(
        size,
        max(1, int(frames or 1)),
        spacing_of(dataset.get("PixelSpacing")) or spacing_of(dataset.get("ImagerPixelSpacing")),
        patient or None,
        {"L": "left", "R": "right"}.get(side),
    )


def frames_of(path: Path) -> int:
    """How many frames a file holds; as `read_header`."""
    return read_header(path).frames


def read_dicom(path: Path) -> NDArray[np.uint8]:
    """The first frame as grey `uint8[height, width]`, bright where bone is.

    Pixels are rescaled (modality), windowed (VOI: a table, else the first window, else from the
    least to the largest value) and inverted where MONOCHROME1 says so. Colour becomes luminance.

    Raises:
        InputError: the file is missing, damaged or holds no image.
        FailedError: pydicom is not installed.
    """
    dataset = read_dataset(path)
    size = size_of(path, dataset)
    from pydicom.pixels.utils import pixel_array

    try:
        refuse_other_size(path, dataset, size)
        pixels = pixel_array(dataset, index=0)
        if pixels.shape[:2] != size:
            raise ValueError(f"the pixels are {pixels.shape}, the header says {size}")
        return colour(pixels, dataset) if pixels.ndim == 3 else grey(pixels, dataset)
    except DAMAGE as error:
        # So says pydicom where no decoder is installed, or none can read this.
        if not isinstance(error, RuntimeError) or "Unable to decode" not in str(error):
            raise damaged(path, error) from error
        raise InputError(
            f"{path} cannot be read as an image: nothing installed here decodes its pixels",
            details=str(error),
            hints=[PIP, f"gdcmconv --raw {path.name} OUT.dcm   stores them uncompressed"],
        ) from error


def refuse_other_size(path: Path, dataset: "FileDataset", size: tuple[int, int]) -> None:
    """Raise InputError where a compressed stream says another size than the header.

    Its decoder would believe the stream, and fill the memory.
    """
    from pydicom.encaps import get_frame

    if not dataset.file_meta.TransferSyntaxUID.is_encapsulated:
        return
    frames = int(number(dataset.get("NumberOfFrames")) or 1)
    said = stream_size(get_frame(dataset.PixelData, 0, number_of_frames=max(1, frames)))
    if said not in (None, size):
        raise ValueError(f"the pixels are {said}, the header says {size}")


def read_dataset(path: Path, only: Iterable[str] | None = None) -> "FileDataset":
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
        refuse_bomb(path)
        if only is None:
            return dcmread(path)
        return dcmread(path, stop_before_pixels=True, specific_tags=list(only))
    except FileNotFoundError as error:
        raise InputError(f"there is no image {path}") from error
    except (InvalidDicomError, *DAMAGE) as error:
        raise damaged(path, error) from error


def refuse_bomb(path: Path) -> None:
    """Raise InputError for a deflated file that would inflate beyond any radiograph."""
    from pydicom.filereader import read_file_meta_info
    from pydicom.uid import DeflatedExplicitVRLittleEndian

    meta = read_file_meta_info(path)
    if meta.get("TransferSyntaxUID") != DeflatedExplicitVRLittleEndian:
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


def size_of(path: Path, dataset: "FileDataset") -> tuple[int, int]:
    height, width = number(dataset.get("Rows")), number(dataset.get("Columns"))
    if not height or not width or height < 1 or width < 1:
        raise damaged(path, "it holds no image")
    if height * width > MOST_PIXELS:
        raise too_large(path, f"its header says {height:.0f} × {width:.0f} pixels")
    return int(height), int(width)


def spacing_of(value: Any) -> tuple[float, float] | None:
    figures = [number(one) for one in value] if isinstance(value, Iterable) else []
    if len(figures) != 2 or not all(one is not None and one > 0 for one in figures):
        return None
    down, across = (float(one or 0) for one in figures)
    return down, across


def damaged(path: Path, error: object) -> InputError:
    return InputError(
        f"{path} cannot be read as an image",
        details=f"{type(error).__name__}: {error}" if isinstance(error, Exception) else str(error),
        hints=["replace the file, or take it out of the data set together with its label"],
    )
