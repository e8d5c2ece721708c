"""Masks back to polygons that draw the same mask again."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Outline = list[list[int]]
"""`[[x, y], …]` in pixels."""
LEAST_POINTS = 3
"""Of a polygon: other tools refuse to open fewer."""


def outlines(mask: NDArray[np.uint8]) -> list[Outline]:
    """Polygons `[[x, y], …]` whose union, drawn with `fillPoly`, is the mask, pixel by pixel.

    A polygon cannot have a hole: a part that has some is cut through them. A single pixel and a
    line come as polygons too, of three points on it.
    """
    return list(_outlines(mask, (0, 0)))


def _outlines(mask: NDArray[np.uint8], corner: tuple[int, int]) -> Iterator[Outline]:
    """The polygons of a mask whose first pixel lies at `corner`, (x, y)."""
    import cv2

    contours, hierarchy = cv2.findContours(
        mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE, offset=corner
    )
    holes: dict[int, list[NDArray[Any]]] = {}
    owners: list[int] = [int(links[3]) for links in hierarchy[0]] if contours else []
    for contour, owner in zip(contours, owners, strict=True):
        if owner >= 0:
            holes.setdefault(owner, []).append(contour[:, 0])
    parts = cv2.connectedComponents(mask, connectivity=8)[1] if holes else None
    for number, (contour, owner) in enumerate(zip(contours, owners, strict=True)):
        if parts is not None and number in holes:
            yield from _cut(parts, contour[:, 0], holes[number], corner)
        elif owner < 0:
            points: Outline = contour[:, 0].tolist()
            yield points + points[:1] * (LEAST_POINTS - len(points))


def _cut(
    parts: NDArray[Any],
    outline: NDArray[Any],
    holes: list[NDArray[Any]],
    corner: tuple[int, int],
) -> Iterator[Outline]:
    """The polygons of one of the numbered parts, cut at a column that crosses a hole.

    It is the hole in the middle: either side then has at most half of the others.
    """
    origin = np.array(corner)
    left, top = (outline.min(axis=0) - origin).tolist()
    right, bottom = (outline.max(axis=0) - origin + 1).tolist()
    x, y = (outline[0] - origin).tolist()
    part = (parts[top:bottom, left:right] == parts[y, x]).astype(np.uint8)
    # A hole's contour runs on the pixels around it: the middle of its ends crosses the hole itself.
    columns = sorted(int(hole[:, 0].min() + hole[:, 0].max() + 1) // 2 for hole in holes)
    column = columns[len(columns) // 2] - corner[0]
    place = (left + corner[0], top + corner[1])
    yield from _outlines(np.ascontiguousarray(part[:, : column - left]), place)
    yield from _outlines(
        np.ascontiguousarray(part[:, column - left :]), (column + corner[0], place[1])
    )
