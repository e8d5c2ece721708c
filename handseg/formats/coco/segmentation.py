"""One annotation's `segmentation`, in any of its three kinds, to runs."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from handseg import rle
from handseg.data.coco.segmentation import read_segmentation
from handseg.data.labels import Polygon, rasterise
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
        found = read_segmentation(place, part.segmentation, size)
        if isinstance(found, list):
            polygons += found
        else:
            masks.append(found)
    if polygons:
        masks.append(rle.from_mask(rasterise(polygons, size)))
    return masks[0] if len(masks) == 1 else rle.vote(masks)
