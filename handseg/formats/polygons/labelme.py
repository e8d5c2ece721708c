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

from handseg.data.handbone import label_beside
from handseg.data.images import DAMAGE
from handseg.data.labels import Polygon, read_points
from handseg.errors import InputError
from handseg.formats.masks import Masks, Size, check_name, check_size
from handseg.formats.names import FileNames, stem_of
from handseg.formats.polygons.dialect import Shape, Spot, labelled_entries
from handseg.formats.polygons.facts import KEY, Facts, facts_of
from handseg.formats.polygons.tracing import Drawing, box_of

VERSION = "5.5.0"
"""Of labelme: the first that has all that is written; newer ones read it too."""


@dataclass(frozen=True)
class Labelme:
    """Files that labelme opens and writes; shapes are polygons, or `masks` that nobody can drag.

    What labelme does not know (`handseg`) it keeps when it saves.
    """

    masks: bool = False

    name = "labelme"
    eight_bits = True
    classes = None

    def files(self, folder: Path) -> list[Path]:
        """The JSON files that lie directly in the folder."""
        return sorted(path for path in folder.glob("*.json") if not path.name.startswith("."))

    def is_file(self, content: bytes) -> bool:
        """Whether there are shapes, and none of COCO's lists."""
        return b'"shapes"' in content and b'"categories"' not in content

    def spots(self, masks: Masks) -> dict[str, Spot]:
        """A stem for each image, its own where it can be: labelme finds a file by it."""
        names = FileNames()
        found: dict[str, Spot] = {}
        for image in masks.images:
            if image in masks.samples:
                file = Path(masks.samples[image].image.name)
                stem = names.of(label_beside(file).name.removesuffix(".json"), is_file=True)
                found[image] = Spot(f"{stem}.json", stem + file.suffix)
            else:
                stem = names.of(stem_of(image))
                found[image] = Spot(f"{stem}.json", f"{stem}.png")
        return found

    def document(
        self, drawn: Mapping[str, Drawing], size: Size, picture: str, facts: dict[str, Any]
    ) -> dict[str, Any]:
        """The keys in labelme's order, then ours."""
        draw = _mask_shapes if self.masks else _polygon_shapes
        return {
            "version": VERSION,
            "flags": {},
            "shapes": [
                {"label": label, "group_id": None, "description": "", "flags": {}, **shape}
                for label, some in drawn.items()
                for shape in draw(some, size)
            ],
            "imagePath": picture,
            "imageData": None,
            "imageHeight": size[0],
            "imageWidth": size[1],
            KEY: facts,
        }

    def settings(self, masks: Masks) -> str | None:
        """Nothing: it is no layout of a data set."""
        return None

    def notes(self, masks: Masks) -> list[str]:
        """Nothing: where the images are is said in the files."""
        return []

    def facts(self, path: Path, document: Any) -> Facts:
        """What handseg wrote; else labelme's own name and size."""
        document = document if isinstance(document, dict) else {}
        facts = facts_of(f"{path}: {KEY}", document.get(KEY))
        place = f"{path}: imageHeight, imageWidth:"
        size = check_size(place, document.get("imageHeight"), document.get("imageWidth"))
        if facts.image_name is not None:
            return replace(facts, size=size)
        written = check_name(f"{path}: imagePath", document.get("imagePath"))
        name = check_name(f"{path}: imagePath", PureWindowsPath(written).name)
        return replace(facts, image_name=name, size=size)

    def shapes(self, path: Path, document: Any) -> Iterator[Shape]:
        """The shapes."""
        entries = document.get("shapes") if isinstance(document, dict) else None
        return labelled_entries(path, entries, "shape")

    def paint(self, path: Path, shape: Shape, mask: NDArray[np.uint8]) -> Polygon | None:
        """Polygons as the competition draws them, not as labelme does; rectangles; masks."""
        import cv2

        kind = shape.entry.get("shape_type") or "polygon"
        points = read_points(path, shape.number, shape.label, shape.entry.get("points"))
        if kind == "polygon":
            cv2.fillPoly(mask, [points], 1)
            return points
        if kind == "rectangle" and len(points) == 2:
            low, high = points.min(axis=0).clip(0), points.max(axis=0).clip(-1)
            mask[low[1] : high[1] + 1, low[0] : high[0] + 1] = 1
        elif kind == "mask" and len(points) == 2:
            _paste(f"{path}: shape {shape.number} ({shape.label})", shape.entry, points, mask)
        else:
            raise InputError(
                f"{path}: shape {shape.number} ({shape.label}) is a {kind!r:.40}",
                details=f"with {len(points)} points; polygons, rectangles and masks are read",
                hints=["draw it as a polygon"],
            )
        return None


def _polygon_shapes(drawing: Drawing, size: Size) -> Iterator[dict[str, Any]]:
    for points in drawing.outlines(size):
        yield {"points": points, "shape_type": "polygon", "mask": None}


def _mask_shapes(drawing: Drawing, size: Size) -> Iterator[dict[str, Any]]:
    """A box, its last pixel included, and what of it is inside as a PNG of 0 and 1."""
    from PIL import Image

    if not len(drawing.runs):
        return
    window, (left, top) = box_of(drawing.runs, size)
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
