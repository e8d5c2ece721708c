"""Runs to black and white PNGs without decoding more than the rows that a mask has."""

import struct
import zlib

import numpy as np

from handseg import rle
from handseg.formats.masks import Size

SIGNATURE = b"\x89PNG\r\n\x1a\n"
BITS, GREY = 1, 0
"""Bits of a pixel; the kind of a picture whose pixels are brightnesses."""
LEVEL = 1
"""Of zlib: higher ones take twice the time for files that are small anyway."""


def png_of(runs: rle.Runs, size: Size) -> bytes:
    """The PNG, one bit a pixel, of a mask that is not empty; white is inside.

    Pillow and cv2 take several times as long: they go through all pixels of the image, a byte each.
    Format: https://www.w3.org/TR/png-3/.
    """
    height, width = size
    top, bottom = int(runs[0, 0]) // width, (int(runs[-1, 1]) - 1) // width + 1
    band = rle.to_mask(runs - top * width, (bottom - top, width))
    # Each row begins with the number of its filter: 0 is none.
    rows = np.zeros((height, 1 + (width + 7) // 8), np.uint8)
    rows[top:bottom, 1:] = np.packbits(band, axis=1)
    header = struct.pack(">IIBBBBB", width, height, BITS, GREY, 0, 0, 0)
    content = zlib.compress(rows.data, LEVEL)
    chunks = ((b"IHDR", header), (b"IDAT", content), (b"IEND", b""))
    return SIGNATURE + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
