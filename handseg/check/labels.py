"""Labels read for a check: every fault is a finding, and what can be drawn stays.

Below the reading, what can be wrong with one polygon: too few points, no area, outside of the
image, crossing itself.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from handseg import rle
from handseg.check.findings import Finding
from handseg.data.labels import Sample, read_labels
from handseg.errors import InputError, did_you_mean
from handseg.formats.documents import Size
from handseg.formats.handbone import LabelledPolygon, read_label_file
from handseg.formats.polygons import FARTHEST, Points, Polygon

Floats = NDArray[np.float64]

FEWEST_POINTS = 3
LEAST_AREA = 0.5
"""Square pixels; less is a line."""
SLACK = 1.0
"""Pixels outside the image that rounding explains: the last pixel's outer edge."""
MOST_PAIRS = 5_000_000
"""Pairs of edges that are tried; real polygons need some thousands."""
_BLOCK = 256
_MOST_CROSSINGS = 64

UNREADABLE = "a label that cannot be read"
UNKNOWN = "a class that the data set does not have"
NO_POINTS = "points that are no list of finite numbers"
FEW_POINTS = "a polygon of fewer than three points"
NO_AREA = "a polygon of zero area"
OUTSIDE = "a polygon wholly outside the image"
BEYOND = "points outside the image"
CROSSING = "a polygon that crosses itself"
DOUBLED = "a class that is drawn more than once"

LEAST_LOOP = 4.0
"""Square pixels of a loop that a crossing turns round; rounded corners make smaller ones."""
_WARNINGS = (CROSSING, BEYOND, DOUBLED)
"""What training can use and a person may have meant."""


@dataclass
class CheckedLabel:
    """What is drawn in one image, as far as it can be, and what is wrong with it."""

    image: str
    size: Size | None
    """The image's (height, width), where that is known."""
    labelled: tuple[str, ...]
    """The classes that are said to be labelled."""
    polygons: dict[str, list[Polygon]] = field(default_factory=dict[str, list[Polygon]])
    runs: dict[str, rle.Runs] = field(default_factory=dict[str, rle.Runs])
    findings: list[Finding] = field(default_factory=list[Finding])
    readable: bool = True

    def add_finding(self, reason: str, detail: str, name: str = "", weight: float = 0.0) -> None:
        """Note what is wrong with the label, or with one of its classes."""
        severity = "warning" if reason in _WARNINGS else "error"
        self.findings.append(
            Finding(severity, "labels", reason, detail, image=self.image, cls=name, weight=weight)
        )

    def add_polygon(self, name: str, points: Points, place: str = "") -> None:
        """Take a polygon as training draws it, and note what is wrong with it."""
        for reason, words, weight in polygon_faults(points, self.size):
            detail = ", ".join(part for part in (place, words) if part)
            self.add_finding(reason, detail, name, weight)
        drawn = np.rint(points.clip(-FARTHEST, FARTHEST)).astype(np.int32)
        self.polygons.setdefault(name, []).append(drawn)


def read_label(sample: Sample, classes: Sequence[str], size: Size | None) -> CheckedLabel:
    """The label of a sample; (height, width) is None where the image's size is not known.

    Labels in files of several images are read as training reads them: a fault ends them.
    """
    label = CheckedLabel(sample.image_name, size, tuple(classes))
    try:
        if sample.entry is None:
            _read_own_file(sample, classes, label)
        else:
            _read_entry(sample, classes, label)
    except InputError as error:
        parts = (error.message, error.details.replace("\n", "; "))
        label.add_finding(UNREADABLE, ": ".join(part for part in parts if part))
        label.readable = False
    if sample.labelled is not None:
        label.labelled = tuple(name for name in label.labelled if name in sample.labelled)
    if sample.entry is None:
        # The segmentation of a COCO annotation may well have several parts.
        _find_doubled(label)
    return label


