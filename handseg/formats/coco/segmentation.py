"""One annotation's `segmentation`, in any of its three kinds, to runs."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from handseg import rle
from handseg.data.coco.segmentation import polygons_of, runs_of
from handseg.data.labels import Polygon, rasterise
from handseg.errors import InputError
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
                polygons += polygons_of(place, outlines)
            case {"counts": _, "size": _} as runs:
                masks.append(runs_of(place, runs, size))
            case _:
                raise InputError(
                    f"{place} has no segmentation that can be read",
                    why="expected polygons, or an object with counts and size",
                )
    if polygons:
        masks.append(rle.from_mask(rasterise(polygons, size)))
    return masks[0] if len(masks) == 1 else rle.vote(masks)
