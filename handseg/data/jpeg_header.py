"""The size that a JPEG stream says of itself, which may be another than that of its container."""

import struct

JPEG2000 = b"\xff\x4f\xff\x51"
"""Start of a codestream and of its size segment (ITU-T T.800 A.5.1)."""
_START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC} | {0xF7}
"""Markers of frames (ITU-T T.81 B.1.1.3); F7 is JPEG-LS's."""
_WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xD9)})


def stream_size(stream: bytes) -> tuple[int, int] | None:
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
        if marker in _START_OF_FRAME:
            height, width = struct.unpack_from(">2H", stream, at + 5)
            return height, width
        if marker == 0xFF:
            at += 1
        else:
            (length,) = (
                (0,) if marker in _WITHOUT_LENGTH else struct.unpack_from(">H", stream, at + 2)
            )
            at += 2 + length
    return None
