"""Masks to a folder of PNG planes."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from handseg import rle
from handseg.data.threads import threads
from handseg.errors import UsageError
from handseg.formats.masks import Masks, Size
from handseg.formats.names import FileNames, stem_of
from handseg.formats.places import Place, folder_at
from handseg.formats.planes.index import NAME, Index
from handseg.formats.planes.png import png_of
from handseg.reporter import Progress, silent
from handseg.rle.writing import TextStream


@dataclass(frozen=True)
class PlanesWriter:
    """Writes a folder for each image with a 1-bit PNG for each mask that is not empty.

    `planes.json` beside them says the rest: names, sizes, which masks are empty and which nobody
    made.
    """

    def write(self, place: Place, masks: Masks, progress: Progress = silent) -> Path:
        """Write the folder and give its path; raises FailedError if the disk refuses."""
        files: dict[tuple[str, str], str] = {}
        named = _names(masks)
        source = {"path": str(masks.path), "sha256": masks.sha256, "format": masks.format}
        with folder_at(place) as draft:
            root = draft.path
            with threads() as pool:
                drawn = pool.map(lambda image: _draw(root, masks, image, named), masks.images)
                for done, (image, some) in enumerate(zip(masks.images, drawn, strict=True)):
                    progress(done, len(masks.images), image)
                    files |= some
            progress(len(masks.images), len(masks.images))
            index = Index(masks.images, masks.classes, files, masks.origin, masks.labelled)
            text = json.dumps(index.document(source), indent=1)
            (root / NAME).write_text(text, encoding="ascii")
        return draft.path

    def stream(self, stream: TextStream, masks: Masks, progress: Progress = silent) -> None:
        """There is no stream of a folder: raises UsageError."""
        raise UsageError("planes are a folder; name one with --out DIR")


def write_plane(path: Path, runs: rle.Runs, size: Size) -> None:
    """Write a mask that is not empty as a black and white PNG of one bit a pixel."""
    path.write_bytes(png_of(runs, size))


def _draw(
    root: Path, masks: Masks, image: str, named: Mapping[tuple[str, str], str]
) -> dict[tuple[str, str], str]:
    """The file of each mask of an image that is not empty, written."""
    files: dict[tuple[str, str], str] = {}
    for cls in masks.known(image):
        runs = masks.runs_of(image, cls)
        if len(runs):
            file = files[image, cls] = named[image, cls]
            (root / file).parent.mkdir(exist_ok=True)
            write_plane(root / file, runs, masks.images[image])
    return files


def _names(masks: Masks) -> dict[tuple[str, str], str]:
    """`folder/file.png` for every image and class."""
    folders, pictures = FileNames(), FileNames()
    # Stems and classes are numbered on their own: a class has the same file name in every folder.
    folder_of = {image: folders.of(stem_of(image)) for image in masks.images}
    picture_of = {cls: pictures.of(cls) for cls in masks.classes}
    return {
        (image, cls): f"{folder}/{picture}.png"
        for image, folder in folder_of.items()
        for cls, picture in picture_of.items()
    }
