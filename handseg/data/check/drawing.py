"""Masks of polygons measured in their own boxes: area, centre, holes and pieces of each bone."""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from handseg import rle
from handseg.formats.polygons import Polygon
from handseg.rle.geometry import Segments, segments

Mask = NDArray[np.uint8]


class Box(NamedTuple):
    """A mask `uint8[h, w]` of 0 and 1 and the image's pixel that its first one is."""

    mask: Mask
    left: int
    top: int


class Drawn(NamedTuple):
    """The mask of a class in pixels of the image; the centre is NaN where the area is 0."""

    area: int
    x: float
    y: float
    pieces: int
    second: int
    """Pixels of the second largest piece, about."""
    hole: int
    """Pixels that the mask encloses and does not hold."""


NOTHING = Drawn(0, float("nan"), float("nan"), 0, 0, 0)


def drawn_box(polygons: Sequence[Polygon], size: tuple[int, int]) -> Box | None:
    """The union of polygons within an image of (height, width), drawn as training draws it.

    None where nothing of them lies in the image.
    """
    filled = [polygon for polygon in polygons if len(polygon)]
    if not filled:
        return None
    low = np.min([polygon.min(axis=0) for polygon in filled], axis=0).clip(0)
    high = np.max([polygon.max(axis=0) for polygon in filled], axis=0)
    high = np.minimum(high, (size[1] - 1, size[0] - 1))
    if (low > high).any():
        return None
    width, height = (high - low + 1).tolist()
    mask = np.zeros((height, width), np.uint8)
    for polygon in filled:
        # One call for each: together they would cut out what they share.
        cv2.fillPoly(mask, [(polygon - low).astype(np.int32)], 1)
    return Box(mask, int(low[0]), int(low[1]))


def box_of_runs(polygons: Sequence[Polygon], runs: rle.Runs, size: tuple[int, int]) -> Box | None:
    """The union of polygons and runs, which are cut at the end of the image."""
    runs = np.clip(runs, 0, size[0] * size[1])
    lines = segments([runs[runs[:, 0] < runs[:, 1]]], [size[1]])
    if not len(lines.row):
        return drawn_box(polygons, size)
    left, top = int(lines.start.min()), int(lines.row.min())
    right, bottom = int(lines.end.max()), int(lines.row.max()) + 1
    painted = drawn_box(polygons, size)
    if painted is not None:
        height, width = painted.mask.shape
        left, top = min(left, painted.left), min(top, painted.top)
        right, bottom = max(right, painted.left + width), max(bottom, painted.top + height)
    mask = np.zeros((bottom - top, right - left), np.uint8)
    if painted is not None:
        height, width = painted.mask.shape
        rows, columns = painted.top - top, painted.left - left
        mask[rows : rows + height, columns : columns + width] = painted.mask
    for row, start, end in zip(
        (lines.row - top).tolist(), lines.start.tolist(), lines.end.tolist(), strict=True
    ):
        mask[row, start - left : end - left] = 1
    return Box(mask, left, top)


def measured(box: Box | None) -> Drawn:
    """Area, centre, pieces and holes of a mask."""
    if box is None:
        return NOTHING
    moments = cv2.moments(box.mask, binaryImage=True)
    area = round(moments["m00"])
    if not area:
        return NOTHING
    contours, _ = cv2.findContours(box.mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    whole = cv2.drawContours(np.zeros_like(box.mask), contours, -1, 1, cv2.FILLED)
    inside = sorted((cv2.contourArea(contour) for contour in contours), reverse=True)
    return Drawn(
        area,
        box.left + moments["m10"] / area,
        box.top + moments["m01"] / area,
        len(contours),
        round(inside[1]) if len(inside) > 1 else 0,
        cv2.countNonZero(whole) - area,
    )


def cut(box: Box) -> Segments:
    """The runs of a mask within its box: a direction is the same wherever the box lies."""
    return segments([rle.from_mask(box.mask)], [box.mask.shape[1]])
