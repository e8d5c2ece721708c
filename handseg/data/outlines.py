"""Masks back to polygons that draw the same mask again."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def outlines(mask: NDArray[np.uint8]) -> list[list[list[int]]]:
    """Polygons `[[x, y], …]` whose union, drawn with `fillPoly`, is the mask, pixel by pixel.

    A polygon cannot have a hole: a part that has one is cut into two through it.
    """
    import cv2

    contours, hierarchy = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    polygons: list[list[list[int]]] = []
    for index, contour in enumerate(contours):
        _, _, hole, parent = (int(link) for link in hierarchy[0][index])
        if parent >= 0:
            continue
        if hole < 0:
            polygons.append(contour[:, 0, :].tolist())
        else:
            polygons += cut_through(mask, contour, contours[hole])
    return polygons


def cut_through(mask: NDArray[np.uint8], contour: Any, hole: Any) -> list[list[list[int]]]:
    """The outlines of the two sides of one part, parted at a column that crosses its hole."""
    import cv2

    part = np.zeros_like(mask)
    cv2.drawContours(part, [contour], -1, 1, cv2.FILLED)
    part &= mask
    # A hole's contour runs on the pixels around it: the middle one crosses the hole itself.
    column = int(hole[:, 0, 0].min() + hole[:, 0, 0].max() + 1) // 2
    sides: list[list[list[int]]] = []
    for columns in (slice(None, column), slice(column, None)):
        side = np.zeros_like(part)
        side[:, columns] = part[:, columns]
        sides += outlines(side)
    return sides
