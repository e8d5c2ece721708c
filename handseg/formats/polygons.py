"""Polygons of people: points that were read, the masks that they draw, and masks as polygons."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from handseg import rle
from handseg.anatomy import plain_name
from handseg.errors import InputError, did_you_mean
from handseg.formats.documents import Size

Points = NDArray[np.float64]
"""`float64[points, 2]` of `(x, y)` in pixels, as a file has them."""
Polygon = NDArray[np.int32]
"""`int32[points, 2]` of `(x, y)` in pixels, as it is drawn."""
Outline = list[list[float]]
"""`[[x, y], …]` in pixels, as it is written."""

FARTHEST = 1 << 20
"""Coordinates are held within this, in pixels: cv2 computes in fixed point."""
SLIVER = 0.45
"""Pixels beside a line of them: an area, whose points are the line's, rounded or cut off."""


class PolygonMask(NamedTuple):
    """A mask and, where it was drawn with polygons alone, those."""

    runs: rle.Runs
    polygons: Sequence[Polygon] = ()

    def outlines(self, size: Size) -> list[Outline]:
        """The polygons that it was drawn with, else such as draw it again."""
        if not self.polygons:
            return outlines_of_runs(self.runs, size)
        return [
            part
            for polygon in self.polygons
            for part in (_with_area(polygon.tolist()) if is_line(polygon) else [polygon.tolist()])
        ]


def read_points(place: str, value: Any) -> Points:
    """A JSON list of points; one without any is read too.

    Raises:
        InputError: it is none, or a point is not finite; the message begins with `place`.
    """
    try:
        array = np.asarray(value, np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(f"{place} has points that are no numbers", details=str(error)) from error
    if array.size == 0:
        return np.empty((0, 2))
    if array.ndim != 2 or array.shape[1] != 2:
        raise InputError(f"{place} has no list of [x, y] points")
    if not np.isfinite(array).all():
        raise InputError(f"{place} has a point that is not finite")
    return array


def polygon_of(place: str, points: Points) -> Polygon:
    """The polygon as it is drawn; raises InputError, which begins with `place`, without points."""
    if not len(points):
        raise InputError(f"{place} has no list of [x, y] points")
    return np.rint(points.clip(-FARTHEST, FARTHEST)).astype(np.int32)


def rasterise(polygons: Sequence[Polygon], size: Size) -> NDArray[np.uint8]:
    """The union of polygons as `uint8[height, width]` of 0 and 1, boundary pixels included.

    `cv2.fillPoly`, because the competition's masks are made with it; one call for each polygon,
    because a single call with several would cut out what they share.
    """
    import cv2

    mask = np.zeros(size, np.uint8)
    for polygon in polygons:
        cv2.fillPoly(mask, [polygon], 1)
    return mask


def outlines(mask: NDArray[np.uint8]) -> list[Outline]:
    """Polygons `[[x, y], …]` whose union, drawn with `fillPoly`, is the mask, pixel by pixel.

    A polygon cannot have a hole: a part that has some is cut through them. A single pixel and a
    line come as polygons too, whose points are rounded to it: they have an area.
    """
    return list(_outlines(mask, (0, 0)))


def outlines_of_runs(runs: rle.Runs, size: Size) -> list[Outline]:
    """The same of a mask in runs; none of an empty one."""
    if not len(runs):
        return []
    window, corner = box_of(runs, size)
    return list(_outlines(window, corner))


def box_of(runs: rle.Runs, size: Size) -> tuple[NDArray[np.uint8], tuple[int, int]]:
    """The part of a mask that is not empty inside its box, uint8 [h, w], and the box's (x, y)."""
    width = size[1]
    top, bottom = int(runs[0, 0]) // width, (int(runs[-1, 1]) - 1) // width + 1
    band = rle.to_mask(runs - top * width, (bottom - top, width))
    columns = np.flatnonzero(band.any(axis=0))
    left, right = int(columns[0]), int(columns[-1]) + 1
    return np.ascontiguousarray(band[:, left:right]), (left, top)


def known_name(label: str, classes: Sequence[str]) -> str:
    """The class that a label means whatever its case, blanks and signs; else as it is written."""
    label = label.strip()
    if label in classes:
        return label
    same = [name for name in classes if plain_name(name) == plain_name(label)]
    return same[0] if len(same) == 1 else label


def unknown_class(place: str, name: str, classes: Sequence[str]) -> InputError:
    """The error of a file that draws a class which its data set does not have."""
    return InputError(
        f"{place} has the unknown class {name!r}{did_you_mean(name, classes)}",
        details="classes: " + ", ".join(classes),
    )


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
            yield from _with_area(contour[:, 0].tolist())


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


def is_line(polygon: Polygon) -> bool:
    return bool(np.linalg.matrix_rank(polygon - polygon[0]) < 2)


def _with_area(points: Outline) -> Iterator[Outline]:
    """An outline; of pixels in a line, there and back, a strip for each stretch of the line."""
    ring = np.array(points)
    after = np.roll(ring, -1, axis=0)
    if (ring[:, 0] * after[:, 1] - ring[:, 1] * after[:, 0]).sum():
        yield points
        return
    ends = zip(points, after.tolist(), strict=True)
    stretches = {tuple(sorted((tuple(start), tuple(end)))) for start, end in ends}
    for start, end in sorted(one for one in stretches if len(stretches) == 1 or one[0] != one[1]):
        yield _strip(np.array(start), np.array(end))


def _strip(start: NDArray[Any], end: NDArray[Any]) -> Outline:
    """Four points around a stretch of pixels, all of which round to one of its ends."""
    right, down = np.array((SLIVER, 0)), np.array((0, SLIVER))
    along = right if (start == end).all() else np.zeros(2)
    across = down if (start == end).all() or start[0] != end[0] else right
    corners = (start, end + along, end + along + across, start + across)
    return [[float(x), float(y)] for x, y in corners]
