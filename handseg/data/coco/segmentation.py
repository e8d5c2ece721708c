"""One annotation's `segmentation`, in any of its three kinds, to polygons or runs."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from handseg import rle
from handseg.data.coco.columns import Size, runs_of_counts, transposed
from handseg.data.coco.text import counts_of_text
from handseg.data.labels import FARTHEST, Polygon
from handseg.errors import InputError


def compact(entry: dict[str, Any]) -> dict[str, Any]:
    """A JSON object with its figures in arrays: lists of them take eight times the memory.

    A hook of the JSON reader; what is no list of figures stays, and is refused where it is used.
    """
    counts, outlines = entry.get("counts"), entry.get("segmentation")
    try:
        if isinstance(counts, list) and set(map(type, counts)) == {int}:
            entry["counts"] = np.array(counts, np.int64)
        elif isinstance(outlines, list):
            entry["segmentation"] = [figures(points) for points in outlines]
    except (ValueError, OverflowError):
        pass
    return entry


def figures(points: Any) -> Any:
    """`[x, y, x, y, …]` as an array, where that is what it is."""
    plain = isinstance(points, list) and set(map(type, points)) <= {int, float}
    return np.array(points, np.float64) if plain else points


def polygons_of(place: str, outlines: list[Any]) -> list[Polygon]:
    """The outlines of a segmentation that is a list; raises InputError for what is no polygon."""
    return [polygon_of(place, points) for points in outlines]


def polygon_of(place: str, points: Any) -> Polygon:
    try:
        array = figures(points)
    except (ValueError, OverflowError) as error:
        raise InputError(f"{place} has points that are no numbers", details=str(error)) from None
    if not isinstance(array, list | np.ndarray) or len(array) < 6 or len(array) % 2:
        raise InputError(
            f"{place} has an outline that is no polygon",
            details="expected x, y, x, y, …: at least three points",
        )
    if isinstance(array, list):
        raise InputError(f"{place} has points that are no numbers")
    if not np.isfinite(array).all():
        raise InputError(f"{place} has a point that is not finite")
    return np.rint(array.clip(-FARTHEST, FARTHEST)).astype(np.int32).reshape(-1, 2)


def runs_of(place: str, segmentation: dict[str, Any], size: Size) -> rle.Runs:
    """The row-major runs of a segmentation that is an object with `counts` and `size`.

    Raises:
        InputError: it is of another size than its image, or its counts are at fault.
    """
    height, width = size
    written, counts = segmentation.get("size"), segmentation.get("counts")
    if written != [height, width]:
        raise InputError(
            f"{place} has run lengths of the size {written!r:.60}",
            details=f"its image has the height {height} and the width {width}",
        )
    try:
        lengths = counts_of_text(counts) if isinstance(counts, str) else plain_counts(counts)
        return transposed(runs_of_counts(lengths, size), (width, height))
    except rle.RleError as error:
        raise InputError(f"{place}: {error.message}") from None


def read_segmentation(place: str, segmentation: Any, size: Size) -> list[Polygon] | rle.Runs:
    """What one annotation draws: its outlines, or the row-major runs of its mask.

    Raises:
        InputError: it is neither, or at fault.
    """
    match segmentation:
        case list() as outlines:
            return polygons_of(place, outlines)
        case {"counts": _, "size": _} as run_lengths:
            return runs_of(place, run_lengths, size)
        case _:
            raise InputError(
                f"{place} has no segmentation that can be read",
                details="expected polygons, or an object with counts and size",
            )


def plain_counts(counts: Any) -> NDArray[np.int64]:
    """Counts that are no text: a list of whole numbers, or the array that `compact` made of it."""
    if isinstance(counts, np.ndarray):
        return counts
    if not isinstance(counts, list) or set(map(type, counts)) - {int}:
        raise rle.RleError("counts that are neither text nor a list of whole numbers")
    try:
        return np.array(counts, np.int64)
    except OverflowError:
        raise rle.RleError("a count beyond any image") from None
