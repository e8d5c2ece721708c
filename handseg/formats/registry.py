"""The formats by name: what masks are written in, and which format a path has.

A new format is a module of this package, a name and a line here.
"""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from handseg.formats.masks import Format, Masks


class FormatName(StrEnum):
    """The formats that masks are written in."""

    HANDBONE = "handbone"
    COCO = "coco"
    LABELME = "labelme"
    PNG = "png"
    CSV = "csv"


@runtime_checkable
class Reader(Protocol):
    """A format that is told from the path."""

    def recognises(self, path: Path) -> bool:
        """Whether what lies at a path is of this format; it may still be at fault."""
        ...

    def read(self, path: Path) -> "Masks":
        """The masks of what was recognised; raises InputError where it is at fault."""
        ...


def formats() -> "tuple[Format, ...]":
    """The formats without options, in the order in which they are asked whose a path is."""
    # Imported here: the names are the command line's, which starts without numpy.
    from handseg.formats.coco import CocoFormat
    from handseg.formats.handbone import HandboneFormat
    from handseg.formats.labelme import LabelmeFormat
    from handseg.formats.png import PngFormat
    from handseg.formats.submission import CsvFormat

    # COCO is the last that is read: it takes every JSON file that is of no other format.
    return PngFormat(), LabelmeFormat(), HandboneFormat(), CocoFormat(), CsvFormat()


def format_named(name: str) -> "Format":
    return next(one for one in formats() if one.name == name)


def reader_for(path: Path) -> Reader | None:
    """The format of what lies at `path`; None where none but the submission can be.

    Submissions and data sets are not recognised: what a person types for one may be a run.
    """
    readers = (one for one in formats() if isinstance(one, Reader))
    return next((reader for reader in readers if reader.recognises(path)), None)
