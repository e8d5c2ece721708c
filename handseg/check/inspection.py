"""The inspection of one sample: its image's file, its label, and the measures of its masks.

Of a label every fault is a finding, and what can be drawn stays: polygons of too few points or no
area, outside of the image, crossing themselves; masks with holes or in pieces.
"""

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from handseg import rle
from handseg.anatomy import BONES, FOREARM
from handseg.check.findings import FEWEST, SECOND_PIECE, SEVERAL_PIECES, TO_SIGMA, Finding
from handseg.check.images import header_findings, read_whole
from handseg.data.dicom import is_dicom, truncation
from handseg.data.images import image_header, read_image
from handseg.data.labels import Sample, read_labels, read_polygons
from handseg.errors import InputError, did_you_mean
from handseg.formats.documents import Size
from handseg.formats.handbone import LabelledPolygon, read_label_file
from handseg.formats.polygons import FARTHEST, Points, Polygon
from handseg.hand.hands import HAND, Hands, bend_of_segments, nan_median
from handseg.rle.geometry import segments
from handseg.text import pixels_text

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float64]

UNREADABLE_IMAGE = "an image that cannot be read"
DAMAGED = "a damaged image"
BLANK = "an image of one grey"
HOLE = "a hole in a mask"
BRIGHT = "something bright in a bone, as a ring or metal"

LEAST_HOLE, LEAST_HOLE_SHARE = 12, 0.002
"""Pixels of a hole, and their share of the mask, that are no matter of drawing."""
MOST_PIXELS = 1 << 27
"""Of masks that are held at once; the bones of a hand of 2048² take some 4 million."""
_BRIGHT_Z = 8.0
"""On phantoms of the seed 111 every hand without metal stays below 6.5."""
_LEAST_SPREAD = 0.02
_LONGEST_TAIL = 3.0
"""Times the bones' grey; 1.5 is white for most radiographs."""

FEWEST_POINTS = 3
LEAST_AREA = 0.2
"""Square pixels; less is a line. Single pixels are written with `SLIVER`² of `formats.polygons`."""
SLACK = 1.0
"""Pixels outside the image that rounding explains: the last pixel's outer edge."""
MOST_PAIRS = 5_000_000
"""Pairs of edges that are tried; real polygons need some thousands."""
_BLOCK = 256
_MOST_CROSSINGS = 64

UNREADABLE_LABEL = "a label that cannot be read"
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


class MaskBox(NamedTuple):
    """A mask `uint8[h, w]` of 0 and 1 and the image's pixel that its first one is."""

    mask: Bytes
    left: int
    top: int


class MaskMeasures(NamedTuple):
    """The mask of a class in pixels of the image; the centre is NaN where the area is 0."""

    area: int
    x: float
    y: float
    components: int
    """Connected components."""
    second: int
    """Pixels of the second largest component, about."""
    hole: int
    """Pixels that the mask encloses and does not hold."""


NOTHING = MaskMeasures(0, float("nan"), float("nan"), 0, 0, 0)


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


@dataclass
class Inspection:
    """What one sample's files hold."""

    sample: Sample
    size: Size | None = None
    digest: str = ""
    """Of the image's file; empty where it cannot be read."""
    pixels: str = ""
    """Of its pixels, where they were decoded."""
    drawing: str = ""
    """Of its polygons and runs; empty where nothing is drawn."""
    label: CheckedLabel | None = None
    drawn: dict[str, MaskMeasures] = field(default_factory=dict[str, MaskMeasures])
    inside: tuple[tuple[str, str], ...] = ()
    """Pairs of classes: the centre of the first lies in the mask of the second."""
    bend: float = math.nan
    """Degrees clockwise from the forearm to the hand; NaN where they cannot be told."""
    greys: dict[str, tuple[float, float]] = field(default_factory=dict[str, tuple[float, float]])
    """Of each mask, where pixels were decoded: their median and their 97th percentile."""
    findings: list[Finding] = field(default_factory=list[Finding])

    def add_file_fault(self, reason: str, detail: str) -> None:
        """Note what is wrong with the image's file or its pixels."""
        severity = "warning" if reason == BLANK else "error"
        image = self.sample.image_name
        self.findings.append(Finding(severity, "files", reason, detail, image=image))

    def add_mask(self, name: str, mask: MaskMeasures) -> None:
        """Take the mask of a class, and note holes and components."""
        self.drawn[name] = mask
        found: list[tuple[str, str, float]] = []
        if mask.hole >= max(LEAST_HOLE, LEAST_HOLE_SHARE * mask.area):
            detail = f"{mask.hole:,} pixels left out inside it: a ring, metal, or a slip"
            found.append((HOLE, detail, mask.hole / mask.area))
        if mask.second > SECOND_PIECE * mask.area:
            share = mask.second / mask.area
            detail = f"{mask.components} pieces, the second has {share:.0%} of the area"
            found.append((SEVERAL_PIECES, detail, share))
        image = self.sample.image_name
        self.findings += [
            Finding("warning", "labels", reason, detail, image=image, cls=name, weight=weight)
            for reason, detail, weight in found
        ]


