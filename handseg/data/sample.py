"""One radiograph of a data set, and where its label stands."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Sample:
    """One radiograph and, where there is one, its label (`handseg.data.labels.read_labels`)."""

    image_name: str
    """As in a submission: the base name, or the path inside the split where that is ambiguous, or
    with the split where that is too."""
    image: Path
    labels: Path | None
    """The file that holds its label, and maybe those of others."""
    person: str
    split: str
    entry: int | str | None = None
    """The image's id in a label file of several images; None where the file is of this one."""
    labelled: tuple[str, ...] | None = None
    """The classes that were labelled where the data set, not the label, says so."""
    side: str | None = None
    """`left` or `right` where the file's name says so."""
