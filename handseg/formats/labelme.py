"""labelme's schema: `<stem>.json` beside or apart from the image that it names."""

import base64
import binascii
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PureWindowsPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handseg.errors import InputError
from handseg.formats.documents import Size, check_name, check_size
from handseg.formats.handbone import label_beside
from handseg.formats.image_files import DAMAGE
from handseg.formats.masks import FileNames, Masks, stem_of
from handseg.formats.polygon_files import (
    KEY,
    FileMetadata,
    PolygonFormat,
    Shape,
    Target,
    read_metadata,
)
from handseg.formats.polygons import Polygon, PolygonMask, box_of, polygon_of, read_points

VERSION = "5.5.0"
"""Of labelme: the first that has all that is written; newer ones read it too."""


@dataclass(frozen=True)
class LabelmeFormat(PolygonFormat):
    """Files that labelme opens and writes; what labelme does not know it keeps when it saves.

    Args:
        masks: shapes are masks, to be painted, and not polygons, whose points can be dragged.
        leave_out: labels of shapes that are not read, case-folded.
    """

    masks: bool = False
    leave_out: frozenset[str] = frozenset()

    name = "labelme"
    only_eight_bits = True
    classes = None

    def files(self, folder: Path) -> list[Path]:
        return sorted(path for path in folder.glob("*.json") if not path.name.startswith("."))

    def looks_like(self, content: bytes) -> bool:
        return b'"shapes"' in content and b'"categories"' not in content

    def targets(self, masks: Masks) -> dict[str, Target]:
        """A stem for each image, its own where it can be: labelme finds a file by it."""
        names = FileNames()
        found: dict[str, Target] = {}
        for image in masks.images:
            if image in masks.image_files:
                file = Path(masks.image_files[image].path.name)
                stem = names.of(label_beside(file).name.removesuffix(".json"), is_file=True)
                found[image] = Target(f"{stem}.json", stem + file.suffix)
            else:
                stem = names.of(stem_of(image))
                found[image] = Target(f"{stem}.json", f"{stem}.png")
        return found

    def document(
        self, drawn: Mapping[str, PolygonMask], size: Size, picture: str, metadata: dict[str, Any]
    ) -> dict[str, Any]:
        """The keys in labelme's order, then ours."""
        draw = _mask_shapes if self.masks else _polygon_shapes
        return {
            "version": VERSION,
            "flags": {},
            "shapes": [
                {"label": label, "group_id": None, "description": "", "flags": {}, **shape}
                for label, mask in drawn.items()
                for shape in draw(mask, size)
            ],
            "imagePath": picture,
            "imageData": None,
            "imageHeight": size[0],
            "imageWidth": size[1],
            KEY: metadata,
        }

    def metadata(self, path: Path, document: Any) -> FileMetadata:
        """What handseg wrote; else labelme's own name and size."""
        document = document if isinstance(document, dict) else {}
        metadata = read_metadata(f"{path}: {KEY}", document.get(KEY))
        place = f"{path}: imageHeight, imageWidth:"
        size = check_size(place, document.get("imageHeight"), document.get("imageWidth"))
        if metadata.image_name is not None:
            return replace(metadata, size=size)
        written = check_name(f"{path}: imagePath", document.get("imagePath"))
        name = check_name(f"{path}: imagePath", PureWindowsPath(written).name)
        return replace(metadata, image_name=name, size=size)

    def shapes(self, path: Path, document: Any) -> Iterator[Shape]:
        entries = document.get("shapes") if isinstance(document, dict) else None
        if not isinstance(entries, list):
            raise InputError(f"{path} has no list of shapes")
        for number, entry in enumerate(entries):
            label = entry.get("label") if isinstance(entry, dict) else None
            name = check_name(f"{path}: shape {number}", label)
            if name.strip().casefold() not in self.leave_out:
                yield Shape(number, name, entry)

    def paint(self, path: Path, shape: Shape, mask: NDArray[np.uint8]) -> Polygon | None:
        """Polygons as the competition draws them, not as labelme does; rectangles; masks."""
        import cv2

        place = f"{path}: shape {shape.number} ({shape.label})"
        kind = shape.entry.get("shape_type") or "polygon"
        points = polygon_of(place, read_points(place, shape.entry.get("points")))
        if kind == "polygon":
            cv2.fillPoly(mask, [points], 1)
            return points
        if kind == "rectangle" and len(points) == 2:
            low, high = points.min(axis=0).clip(0), points.max(axis=0).clip(-1)
            mask[low[1] : high[1] + 1, low[0] : high[0] + 1] = 1
        elif kind == "mask" and len(points) == 2:
            _paste(place, shape.entry, points, mask)
        else:
            raise InputError(
                f"{place} is a {kind!r:.40}",
                details=f"with {len(points)} points; polygons, rectangles and masks are read",
                hints=["draw it as a polygon"],
            )
        return None


def _polygon_shapes(drawn: PolygonMask, size: Size) -> Iterator[dict[str, Any]]:
    for points in drawn.outlines(size):
        yield {"points": points, "shape_type": "polygon", "mask": None}


def _mask_shapes(drawn: PolygonMask, size: Size) -> Iterator[dict[str, Any]]:
    """A box, its last pixel included, and what of it is inside as a PNG of 0 and 1."""
    from PIL import Image

    if not len(drawn.runs):
        return
    window, (left, top) = box_of(drawn.runs, size)
    height, width = window.shape
    with io.BytesIO() as stream:
        Image.fromarray(window).save(stream, "PNG")
        text = base64.b64encode(stream.getvalue()).decode("ascii")
    box = [[left, top], [left + width - 1, top + height - 1]]
    yield {"points": box, "shape_type": "mask", "mask": text}


def _paste(
    place: str, entry: Mapping[str, Any], points: NDArray[np.int32], mask: NDArray[np.uint8]
) -> None:
    """Unite `mask` with a PNG whose first pixel lies at the first point; none is larger than it."""
    from PIL import Image

    try:
        content = base64.b64decode(entry.get("mask") or "", validate=True)
        with Image.open(io.BytesIO(content), formats=["PNG"]) as picture:
            if picture.height > mask.shape[0] or picture.width > mask.shape[1]:
                raise InputError(f"{place} has a mask that is larger than the image")
            if picture.mode not in ("1", "L"):
                raise InputError(f"{place} has a mask in colour ({picture.mode})")
            inside = np.asarray(picture) != 0
    except (binascii.Error, Image.DecompressionBombError, *DAMAGE) as error:
        raise InputError(
            f"{place} has a mask that is no PNG in base64", details=str(error)
        ) from None
    left, top = points[0].tolist()
    part = inside[max(0, -top) :, max(0, -left) :]
    window = mask[max(0, top) :, max(0, left) :][: part.shape[0], : part.shape[1]]
    window |= part[: window.shape[0], : window.shape[1]]