def inspect_sample(
    sample: Sample, classes: Sequence[str], bones: Mapping[str, str], *, deep: bool = False
) -> Inspection:
    """Read a sample's files once, and measure what is drawn in it.

    Polygons and runs of the label do not stay: those of a set would take hundreds of megabytes.

    Args:
        bones: the bone that each class is, for those that are one.
        deep: whether the pixels are decoded too.

    Returns:
        Measures in pixels of the image; what cannot be read stands in its `findings`.
    """
    found = Inspection(sample)
    image = _inspect_image(found, deep)
    if sample.labels is not None:
        label = found.label = read_label(sample, classes, found.size)
        found.findings += label.findings
        if found.size is not None:
            boxes = _inspect_masks(found, label, found.size, bones)
            if image is not None:
                found.greys = {name: _greys(image, box) for name, box in boxes.items()}
        label.polygons.clear()
        label.runs.clear()
    return found


def hands_of_inspections(inspections: Sequence[Inspection], bones: Mapping[str, str]) -> Hands:
    """The bones that are drawn in each sample, by class; of several classes the first counts.

    Where a class has an error in an image already, its mask says no more.
    """
    hands = Hands.unmeasured(one.sample.image_name for one in inspections)
    for at, one in enumerate(inspections):
        bad = {finding.cls for finding in one.findings if finding.severity == "error"}
        hands.bends[at] = one.bend
        for name, bone in bones.items():
            place = BONES.index(bone)
            mask = one.drawn.get(name) if name not in bad else None
            if mask is not None and mask.area and math.isnan(hands.areas[at, place]):
                hands.areas[at, place], hands.centres[at, place] = mask.area, (mask.x, mask.y)
    return hands


def bright_findings(inspections: Sequence[Inspection], classes: Sequence[str]) -> Iterator[Finding]:
    """Notes on bones with a brighter part than the same bones of other images have: rings, metal.

    A bone's bright tail, the distance from its median grey to its 97th percentile in units of the
    hand's bones, is compared with that bone's in the other images.
    """
    known = [one for one in inspections if one.greys]
    if len(known) < FEWEST:
        return
    tails = np.array([_bright_tails(one, classes) for one in known])
    usual = nan_median(tails)
    spread = np.maximum(TO_SIGMA * nan_median(np.abs(tails - usual)), _LEAST_SPREAD)
    z = (tails - usual) / spread
    with np.errstate(invalid="ignore"):
        out = np.argwhere(z > _BRIGHT_Z).tolist()
    for at, place in out:
        detail = f"its brightest part is {tails[at, place]:.2g} times the bones' grey above it"
        yield Finding(
            "note",
            "labels",
            BRIGHT,
            f"{detail}, usually {usual[place]:.2g} (robust z {z[at, place]:.0f})",
            image=known[at].sample.image_name,
            cls=classes[place],
            weight=float(z[at, place]),
        )


