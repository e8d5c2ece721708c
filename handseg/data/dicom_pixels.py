"""DICOM pixels as a viewer would show them: rescaled, windowed, inverted, grey."""

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from handseg.data.images import eight_bits

if TYPE_CHECKING:
    from pydicom.dataset import FileDataset

Floats = NDArray[np.float32]


def grey(pixels: NDArray[Any], dataset: "FileDataset") -> NDArray[np.uint8]:
    """One channel, `[height, width]`, as it is meant to be seen."""
    from pydicom.pixels.processing import apply_color_lut, apply_modality_lut, apply_voi

    kind = dataset.get("PhotometricInterpretation")
    if kind == "PALETTE COLOR":
        return colour(apply_color_lut(pixels, dataset), dataset)
    values = np.asarray(apply_modality_lut(pixels, dataset))
    if dataset.get("VOILUTSequence"):
        table = dataset["VOILUTSequence"][0]
        bits = int(table.LUTDescriptor[2])
        seen = np.asarray(apply_voi(values, dataset)).astype(np.float32) / ((1 << bits) - 1)
    else:
        seen = windowed(values.astype(np.float32), dataset)
    shown = np.rint(seen.clip(0, 1) * 255).astype(np.uint8)
    return 255 - shown if kind == "MONOCHROME1" else shown


def windowed(values: Floats, dataset: "FileDataset") -> Floats:
    """Values as shares of the first window, 0 to 1 (DICOM PS3.3 C.11.2.1.2 and C.11.2.1.3)."""
    centre, width = first(dataset.get("WindowCenter")), first(dataset.get("WindowWidth"))
    function = str(dataset.get("VOILUTFunction") or "LINEAR").upper()
    if centre is None or width is None or width <= 0 or (function == "LINEAR" and width < 1):
        least, most = float(values.min()), float(values.max())
        return (values - least) / max(most - least, np.finfo(np.float32).tiny)
    if function == "SIGMOID":
        shares = 1 / (1 + np.exp((-4 * (values - centre) / width).clip(-80, 80)))
        return shares.astype(np.float32)
    if function == "LINEAR_EXACT":
        return (values - centre) / width + 0.5
    # A width of 1 is a step at the centre.
    return (values - (centre - 0.5)) / max(width - 1, 1e-6) + 0.5


def colour(pixels: NDArray[Any], dataset: "FileDataset") -> NDArray[np.uint8]:
    """Three channels, `[height, width, 3]`, as luminance; YBR has become RGB already."""
    if pixels.dtype.itemsize == 4:
        pixels = pixels >> 16
    shares = np.array((0.299, 0.587, 0.114), np.float32)
    return eight_bits(np.rint(pixels[..., :3].astype(np.float32) @ shares).astype(np.int32))


def first(value: Any) -> float | None:
    """The first of what may be several figures."""
    several = isinstance(value, Iterable) and not isinstance(value, str)
    return number(next(iter(value), None) if several else value)


def number(value: Any) -> float | None:
    """A figure that is finite; None for anything else."""
    try:
        found = float(value)
    except (TypeError, ValueError):
        return None
    return found if math.isfinite(found) else None
