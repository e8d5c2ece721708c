"""One look at a sample: its image's file, its label, and the measures of its bones' masks."""

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
from handseg.check.findings import SECOND_PIECE, SEVERAL_PIECES, Finding
from handseg.check.images import read_whole
from handseg.check.labels import CheckedLabel, read_label
from handseg.check.reference import FEWEST, TO_SIGMA
from handseg.data.images import image_size, read_image
from handseg.data.labels import Sample
from handseg.errors import InputError
from handseg.formats.documents import Size
from handseg.formats.polygons import Polygon
from handseg.hand.hands import Hands, nan_median
from handseg.hand.pose import HAND, bend_of_segments
from handseg.rle.geometry import segments

Bytes = NDArray[np.uint8]

UNREADABLE = "an image that cannot be read"
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
    pieces: int
    second: int
    """Pixels of the second largest piece, about."""
    hole: int
    """Pixels that the mask encloses and does not hold."""


NOTHING = MaskMeasures(0, float("nan"), float("nan"), 0, 0, 0)


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
        """Take the mask of a class, and note holes and pieces."""
        self.drawn[name] = mask
        found: list[tuple[str, str, float]] = []
        if mask.hole >= max(LEAST_HOLE, LEAST_HOLE_SHARE * mask.area):
            detail = f"{mask.hole:,} pixels left out inside it: a ring, metal, or a slip"
            found.append((HOLE, detail, mask.hole / mask.area))
        if mask.second > SECOND_PIECE * mask.area:
            share = mask.second / mask.area
            detail = f"{mask.pieces} pieces, the second has {share:.0%} of the area"
            found.append((SEVERAL_PIECES, detail, share))
        image = self.sample.image_name
        self.findings += [
            Finding("warning", "labels", reason, detail, image=image, cls=name, weight=weight)
            for reason, detail, weight in found
        ]


def inspect_sample(
    sample: Sample, classes: Sequence[str], bones: Mapping[str, str], *, deep: bool = False
) -> Inspection:
    """Read a sample's files once; `bones` are those that its classes are, by class.

    Pixels are decoded where it is `deep`. Polygons and runs of the label do not stay: they are
    measured, and those of a set would take hundreds of megabytes.
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
        found.size = image_size(path)
        if fault:
            found.add_file_fault(DAMAGED, fault)
        elif deep:
            return _decode(found)
    except OSError as error:
        found.add_file_fault(UNREADABLE, error.strerror or str(error))
    except InputError as error:
        found.add_file_fault(UNREADABLE, error.details or error.message)
    return None


def _decode(found: Inspection) -> Bytes:
    """Raises InputError where the pixels cannot be decoded."""
    image = read_image(found.sample.image)
    found.pixels = hashlib.sha256(image.tobytes() + repr(image.shape).encode()).hexdigest()
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
