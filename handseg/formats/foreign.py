"""Annotations of other tools in formats that are not read: whose they are."""

import codecs
import re
import zlib
from pathlib import Path

from handseg.errors import InputError

LOOKED_INTO = 1 << 16
"""Bytes at the beginning of a file that say whose it is."""
_EXPORT = "export masks or polygons as COCO"
WAYS_OUT = {
    "CVAT's XML": 'in CVAT choose Actions, Export dataset, "COCO 1.0"',
    "Label Studio's JSON": 'in Label Studio choose Export, "COCO"',
    "Label Studio's JSON-MIN": 'in Label Studio choose Export, "COCO"',
    "VIA's JSON": "in VIA choose Annotation, Export Annotations (COCO format)",
    "Labelbox's JSON": _EXPORT,
    "Pascal VOC's XML": f"it holds boxes; {_EXPORT}",
    "YOLO's": _EXPORT,
    "COCO in UTF-16": "write it as UTF-8, by iconv -f UTF-16 -t UTF-8",
    "COCO that is packed": "gunzip it",
}
"""What to do with the annotations of each tool."""
_COCO = b'"file_name"'
_YOLO = [("YOLO's", (b"names:", b"nc:"))]
_MARKS = {
    ".json": [
        ("Label Studio's JSON", (b'"from_name"', b'"to_name"')),
        ("Label Studio's JSON", (b'"completed_by"', b'"annotations"')),
        ("Label Studio's JSON-MIN", (b'"annotation_id"', b'"lead_time"')),
        ("VIA's JSON", (b'"_via_',)),
        ("VIA's JSON", (b'"regions"', b'"shape_attributes"')),
        ("Labelbox's JSON", (b'"data_row"',)),
    ],
    ".xml": [
        ("CVAT's XML", (b"<annotations>", b"<version>")),
        ("Pascal VOC's XML", (b"<annotation", b"<object>")),
    ],
    ".yaml": _YOLO,
    ".yml": _YOLO,
}
"""What the files of each tool hold, by their suffix."""
_YOLO_LINE = re.compile(rb"\d+( -?\d*\.?\d+(e-?\d+)?){4,}\s*(\n|$)")
"""A class and its box or polygon, in shares of the image's sides."""


def foreign_tool(path: Path) -> str:
    """Whose annotations a file holds that are not read here; empty where it is none of those."""
    suffix = path.suffix.lower()
    tools = _MARKS.get(suffix, [])
    is_packed = path.name.lower().endswith(".json.gz")
    if not (tools or is_packed or suffix == ".txt"):
        return ""
    try:
        with path.open("rb") as file:
            content = file.read(LOOKED_INTO)
        if is_packed:
            content = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(content, LOOKED_INTO)
            return "COCO that is packed" if _COCO in content else ""
    except (OSError, zlib.error):
        return ""
    if suffix == ".txt":
        return "YOLO's" if _YOLO_LINE.match(content) else ""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        is_coco = _COCO in content.decode("utf-16", "ignore").encode("utf-8", "ignore")
        return "COCO in UTF-16" if is_coco else ""
    return next((tool for tool, marks in tools if all(m in content for m in marks)), "")


def refuse_foreign(path: Path) -> None:
    if path.is_file() and (tool := foreign_tool(path)):
        raise InputError(f"{path} is {tool}, which is not read", hints=[WAYS_OUT[tool]])
