"""Regions to windows: where in an image a crop lies."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from handseg.anatomy import REGIONS
from handseg.data.images import image_size
from handseg.data.labels import Labels, Sample, check_fits, read_labels
from handseg.data.settings import Windows
from handseg.errors import UsageError
from handseg.reporter import Progress, silent
from handseg.rle.geometry import segments

MARGINS = {"wrist": 0.25, "fingertip": 1.0}
"""What a window adds to the edge of its bones' box, as a share of it.

A fingertip's box is hardly larger than the bone: twice its edge shows the joint that ends it.
"""

Window = tuple[int, int, int, int]
"""`(left, top, right, bottom)` in pixels, half open."""


@dataclass(frozen=True)
class PlannedCrop:
    """A crop that can be cut: of which sample, around which bones, where."""

    sample: Sample
    bones: tuple[str, ...]
    window: Window

    @property
    def pixels(self) -> int:
        left, top, right, bottom = self.window
        return (right - left) * (bottom - top)


def known_regions(
    text: str, classes: Sequence[str], regions: Mapping[str, Windows] = REGIONS
) -> tuple[str, ...]:
    """The regions named in `wrist,fingertip`, each once, in the order given.

    `regions` are those of the data set: their windows, each by the classes it is put around.

    Raises:
        UsageError: one does not exist, or the data set has none of its bones.
    """
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    unknown = [name for name in names if name not in REGIONS]
    if unknown or not names:
        raise UsageError(
            f"there is no region {', '.join(unknown) or text!r}",
            details="regions: " + ", ".join(REGIONS),
            hints=["handseg crop --regions wrist,fingertip"],
        )
    for name in names:
        if not any(cls in classes for window in regions.get(name, ()) for cls in window):
            raise UsageError(f"the data set has no bone of the region {name}")
    return names


def plan_crops(
    samples: Sequence[Sample],
    classes: Sequence[str],
    region: str,
    progress: Progress = silent,
    regions: Mapping[str, Windows] = REGIONS,
) -> list[PlannedCrop]:
    """The windows of a region in every sample; a window whose bones are absent is left out.

    Reads labels and headers, no image.

    Raises:
        InputError: a label or header is at fault.
    """
    planned: list[PlannedCrop] = []
    for done, sample in enumerate(samples, 1):
        if sample.labels is not None:
            labels = read_labels(sample, classes)
            size = image_size(sample.image)
            check_fits(labels, size)
            for bones in regions[region]:
                window = window_around(labels, bones, size, MARGINS[region])
                if window:
                    planned.append(PlannedCrop(sample, bones, window))
        progress(done, len(samples), sample.image_name)
    return planned


def window_around(
    labels: Labels, bones: Sequence[str], size: tuple[int, int], margin: float
) -> Window | None:
    """A square around the box of some bones plus a margin, moved and cut to lie in the image."""
    height, width = size
    last = (width - 1, height - 1)
    points = [
        polygon
        for bone in bones
        for polygon in (*labels.polygons.get(bone, ()), *corners_of_runs(labels, bone, width))
        # One that lies beside the image shows nothing in it.
        if (polygon.max(axis=0) >= 0).all() and (polygon.min(axis=0) <= last).all()
    ]
    if not points:
        return None
    corners = np.concatenate(points).clip((0, 0), last)
    low, high = corners.min(axis=0), corners.max(axis=0) + 1
    edge = round(float((high - low).max()) * (1 + margin))
    left, right = span((low[0] + high[0]) / 2, edge, width)
    top, bottom = span((low[1] + high[1]) / 2, edge, height)
    return left, top, right, bottom


def corners_of_runs(labels: Labels, name: str, width: int) -> list[NDArray[np.int64]]:
    """The corners `int64[2, 2]` of the box of what a class has as runs; none where it has none."""
    runs = labels.runs.get(name)
    if runs is None or not len(runs):
        return []
    cut = segments([runs], [width])
    low = (cut.start.min(), cut.row.min())
    return [np.array([low, (cut.end.max() - 1, cut.row.max())])]


def span(centre: float, edge: int, limit: int) -> tuple[int, int]:
    """An interval of length `edge` around a centre, moved into `[0, limit)`."""
    edge = min(max(edge, 1), limit)
    start = min(max(round(centre - edge / 2), 0), limit - edge)
    return start, start + edge