def read_label(sample: Sample, classes: Sequence[str], size: Size | None) -> CheckedLabel:
    """The label of a sample; (height, width) is None where the image's size is not known.

    Labels in files of several images are read as training reads them: a fault ends them.
    """
    label = CheckedLabel(sample.image_name, size, tuple(classes))
    try:
        if sample.reader is read_polygons:
            _read_own_file(sample, classes, label)
        else:
            _read_entry(sample, classes, label)
    except InputError as error:
        parts = (error.message, error.details.replace("\n", "; ") or "".join(error.hints[:1]))
        label.add_finding(UNREADABLE_LABEL, ": ".join(part for part in parts if part))
        label.readable = False
    if sample.labelled is not None:
        label.labelled = tuple(name for name in label.labelled if name in sample.labelled)
    if sample.reader is read_polygons:
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
        turned = ": the image's, turned" if read.size == label.size[::-1] else ""
        raise InputError(f"it is of an image of {pixels_text(read.size)} pixels{turned}")
    label.runs.update(read.runs)
    for name, parts in read.polygons.items():
        for part in parts:
            label.add_polygon(name, part.astype(np.float64))


def _find_doubled(label: CheckedLabel) -> None:
    """Polygons on each other: those beside each other are the pieces of a mask, as told of it."""
    for name, parts in label.polygons.items():
        if len(parts) > 1 and _overlap(parts, label.size):
            same = all(np.array_equal(parts[0], part) for part in parts[1:])
            words = f"{len(parts)} polygons, all the same" if same else f"{len(parts)} polygons"
            label.add_finding(DOUBLED, f"{words}; their union counts", name, len(parts))


def _overlap(parts: Sequence[Polygon], size: Size | None) -> bool:
    if size is None:
        return True
    alone = sum(measure_mask(draw_polygons([part], size)).area for part in parts)
    together = measure_mask(draw_polygons(parts, size)).area
    return alone - together > SECOND_PIECE * together


def polygon_faults(points: Points, size: Size | None) -> Iterator[tuple[str, str, float]]:
    """Reason, detail and weight of what is wrong with a polygon."""
    if len(points) < FEWEST_POINTS:
        yield FEW_POINTS, f"{len(points)}", 0.0
        return
    # Within what is drawn, so that no number overflows.
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
    yield reason, f"{detail}; the image has {pixels_text(size)} pixels", float(away.sum())


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
    # Around the first corner, so that numbers far from the origin cancel nothing.
    x, y = (points - points[:1]).T
    return float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2


def outside(points: Points, size: Size) -> NDArray[np.bool_]:
    """Which corners [points] lie beyond an image of (height, width)."""
    high = np.array([size[1], size[0]]) - 1 + SLACK
    return np.asarray(((points < -SLACK) | (points > high)).any(axis=1))


def wholly_outside(points: Points, size: Size) -> bool:
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
        # Edges ab and cd cross where each has the other's ends on its two sides.
        a, b, c, d = begin[some], end[some], begin[others], end[others]
        apart = _sides(a, b, c) * _sides(a, b, d) < 0
        crossings = np.argwhere(apart & (_sides(c, d, a) * _sides(c, d, b) < 0).T)
        pairs = crossings[:_MOST_CROSSINGS]
        edges = order[pairs + first]
        found += [_crossing(points, min(pair), max(pair)) for pair in edges.tolist()]
    return max(found, key=lambda one: one.loop, default=None)


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


def draw_polygons(polygons: Sequence[Polygon], size: Size) -> MaskBox | None:
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
    return MaskBox(mask, int(low[0]), int(low[1]))


def draw_runs(polygons: Sequence[Polygon], runs: rle.Runs, size: Size) -> MaskBox | None:
    """The union of polygons and runs, which are cut at the end of the image."""
    runs = np.clip(runs, 0, size[0] * size[1])
    lines = segments([runs[runs[:, 0] < runs[:, 1]]], [size[1]])
    if not len(lines.row):
        return draw_polygons(polygons, size)
    left, top = int(lines.start.min()), int(lines.row.min())
    right, bottom = int(lines.end.max()), int(lines.row.max()) + 1
    painted = draw_polygons(polygons, size)
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
    return MaskBox(mask, left, top)


