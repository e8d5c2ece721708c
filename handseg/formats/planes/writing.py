"""Masks to a folder of PNG planes."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from handseg import rle
from handseg.errors import UsageError
from handseg.formats.masks import Masks, Size, rows
from handseg.formats.places import Place, folder_at
from handseg.formats.planes.index import NAME, Index
from handseg.formats.planes.names import FileNames
from handseg.progress import Progress, silent
from handseg.rle.writing import TextStream


@dataclass(frozen=True)
class PlanesWriter:
    """Writes a folder for each image with a 1-bit PNG for each mask that is not empty.

    `planes.json` beside them says the rest: names, sizes, and which masks are empty.
    """

    def write(self, place: Place, masks: Masks, progress: Progress = silent) -> Path:
        """Write the folder and give its path; raises FailedError if the disk refuses."""
        files: dict[tuple[str, str], str] = {}
        source = {"path": str(masks.path), "sha256": masks.sha256, "format": masks.format}
        with folder_at(place) as draft:
            for key, file, runs in _planes(masks, progress):
                files[key] = file
                path = draft.path / file
                path.parent.mkdir(exist_ok=True)
                write_plane(path, runs, masks.images[key[0]])
            index = Index(masks.images, masks.classes, files, masks.origin)
            text = json.dumps(index.document(source), indent=1)
            (draft.path / NAME).write_text(text, encoding="ascii")
        return draft.path

    def stream(self, stream: TextStream, masks: Masks, progress: Progress = silent) -> None:
        """There is no stream of a folder: raises UsageError."""
        raise UsageError("planes are a folder; name one with --out DIR")


def write_plane(path: Path, runs: rle.Runs, size: Size) -> None:
    """Write a mask that is not empty as a black and white PNG of one bit a pixel."""
    from PIL import Image

    height, width = size
    top, bottom = int(runs[0, 0]) // width, (int(runs[-1, 1]) - 1) // width + 1
    # Only the rows that the mask has are decoded.
    band = rle.to_mask(runs - top * width, (bottom - top, width))
    plane = Image.new("1", (width, height))
    plane.paste(Image.fromarray(band.view(bool)), (0, top))
    plane.save(path)


def _planes(masks: Masks, progress: Progress) -> Iterator[tuple[tuple[str, str], str, rle.Runs]]:
    """(image and class, file, runs) of each mask that is not empty."""
    folders, pictures = FileNames(), FileNames()
    # Stems and classes are numbered on their own: a class has the same file name in every folder.
    folder_of = {image: folders.of(_stem(image)) for image in masks.images}
    picture_of = {cls: pictures.of(cls) for cls in masks.classes}
    for image, cls, runs in rows(masks, progress):
        if len(runs):
            yield (image, cls), f"{folder_of[image]}/{picture_of[cls]}.png", runs


def _stem(image: str) -> str:
    """The image's name without the suffix of its file."""
    path = PurePosixPath(image)
    return image.removesuffix(path.suffix)
