"""The labels of a phantom: polygons in whole pixels, and the JSON that the competition ships."""

import json
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from handseg.data.phantom import outlines
from handseg.data.phantom.outlines import Points
from handseg.data.phantom.pose import WORLD, PosedHand

Polygon = NDArray[np.int32]
"""Corners [n, 2] as (x, y) in whole pixels."""

_TOLERANCE = 0.33
_STALE_SIZE = 3060
"""What the competition's JSON states as height and width of images that are 2048²."""


def label_polygons(hand: PosedHand, size: int) -> dict[str, list[Polygon]]:
    """The polygons of every bone at `size` pixels, closed along the border where it leaves.

    cv2.fillPoly paints a polygon's boundary too, so corners stand half a pixel inside.
    """
    polygons: dict[str, list[Polygon]] = {}
    for bone in hand.bones:
        corners = bone.outline * (size / WORLD) - 0.5
        corners -= 0.5 * outlines.outward_normals(bone.outline)
        corners = clipped(corners, size - 1)
        polygon = _whole(corners)
        polygons[bone.name] = [polygon] if len(polygon) >= 3 else []
    return polygons


def clipped(polygon: Points, last: float) -> Points:
    """A polygon cut to [0, last]² (Sutherland and Hodgman 1974), closed along the border."""
    for axis in (0, 1):
        for sign, bound in ((1.0, 0.0), (-1.0, -float(last))):
            polygon = _cut(polygon, axis, sign, bound)
    return polygon


def _cut(polygon: Points, axis: int, sign: float, bound: float) -> Points:
    """The part of a polygon where sign · coordinate ≥ bound."""
    if len(polygon) == 0:
        return polygon
    over = sign * polygon[:, axis] - bound
    if (over >= 0).all():
        return polygon
    kept: list[Points] = []
    for index, point in enumerate(polygon):
        before, over_before, over_here = polygon[index - 1], over[index - 1], over[index]
        if (over_before >= 0) != (over_here >= 0):
            kept.append(before + (point - before) * (over_before / (over_before - over_here)))
        if over_here >= 0:
            kept.append(point)
    return np.array(kept).reshape(-1, 2)


def _whole(corners: Points) -> Polygon:
    """Corners in whole pixels: as few as keep the outline within a third of a pixel, no repeats."""
    if len(corners) < 3:
        return np.empty((0, 2), np.int32)
    few = cv2.approxPolyDP(corners.astype(np.float32)[:, None], _TOLERANCE, True)[:, 0]
    rounded = np.round(few).astype(np.int32)
    return rounded[(rounded != np.roll(rounded, 1, axis=0)).any(axis=1)]


def label_json(polygons: dict[str, list[Polygon]], image_name: str, person: str) -> str:
    """The JSON of one image as the competition exports it, its stale fields stale."""
    annotations: list[dict[str, Any]] = []
    for label, parts in polygons.items():
        for part in parts:
            annotations.append(
                {
                    "id": f"{person}-{len(annotations):02d}",
                    "type": "poly_seg",
                    "attributes": {},
                    "points": part.tolist(),
                    "label": label,
                }
            )
    document = {
        "annotations": annotations,
        "attributes": {},
        "file_id": image_name.removesuffix(".png"),
        "filename": image_name.removesuffix(".png") + ".jpg",
        "parent_path": f"/{person}",
        "last_modifier_id": "phantom",
        "metadata": {"height": _STALE_SIZE, "width": _STALE_SIZE},
        "last_workers": [],
    }
    return json.dumps(document)
