"""One annotation's `segmentation`, in any of its three kinds, to runs."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from handseg import rle
from handseg.data.labels import Polygon, rasterise, read_points
from handseg.errors import InputError
from handseg.formats.coco.columns import runs_of_counts, transposed
from handseg.formats.coco.text import counts_of_text
from handseg.formats.masks import Size


class Part(NamedTuple):
    """The segmentation of one annotation; `number` is its place in the file, from 0."""

    number: int
    segmentation: Any


def runs_of_parts(path: Path, name: str, parts: Sequence[Part], size: Size) -> rle.Runs:
    """The union of annotations of one image and class, as row-major runs.

    `name` says them in messages. Raises InputError, with file and annotation, for what is at
    fault.
    """
    polygons: list[Polygon] = []
    masks: list[rle.Runs] = []
    for part in parts:
        place = f"{path}: annotation {part.number} ({name})"
        match part.segmentation:
            case list() as outlines:
                polygons += [_polygon(path, part.number, name, points) for points in outlines]
            case {"counts": counts, "size": written}:
                masks.append(_runs(place, counts, written, size))
            case _:
                raise InputError(
                    f"{place} has no segmentation that can be read",
                    why="expected polygons, or an object with counts and size",
                )
    if polygons:
        masks.append(rle.from_mask(rasterise(polygons, size)))
    return masks[0] if len(masks) == 1 else rle.vote(masks)


def _runs(place: str, counts: Any, written: Any, size: Size) -> rle.Runs:
    height, width = size
    if written != [height, width]:
        raise InputError(
            f"{place} has run lengths of the size {written!r:.60}",
            why=f"its image has the height {height} and the width {width}",
        )
    try:
        figures = counts_of_text(counts) if isinstance(counts, str) else _figures(counts)
        return transposed(runs_of_counts(figures, size), (width, height))
    except rle.RleError as error:
        raise InputError(f"{place}: {error.what}") from None


def _figures(counts: Any) -> NDArray[np.int64]:
    """Plain counts as an array; raises RleError for what is no list of whole numbers."""
    kinds = set(map(type, counts)) if isinstance(counts, list) else {type(counts)}
    if kinds - {int}:
        raise rle.RleError("counts that are neither text nor a list of whole numbers")
    try:
        return np.array(counts, dtype=np.int64)
    except OverflowError:
        raise rle.RleError("a count beyond any image") from None


def _polygon(path: Path, number: int, name: str, points: Any) -> Polygon:
    """One outline, written as `[x, y, x, y, …]`."""
    if not isinstance(points, list) or len(points) < 6 or len(points) % 2:
        raise InputError(
            f"{path}: annotation {number} ({name}) has an outline that is no polygon",
            why="expected x, y, x, y, …: at least three points",
        )
    return read_points(path, number, name, [points[i : i + 2] for i in range(0, len(points), 2)])
