"""Masks to a COCO document, written as a stream."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from handseg import __version__
from handseg.data.coco.columns import counts_of, transposed
from handseg.data.coco.text import compressed
from handseg.errors import InputError
from handseg.formats.coco.reading import base_name
from handseg.formats.masks import Masks, Size, rows
from handseg.formats.places import Place, file_at
from handseg.reporter import Progress, silent
from handseg.rle import RleError, Runs, area
from handseg.rle.writing import TextStream


@dataclass(frozen=True)
class CocoWriter:
    """Writes COCO JSON; an annotation for each mask that is not empty, all images and classes.

    Run lengths are `compressed` text, as pycocotools keeps them, or plain lists of counts.
    """

    compressed: bool = True

    def write(self, place: Place, masks: Masks, progress: Progress = silent) -> Path:
        """Write the document and give its path; raises FailedError if the disk refuses."""
        with file_at(place, ".json") as draft, draft.path.open("w", encoding="ascii") as file:
            self.stream(file, masks, progress)
        return draft.path

    def stream(self, stream: TextStream, masks: Masks, progress: Progress = silent) -> None:
        """Write the document to an open stream, an entry a line.

        Raises InputError for a mask at fault.
        """
        stream.write(f'{{"info": {json.dumps(_info(masks))},\n"licenses": [],\n"images": [')
        _write_entries(stream, _images(masks))
        stream.write('],\n"categories": [')
        _write_entries(stream, _categories(masks))
        stream.write('],\n"annotations": [')
        _write_entries(stream, self._annotations(masks, progress))
        stream.write("]}\n")

    def _annotations(self, masks: Masks, progress: Progress) -> Iterator[dict[str, Any]]:
        image_ids = {name: number for number, name in enumerate(masks.images, 1)}
        class_ids = {name: number for number, name in enumerate(masks.classes, 1)}
        number = 0
        for image, cls, runs in rows(masks, progress):
            if not len(runs):
                continue
            number += 1
            try:
                shape = self._shape(runs, masks.images[image])
            except RleError as error:
                raise InputError(f"{masks.path}, {image}, {cls}: {error.message}") from None
            ids = {"id": number, "image_id": image_ids[image], "category_id": class_ids[cls]}
            # 1 would mean a crowd of things that nobody told apart, whatever RLE others write.
            yield {**ids, **shape, "iscrowd": 0}

    def _shape(self, runs: Runs, size: Size) -> dict[str, Any]:
        """What an annotation says of a mask that is not empty: segmentation, area and box."""
        columns = transposed(runs, size)
        counts = counts_of(columns, size)
        text = compressed(counts, size) if self.compressed else counts.tolist()
        return {
            "segmentation": {"size": list(size), "counts": text},
            "area": area(runs),
            "bbox": _box(runs, columns, size),
        }


def _box(runs: Runs, columns: Runs, size: Size) -> list[int]:
    """[x, y, width, height] in pixels: the first and last row and column that the mask has."""
    height, width = size
    top, bottom = int(runs[0, 0]) // width, (int(runs[-1, 1]) - 1) // width
    left, right = int(columns[0, 0]) // height, (int(columns[-1, 1]) - 1) // height
    return [left, top, right - left + 1, bottom - top + 1]


def _info(masks: Masks) -> dict[str, Any]:
    return {
        "description": f"{masks.path.name}, converted by handseg {__version__}",
        "handseg": {
            **masks.origin,
            "source": {"path": str(masks.path), "sha256": masks.sha256, "format": masks.format},
        },
    }


def _images(masks: Masks) -> Iterator[dict[str, Any]]:
    for number, (name, (height, width)) in enumerate(masks.images.items(), 1):
        entry = {"id": number, "file_name": name, "width": width, "height": height}
        if base_name(name) != name:  # a reader would take the base name of a path
            entry["image_name"] = name
        if name in masks.labelled:  # no part of COCO, whose readers pass over it
            entry["labelled"] = list(masks.known(name))
        yield entry


def _categories(masks: Masks) -> Iterator[dict[str, Any]]:
    for number, name in enumerate(masks.classes, 1):
        yield {"id": number, "name": name, "supercategory": ""}


def _write_entries(stream: TextStream, entries: Iterator[dict[str, Any]]) -> None:
    for number, entry in enumerate(entries):
        stream.write((",\n" if number else "\n") + json.dumps(entry))
