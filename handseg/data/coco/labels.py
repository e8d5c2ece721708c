"""What a COCO file draws in one of its images."""

from collections.abc import Sequence
from pathlib import Path

from handseg import rle
from handseg.data.coco.document import coco_file
from handseg.data.coco.segmentation import read_segmentation
from handseg.data.labels import Labels, Polygon
from handseg.errors import InputError


def read_entry(path: Path, entry: int | str, classes: Sequence[str]) -> Labels:
    """The label of the image with the id `entry`; annotations of other classes are left out.

    Annotations of one class are united.

    Raises:
        InputError: the file or an annotation is at fault; file, annotation and image are named.
    """
    document = coco_file(path)
    if entry not in document.images:
        raise InputError(f"{path} has no image with the id {entry!r:.60} any more")
    image = document.images[entry]
    polygons: dict[str, list[Polygon]] = {}
    runs: dict[str, list[rle.Runs]] = {}
    for annotation in document.annotations.get(entry, ()):
        name = annotation.category
        if name not in classes:
            continue
        place = f"{path}: annotation {annotation.number} ({image.file_name}, {name})"
        found = read_segmentation(place, annotation.segmentation, image.size)
        if isinstance(found, list):
            polygons.setdefault(name, []).extend(found)
        else:
            runs.setdefault(name, []).append(found)
    return Labels(
        {name: tuple(parts) for name, parts in polygons.items()},
        (True,) * len(classes),
        {name: parts[0] if len(parts) == 1 else rle.vote(parts) for name, parts in runs.items()},
        image.size,
        f"{path} ({image.file_name})",
    )
