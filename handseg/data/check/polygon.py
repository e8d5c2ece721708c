"""What can be wrong with one polygon: too few points, no area, outside, crossing itself."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Points = NDArray[np.float64]
"""float64 [points, 2] as (x, y) in pixels."""

FEWEST_POINTS = 3
LEAST_AREA = 0.5
"""Square pixels; less is a line."""
BEYOND = 1.0
"""Pixels outside the image that rounding explains: the last pixel's outer edge."""
MOST_PAIRS = 5_000_000
"""Pairs of edges that are tried; real polygons need some thousands."""
_BLOCK = 256
_MOST_CROSSINGS = 64


class Crossing(NamedTuple):
    """Two edges of a polygon that cross: where, and the square pixels of the smaller loop."""

    x: float
    y: float
    loop: float


def distinct(points: Points) -> Points:
    """The corners without those that repeat the one before, the last one before the first too."""
    if not len(points):
        return points
    return points[(points != np.roll(points, 1, axis=0)).any(axis=1)]


def area(points: Points) -> float:
    """The signed area in square pixels, after the shoelace formula."""
    # Around the first corner, so that figures far from the origin cancel nothing.
    x, y = (points - points[:1]).T
    return float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2


def outside(points: Points, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Which corners [points] lie beyond an image of (height, width)."""
    high = np.array([size[1], size[0]]) - 1 + BEYOND
    return np.asarray(((points < -BEYOND) | (points > high)).any(axis=1))


def wholly_outside(points: Points, size: tuple[int, int]) -> bool:
    """Whether no point of the polygon's box lies in an image of (height, width)."""
    low, high = points.min(axis=0), points.max(axis=0)
    return bool((high < 0).any() or (low > np.array([size[1], size[0]]) - 1).any())


def crossing(points: Points) -> Crossing | None:
    """Of the places where two edges cross from side to side, the one with the largest loop.

    Touching is no crossing. Edges are sorted by where they begin, so that only those that reach
    each other are compared; polygons of more than `MOST_PAIRS` such pairs are given up.
    """
    points = distinct(points)
    if len(points) < 4:
        return None
    begin, end = points, np.roll(points, -1, axis=0)
    left, right = np.minimum(begin, end)[:, 0], np.maximum(begin, end)[:, 0]
    order = np.argsort(left, kind="stable")
    begin, end, left, right = begin[order], end[order], left[order], right[order]
    left_to_try, found = MOST_PAIRS, list[Crossing]()
    for first in range(0, len(order), _BLOCK):
        some = slice(first, first + _BLOCK)
        others = slice(first, int(np.searchsorted(left, right[some].max(), side="right")))
        left_to_try -= len(left[some]) * (others.stop - first)
        if left_to_try < 0:
            break
        pairs = _crossings(begin[some], end[some], begin[others], end[others])[:_MOST_CROSSINGS]
        edges = order[pairs + first]
        found += [_crossing(points, min(pair), max(pair)) for pair in edges.tolist()]
    return max(found, key=lambda one: one.loop, default=None)


def _crossings(a: Points, b: Points, c: Points, d: Points) -> NDArray[np.intp]:
    """Pairs (of ab, of cd) of edges that cross: each has the other's ends on its two sides."""
    apart = _sides(a, b, c) * _sides(a, b, d) < 0
    return np.argwhere(apart & (_sides(c, d, a) * _sides(c, d, b) < 0).T)


def _sides(a: Points, b: Points, points: Points) -> Floats:
    """The side of the line ab on which points lie, as a sign; [edges, points]."""
    way = b - a
    x = points[None, :, 0] - a[:, None, 0]
    y = points[None, :, 1] - a[:, None, 1]
    return np.sign(way[:, None, 0] * y - way[:, None, 1] * x)


def _crossing(points: Points, one: int, other: int) -> Crossing:
    """The crossing of the edges that begin at two corners, `one` before `other`."""
    a, b, c, d = (points[at % len(points)] for at in (one, one + 1, other, other + 1))
    first, second = b - a, d - c
    cross = first[0] * second[1] - first[1] * second[0]
    along = ((c[0] - a[0]) * second[1] - (c[1] - a[1]) * second[0]) / cross
    place = a + along * first
    loop = abs(area(np.concatenate((place[None], points[one + 1 : other + 1]))))
    rest = abs(area(np.concatenate((place[None], points[other + 1 :], points[: one + 1]))))
    return Crossing(float(place[0]), float(place[1]), min(loop, rest))
