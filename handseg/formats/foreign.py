"""Annotations of other tools in formats that are not read: whose they are."""

from pathlib import Path

from handseg.errors import InputError

LOOKED_INTO = 1 << 16
"""Bytes at the beginning of a file that say whose it is."""
_EXPORT = "export masks or polygons as COCO"
WAYS_OUT = {
    "CVAT's XML": 'in CVAT choose Actions, Export dataset, "COCO 1.0"',
    "Label Studio's JSON": 'in Label Studio choose Export, "COCO"',
    "Label Studio's JSON-MIN": 'in Label Studio choose Export, "COCO"',
    "VIA's project": "in VIA choose Annotation, Export Annotations (COCO format)",
    "Labelbox's JSON": _EXPORT,
    "Pascal VOC's XML": f"it holds boxes; {_EXPORT}",
    "YOLO's": _EXPORT,
}
"""What to do with the annotations of each tool."""
_YOLO = [("YOLO's", (b"names:", b"nc:"))]
_MARKS = {
    ".json": [
        ("Label Studio's JSON", (b'"from_name"', b'"to_name"')),
        ("Label Studio's JSON", (b'"completed_by"', b'"annotations"')),
        ("Label Studio's JSON-MIN", (b'"annotation_id"', b'"lead_time"')),
        ("VIA's project", (b'"_via_',)),
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


def foreign_tool(path: Path) -> str:
    """Whose annotations a file holds that are not read here; empty where it is none of those."""
    tools = _MARKS.get(path.suffix.lower(), [])
    if not tools:
        return ""
    try:
        with path.open("rb") as file:
            content = file.read(LOOKED_INTO)
    except OSError:
        return ""
    return next((tool for tool, marks in tools if all(m in content for m in marks)), "")


def refuse_foreign(path: Path) -> None:
    if path.is_file() and (tool := foreign_tool(path)):
        raise InputError(f"{path} is {tool}, which is not read", hints=[WAYS_OUT[tool]])
