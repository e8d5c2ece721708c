"""The formats: which are recognised and read, and which are written."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple, Protocol

from handseg.formats.coco.reading import is_coco, read_coco
from handseg.formats.coco.writing import CocoWriter
from handseg.formats.masks import Masks
from handseg.formats.places import Place
from handseg.formats.planes.index import is_planes
from handseg.formats.planes.reading import read_planes
from handseg.formats.planes.writing import PlanesWriter
from handseg.formats.polygons.handbone import Handbone
from handseg.formats.polygons.labelme import Labelme
from handseg.formats.polygons.recognised import is_polygons, read_polygons
from handseg.formats.polygons.writing import PolygonWriter
from handseg.formats.submission import CsvWriter
from handseg.reporter import Progress
from handseg.rle.writing import TextStream


class Reader(NamedTuple):
    """A format that is told from the path."""

    recognises: Callable[[Path], bool]
    read: Callable[[Path], Masks]


class Writer(Protocol):
    """A format that masks are written in."""

    def write(self, place: Place, masks: Masks, progress: Progress = ...) -> Path:
        """Write the masks and give the path of what was made, whole or not at all."""
        ...

    def stream(self, stream: TextStream, masks: Masks, progress: Progress = ...) -> None:
        """Write the masks to a stream; raises UsageError where the format is a folder."""
        ...


READERS = (
    Reader(is_planes, read_planes),
    Reader(is_polygons, read_polygons),
    Reader(is_coco, read_coco),
)
"""In the order in which they are asked. Submissions and data sets are not among them: what a person
types for one may be a run."""

WRITERS: Mapping[str, Writer] = {
    "handbone": PolygonWriter(Handbone()),
    "coco": CocoWriter(),
    "labelme": PolygonWriter(Labelme()),
    "png": PlanesWriter(),
    "csv": CsvWriter(),
}


def reader_for(path: Path) -> Reader | None:
    """The reader of what lies at `path`; None where no format but the submission can be."""
    return next((reader for reader in READERS if reader.recognises(path)), None)
