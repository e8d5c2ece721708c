"""One look at a sample: its image's file, its label, and the measures of its bones."""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from handseg.anatomy import FOREARM
from handseg.data.check import image_file
from handseg.data.check.drawing import Box, Drawn, box_of_runs, cut, drawn_box, measured
from handseg.data.check.finding import Finding
from handseg.data.check.label_file import Label, read_label
from handseg.data.images import image_size, read_image
from handseg.data.labels import Sample
from handseg.errors import InputError
from handseg.hand.pose import HAND, axis_lean, shaft_lean

Image = NDArray[np.uint8]

UNREADABLE = "an image that cannot be read"
DAMAGED = "a damaged image"
BLANK = "an image of one grey"
HOLE = "a hole in a mask"
PIECES = "a mask in several pieces"

LEAST_HOLE, LEAST_HOLE_SHARE = 12, 0.002
"""Pixels of a hole, and their share of the mask, that are no matter of drawing."""
MOST_PIXELS = 1 << 27
"""Of masks that are held at once; the bones of a hand of 2048² take some 4 million."""
SECOND_PIECE = 0.05
"""Of the mask's area."""


@dataclass
class Look:
    """What one sample's files hold."""

    sample: Sample
    size: tuple[int, int] | None = None
    digest: str = ""
    """Of the image's file; empty where it cannot be read."""
    pixels: str = ""
    """Of its pixels, where they were decoded."""
    drawing: str = ""
    """Of its polygons and runs; empty where nothing is drawn."""
    label: Label | None = None
    drawn: dict[str, Drawn] = field(default_factory=dict[str, Drawn])
    inside: tuple[tuple[str, str], ...] = ()
    """Pairs of classes: the centre of the first lies in the mask of the second."""
    bend: float = math.nan
    """Degrees clockwise from the forearm to the hand; NaN where they cannot be told."""
    greys: dict[str, tuple[float, float]] = field(default_factory=dict[str, tuple[float, float]])
    """Of each mask, where pixels were decoded: their median and their 97th percentile."""
    findings: list[Finding] = field(default_factory=list[Finding])

    def without_label(self) -> "Look":
        """What is kept of it: polygons are measured, a set's would take hundreds of megabytes."""
        if self.label is not None:
            self.label.polygons.clear()
            self.label.runs.clear()
        return self


def look_at(
    sample: Sample, classes: Sequence[str], bones: Mapping[str, str], *, deep: bool = False
) -> Look:
    """Read a sample's files once; `bones` are those that its classes are, by class."""
    look = Look(sample)
    image = _image(look, deep)
    if sample.labels is not None:
        look.label = read_label(sample, classes, look.size)
        look.findings += look.label.findings
        if look.size is not None:
            boxes = _masks(look, look.label, look.size, bones)
            if image is not None:
                look.greys = {name: _greys(image, box) for name, box in boxes.items()}
    return look


def _image(look: Look, deep: bool) -> Image | None:
    """Reads the file; its pixels only for a deep look."""
    path = look.sample.image
    try:
        look.digest, fault = image_file.read_whole(path)
        look.size = image_size(path)
        if fault:
            look.findings.append(_of_file(look, DAMAGED, fault))
        elif deep:
            return _pixels(look)
    except OSError as error:
        look.findings.append(_of_file(look, UNREADABLE, error.strerror or str(error)))
    except InputError as error:
        look.findings.append(_of_file(look, UNREADABLE, error.details or error.message))
    return None


def _pixels(look: Look) -> Image:
    """Raises InputError where they cannot be decoded."""
    image = read_image(look.sample.image)
    look.pixels = hashlib.sha256(image.tobytes() + repr(image.shape).encode()).hexdigest()
    if image.size and image.min() == image.max():
        look.findings.append(_of_file(look, BLANK, f"every pixel is {int(image.min())}"))
    return image


def _masks(
    look: Look, label: Label, size: tuple[int, int], bones: Mapping[str, str]
) -> dict[str, Box]:
    boxes: dict[str, Box] = {}
    kept = 0
    whole = hashlib.sha256()
    for name in dict.fromkeys((*label.polygons, *label.runs)):
        parts, runs = label.polygons.get(name, []), label.runs.get(name)
        for part in (*parts, *(() if runs is None else (runs,))):
            whole.update(name.encode() + np.ascontiguousarray(part).tobytes())
        box = drawn_box(parts, size) if runs is None else box_of_runs(parts, runs, size)
        look.drawn[name] = measured(box)
        if box is not None:
            look.findings += _of_mask(look, name, look.drawn[name])
            kept += box.mask.size
            if kept <= MOST_PIXELS:
                boxes[name] = box
    look.drawing = whole.hexdigest() if boxes else ""
    look.inside = tuple(_inside(look.drawn, boxes))
    look.bend = _bend({bones[name]: box for name, box in boxes.items() if name in bones})
    return boxes


def _greys(image: Image, box: Box) -> tuple[float, float]:
    height, width = box.mask.shape
    part = image[box.top : box.top + height, box.left : box.left + width]
    counts = np.bincount(part[box.mask > 0], minlength=256).cumsum()
    half, most = np.searchsorted(counts, (0.5 * counts[-1], 0.97 * counts[-1])).tolist()
    return float(half), float(most)


def _of_mask(look: Look, name: str, drawn: Drawn) -> list[Finding]:
    found: list[Finding] = []
    if drawn.hole >= max(LEAST_HOLE, LEAST_HOLE_SHARE * drawn.area):
        words = f"{drawn.hole:,} pixels left out inside it: a ring, metal, or a slip"
        found.append(_of_label(look, HOLE, words, name, drawn.hole / drawn.area))
    if drawn.second > SECOND_PIECE * drawn.area:
        share = drawn.second / drawn.area
        words = f"{drawn.pieces} pieces, the second has {share:.0%} of the area"
        found.append(_of_label(look, PIECES, words, name, share))
    return found


def _inside(drawn: Mapping[str, Drawn], boxes: Mapping[str, Box]) -> list[tuple[str, str]]:
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


def _bend(boxes: Mapping[str, Box]) -> float:
    leans = [shaft_lean(cut(boxes[bone])) for bone in FOREARM if bone in boxes]
    known = [lean for lean in leans if not math.isnan(lean)]
    if not known or HAND not in boxes:
        return math.nan
    return (axis_lean(cut(boxes[HAND])) - sum(known) / len(known) + 90) % 180 - 90


def _of_file(look: Look, reason: str, detail: str) -> Finding:
    severity = "warning" if reason == BLANK else "error"
    return Finding(severity, "files", reason, detail, image=look.sample.image_name)


def _of_label(look: Look, reason: str, detail: str, name: str, weight: float) -> Finding:
    return Finding(
        "warning", "labels", reason, detail, image=look.sample.image_name, cls=name, weight=weight
    )