def measure_mask(box: MaskBox | None) -> MaskMeasures:
    if box is None:
        return NOTHING
    moments = cv2.moments(box.mask, binaryImage=True)
    area = round(moments["m00"])
    if not area:
        return NOTHING
    contours, _ = cv2.findContours(box.mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    whole = cv2.drawContours(np.zeros_like(box.mask), contours, -1, 1, cv2.FILLED)
    inside = sorted((cv2.contourArea(contour) for contour in contours), reverse=True)
    return MaskMeasures(
        area,
        box.left + moments["m10"] / area,
        box.top + moments["m01"] / area,
        len(contours),
        round(inside[1]) if len(inside) > 1 else 0,
        cv2.countNonZero(whole) - area,
    )


def _inspect_image(found: Inspection, deep: bool) -> Bytes | None:
    """Reads the file; its pixels only where it is deep."""
    path = found.sample.image
    try:
        found.digest, fault = read_whole(path)
        header = image_header(path)
        found.size = header.size
        found.findings += header_findings(found.sample.image_name, header)
        if is_dicom(path):
            fault = truncation(path)
        if fault:
            found.add_file_fault(DAMAGED, fault)
        elif deep:
            return _decode(found)
    except OSError as error:
        found.add_file_fault(UNREADABLE_IMAGE, error.strerror or str(error))
    except InputError as error:
        found.add_file_fault(UNREADABLE_IMAGE, error.details or error.message)
    return None


def _decode(found: Inspection) -> Bytes:
    """Raises InputError where the pixels cannot be decoded."""
    image = read_image(found.sample.image)
    digest = hashlib.sha256(np.ascontiguousarray(image).data)
    digest.update(repr(image.shape).encode())
    found.pixels = digest.hexdigest()
    if image.size and image.min() == image.max():
        found.add_file_fault(BLANK, f"every pixel is {int(image.min())}")
    return image


def _inspect_masks(
    found: Inspection, label: CheckedLabel, size: Size, bones: Mapping[str, str]
) -> dict[str, MaskBox]:
    boxes: dict[str, MaskBox] = {}
    held = 0
    whole = hashlib.sha256()
    for name in dict.fromkeys((*label.polygons, *label.runs)):
        parts, runs = label.polygons.get(name, []), label.runs.get(name)
        for part in (*parts, *(() if runs is None else (runs,))):
            whole.update(name.encode() + np.ascontiguousarray(part).tobytes())
        box = draw_polygons(parts, size) if runs is None else draw_runs(parts, runs, size)
        found.add_mask(name, measure_mask(box))
        if box is not None:
            held += box.mask.size
            if held <= MOST_PIXELS:
                boxes[name] = box
    found.drawing = whole.hexdigest() if boxes else ""
    found.inside = tuple(_inside(found.drawn, boxes))
    # A direction is the same wherever the box lies.
    cut = {
        bones[name]: segments([rle.from_mask(box.mask)], [box.mask.shape[1]])
        for name, box in boxes.items()
        if bones.get(name) in (*FOREARM, HAND)
    }
    if HAND in cut:
        found.bend = bend_of_segments([cut[bone] for bone in FOREARM if bone in cut], cut[HAND])
    return boxes


def _greys(image: Bytes, box: MaskBox) -> tuple[float, float]:
    height, width = box.mask.shape
    part = image[box.top : box.top + height, box.left : box.left + width]
    counts = np.bincount(part[box.mask > 0], minlength=256).cumsum()
    half, most = np.searchsorted(counts, (0.5 * counts[-1], 0.97 * counts[-1])).tolist()
    return float(half), float(most)


def _bright_tails(found: Inspection, classes: Sequence[str]) -> NDArray[np.float64]:
    """[classes]: how far the bright tail of each mask reaches; NaN where it is not drawn."""
    greys = np.array([found.greys.get(name, (np.nan, np.nan)) for name in classes])
    of_bones = max(float(np.nanmedian(greys[:, 0])), 1.0)
    return np.minimum((greys[:, 1] - greys[:, 0]) / of_bones, _LONGEST_TAIL)


def _inside(
    drawn: Mapping[str, MaskMeasures], boxes: Mapping[str, MaskBox]
) -> list[tuple[str, str]]:
    names = [name for name, one in drawn.items() if one.area]
    x = np.rint([drawn[name].x for name in names]).astype(np.int64)
    y = np.rint([drawn[name].y for name in names]).astype(np.int64)
    found: list[tuple[str, str]] = []
    for other, box in boxes.items():
        height, width = box.mask.shape
        column, row = x - box.left, y - box.top
        near = np.flatnonzero((column >= 0) & (row >= 0) & (column < width) & (row < height))
        found += [
            (names[at], other)
            for at in near.tolist()
            if names[at] != other and box.mask[row[at], column[at]]
        ]
    return found
