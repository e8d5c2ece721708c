"""Masks to polygons that draw the same mask again."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from handseg import rle
from handseg.data.labels import Polygon
from handseg.data.outlines import LEAST_POINTS, Outline, outlines
from handseg.formats.masks import Size


class Drawing(NamedTuple):
    """A mask and, where it was drawn with polygons alone, those."""

    runs: rle.Runs
    polygons: Sequence[Polygon] = ()

    def outlines(self, size: Size) -> list[Outline]:
        """The polygons that it was drawn with, else such as draw it again."""
        if not self.polygons:
            return outlines_of(self.runs, size)
        return [
            points + points[:1] * (LEAST_POINTS - len(points))
            for points in (polygon.tolist() for polygon in self.polygons)
        ]


def outlines_of(runs: rle.Runs, size: Size) -> list[Outline]:
    """The polygons `[[x, y], …]` of a mask; none of an empty one."""
    if not len(runs):
        return []
    window, (left, top) = box_of(runs, size)
    return [[[x + left, y + top] for x, y in outline] for outline in outlines(window)]


def box_of(runs: rle.Runs, size: Size) -> tuple[NDArray[np.uint8], tuple[int, int]]:
    """The part of a mask that is not empty inside its box, uint8 [h, w], and the box's (x, y)."""
    width = size[1]
    top, bottom = int(runs[0, 0]) // width, (int(runs[-1, 1]) - 1) // width + 1
    band = rle.to_mask(runs - top * width, (bottom - top, width))
    columns = np.flatnonzero(band.any(axis=0))
    left, right = int(columns[0]), int(columns[-1]) + 1
    return np.ascontiguousarray(band[:, left:right]), (left, top)