def _read_own_file(sample: Sample, classes: Sequence[str], label: CheckedLabel) -> None:
    assert sample.labels is not None
    document = read_label_file(sample.labels, classes)
    label.labelled = tuple(name for name in classes if name in document.labelled)
    for one in document.annotations:
        place = f"annotation {one.number}"
        if isinstance(one, LabelledPolygon):
            label.add_polygon(one.label, one.points, place)
        elif one.kind == "points":
            label.add_finding(NO_POINTS, place, one.label)
        else:
            near = did_you_mean(one.label, classes) if isinstance(one.label, str) else ""
            label.add_finding(UNKNOWN, f"{place} is of {one.label!r:.80}{near}")
    if document.labelled_fault is not None:
        # Training refuses the whole label for it.
        raise document.labelled_fault


def _read_entry(sample: Sample, classes: Sequence[str], label: CheckedLabel) -> None:
    read = read_labels(sample, classes)
    named = zip(classes, read.labelled, strict=True)
    label.labelled = tuple(name for name, is_labelled in named if is_labelled)
    if label.size is not None and read.size not in (None, label.size):
        raise InputError(f"it is of an image of {read.size[1]} × {read.size[0]} pixels")
    label.runs.update(read.runs)
    for name, parts in read.polygons.items():
        for part in parts:
            label.add_polygon(name, part.astype(np.float64))


def _find_doubled(label: CheckedLabel) -> None:
    for name, parts in label.polygons.items():
        if len(parts) > 1:
            same = all(np.array_equal(parts[0], part) for part in parts[1:])
            words = f"{len(parts)} polygons, all the same" if same else f"{len(parts)} polygons"
            label.add_finding(DOUBLED, f"{words}; their union counts", name, len(parts))


def polygon_faults(points: Points, size: Size | None) -> Iterator[tuple[str, str, float]]:
    """Reason, detail and weight of what is wrong with a polygon."""
    if len(points) < FEWEST_POINTS:
        yield FEW_POINTS, f"{len(points)}", 0.0
        return
    # Within what is drawn, so that no figure overflows.
    near = points.clip(-FARTHEST, FARTHEST)
    area, crossing = abs(signed_area(near)), largest_crossing(near)
    crosses = crossing is not None and crossing.loop >= LEAST_LOOP
    # The two loops of an eight cancel each other: it has an area.
    if area < LEAST_AREA and not crosses:
        yield NO_AREA, f"{len(points)} points on a line or in one place", 0.0
    if crossing is not None and crosses:
        where = f"at ({crossing.x:.0f}, {crossing.y:.0f})"
        yield CROSSING, f"{where}, a loop of {crossing.loop:,.0f} pixels", crossing.loop
    if size is not None:
        yield from _beyond(points, size)


def _beyond(points: Points, size: Size) -> Iterator[tuple[str, str, float]]:
    away = outside(points, size)
    if not away.any():
        return
    x, y = points[away][0].tolist()
    detail = f"{int(away.sum())} of {len(points)} points, the first at ({x:.0f}, {y:.0f})"
    reason = OUTSIDE if wholly_outside(points, size) else BEYOND
    yield reason, f"{detail}; the image has {size[1]} × {size[0]} pixels", float(away.sum())


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


def signed_area(points: Points) -> float:
    """The signed area in square pixels, after the shoelace formula."""
    # Around the first corner, so that figures far from the origin cancel nothing.
    x, y = (points - points[:1]).T
    return float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2


def outside(points: Points, size: Size) -> NDArray[np.bool_]:
    """Which corners [points] lie beyond an image of (height, width)."""
    high = np.array([size[1], size[0]]) - 1 + SLACK
    return np.asarray(((points < -SLACK) | (points > high)).any(axis=1))


def wholly_outside(points: Points, size: Size) -> bool:
    """Whether no point of the polygon's box lies in an image of (height, width)."""
    low, high = points.min(axis=0), points.max(axis=0)
    return bool((high < 0).any() or (low > np.array([size[1], size[0]]) - 1).any())


def largest_crossing(points: Points) -> Crossing | None:
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
    loop = abs(signed_area(np.concatenate((place[None], points[one + 1 : other + 1]))))
    rest = abs(signed_area(np.concatenate((place[None], points[other + 1 :], points[: one + 1]))))
    return Crossing(float(place[0]), float(place[1]), min(loop, rest))
