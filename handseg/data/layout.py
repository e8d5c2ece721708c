"""What a layout of data sets is: how it is recognised and what it finds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from handseg.data.sample import Sample
from handseg.data.settings import Settings


@dataclass(frozen=True)
class Listing:
    """What a layout finds in a folder, before anything is left out.

    `test` carries the labels that are there. Image names are paths inside the split. `notes` are
    for a person: what was recognised and what was left out.
    """

    classes: tuple[str, ...]
    train: tuple[Sample, ...]
    test: tuple[Sample, ...]
    notes: tuple[str, ...] = ()
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])


class Layout(Protocol):
    """One way in which data sets lie on disk."""

    @property
    def name(self) -> str:
        """As `dataset.toml` and messages call it."""
        ...

    def recognises(self, folder: Path) -> bool:
        """Whether a folder looks like this layout; no image is opened."""
        ...

    def listing(self, folder: Path, settings: Settings) -> Listing:
        """Its samples and classes; raises InputError where a file that names them is at fault."""
        ...

    def label_path(self, root: Path, image: Path) -> Path | None:
        """Where the label of an image belongs; None where labels stand in files of several."""
        ...
