"""Labels read for a check: every fault is a finding, and what can be drawn is kept."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from handseg import rle
from handseg.data.check import polygon
from handseg.data.check.finding import Finding
from handseg.data.labels import Sample, read_labels
from handseg.errors import InputError, did_you_mean
from handseg.formats.documents import read_json
from handseg.formats.polygon_files import LARGEST_FILE
from handseg.formats.polygons import FARTHEST, Polygon

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


@dataclass
class Label:
    """What is drawn in one image, as far as it can be, and what is wrong with it."""

    polygons: dict[str, list[Polygon]] = field(default_factory=dict[str, list[Polygon]])
    runs: dict[str, rle.Runs] = field(default_factory=dict[str, rle.Runs])
    labelled: tuple[str, ...] = ()
    """The classes of which somebody says that they were labelled."""
    findings: list[Finding] = field(default_factory=list[Finding])
    readable: bool = True


def read_label(sample: Sample, classes: Sequence[str], size: tuple[int, int] | None) -> Label:
    """The label of a sample; (height, width) is None where the image's size is not known.

    Labels in files of several images are read as training reads them: a fault ends them.
    """
    label = Label(labelled=tuple(classes))
    try:
        if sample.entry is None:
            _own_file(sample, classes, size, label)
        else:
            _entry(sample, classes, size, label)
    except InputError as error:
        detail = ": ".join(
            part for part in (error.message, error.details.replace("\n", "; ")) if part
        )
        label.findings.append(_finding(sample, UNREADABLE, detail))
        label.readable = False
    if sample.labelled is not None:
        label.labelled = tuple(name for name in label.labelled if name in sample.labelled)
    if sample.entry is None:
        # The segmentation of a COCO annotation may well have several parts.
        label.findings += _doubled(sample, label)
    return label


def _own_file(
    sample: Sample, classes: Sequence[str], size: tuple[int, int] | None, label: Label
) -> None:
    assert sample.labels is not None
    document = read_json(sample.labels, largest=LARGEST_FILE)
    entries = document.get("annotations") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise InputError(
            f"{sample.labels} is no label file", details="it has no list of annotations"
        )
    attributes = document.get("attributes")
    named = attributes.get("labelled") if isinstance(attributes, dict) else None
    if isinstance(named, list):
        label.labelled = tuple(name for name in classes if name in named)
    for number, entry in enumerate(entries):
        name = entry.get("label") if isinstance(entry, dict) else None
        if not isinstance(name, str) or name not in classes:
            near = did_you_mean(name, classes) if isinstance(name, str) else ""
            detail = f"annotation {number} is of {name!r:.80}{near}"
            label.findings.append(_finding(sample, UNKNOWN, detail))
            continue
        points = _points(entry.get("points"))
        if points is None:
            label.findings.append(_finding(sample, NO_POINTS, f"annotation {number}", name))
            continue
        _take(sample, name, points, size, label, f"annotation {number}")


def _entry(
    sample: Sample, classes: Sequence[str], size: tuple[int, int] | None, label: Label
) -> None:
    read = read_labels(sample, classes)
    named = zip(classes, read.labelled, strict=True)
    label.labelled = tuple(name for name, is_labelled in named if is_labelled)
    if size is not None and read.size not in (None, size):
        raise InputError(f"it is of an image of {read.size[1]} × {read.size[0]} pixels")
    label.runs.update(read.runs)
    for name, parts in read.polygons.items():
        for part in parts:
            _take(sample, name, part.astype(np.float64), size, label)


def _points(value: Any) -> polygon.Points | None:
    try:
        points = np.asarray(value, np.float64)
    except (TypeError, ValueError, OverflowError):
        return None
    if points.size == 0:
        return np.empty((0, 2))
    good = points.ndim == 2 and points.shape[1] == 2 and np.isfinite(points).all()
    return points if good else None


def _take(
    sample: Sample,
    name: str,
    points: polygon.Points,
    size: tuple[int, int] | None,
    label: Label,
    place: str = "",
) -> None:
    """Keep a polygon as training draws it, and say what is wrong with it."""
    for reason, words, weight in polygon_faults(points, size):
        detail = ", ".join(part for part in (place, words) if part)
        label.findings.append(_finding(sample, reason, detail, name, weight))
    drawn = np.rint(points.clip(-FARTHEST, FARTHEST)).astype(np.int32)
    label.polygons.setdefault(name, []).append(drawn)


def polygon_faults(
    points: polygon.Points, size: tuple[int, int] | None
) -> Iterator[tuple[str, str, float]]:
    """Reason, detail and weight of what is wrong with a polygon."""
    if len(points) < polygon.FEWEST_POINTS:
        yield FEW_POINTS, f"{len(points)}", 0.0
        return
    # Within what is drawn, so that no figure overflows.
    near = points.clip(-FARTHEST, FARTHEST)
    area, crossing = abs(polygon.area(near)), polygon.crossing(near)
    crosses = crossing is not None and crossing.loop >= LEAST_LOOP
    # The two loops of an eight cancel each other: it has an area.
    if area < polygon.LEAST_AREA and not crosses:
        yield NO_AREA, f"{len(points)} points on a line or in one place", 0.0
    if crossing is not None and crosses:
        where = f"at ({crossing.x:.0f}, {crossing.y:.0f})"
        yield CROSSING, f"{where}, a loop of {crossing.loop:,.0f} pixels", crossing.loop
    if size is not None:
        yield from _beyond(points, size)


def _beyond(points: polygon.Points, size: tuple[int, int]) -> Iterator[tuple[str, str, float]]:
    away = polygon.outside(points, size)
    if not away.any():
        return
    x, y = points[away][0].tolist()
    detail = f"{int(away.sum())} of {len(points)} points, the first at ({x:.0f}, {y:.0f})"
    reason = OUTSIDE if polygon.wholly_outside(points, size) else BEYOND
    yield reason, f"{detail}; the image has {size[1]} × {size[0]} pixels", float(away.sum())


def _doubled(sample: Sample, label: Label) -> Iterator[Finding]:
    for name, parts in label.polygons.items():
        if len(parts) > 1:
            same = all(np.array_equal(parts[0], part) for part in parts[1:])
            words = f"{len(parts)} polygons, all the same" if same else f"{len(parts)} polygons"
            yield _finding(sample, DOUBLED, f"{words}; their union counts", name, len(parts))


_WARNINGS = (CROSSING, BEYOND, DOUBLED)
"""What training can use and a person may have meant."""


def _finding(
    sample: Sample, reason: str, detail: str, name: str = "", weight: float = 0.0
) -> Finding:
    severity = "warning" if reason in _WARNINGS else "error"
    return Finding(
        severity, "labels", reason, detail, image=sample.image_name, cls=name, weight=weight
    )
