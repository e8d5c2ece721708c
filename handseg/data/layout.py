"""What a layout of data sets is, and what the paths of images say: person, side, whether it is one.

`handseg.registry.LAYOUTS` names the layouts.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Protocol

from handseg.data.images import is_radiograph
from handseg.data.labels import Sample
from handseg.data.settings import Settings

LONGEST = 1024
"""Characters of a path that patterns look at."""
PERSON = (
    re.compile(r"(?:^|/)([A-Z0-9]+_[A-Z0-9]+_P\d+)_\d{8}_"),  # RAM: centre, patient, date
    re.compile(r"(?:^|[/_-])(ID\d+)(?:[/_-]|$)"),
)
"""What names of persons look like, in a path without its suffix; the first that fits is taken."""
SIDE = re.compile(r"[_-](L|R|left|right)$", re.IGNORECASE)


@dataclass(frozen=True)
class LeftOut:
    """What a person could believe to be in a data set, and is not."""

    path: str
    """Inside the data set's folder; with an entry's name where it is of a file of several."""
    reason: str
    is_meant: bool = False
    """Whether it may well be meant so."""


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
    left_out: tuple[LeftOut, ...] = ()
    """What the layout knows of; files that it does not even see are `check`'s to find."""


class Layout(Protocol):
    """One way in which data sets lie on disk; its samples know how their labels are read."""

    looks: str
    """How its files lie, for a person whose folder is none."""

    def recognises(self, folder: Path) -> bool:
        """Whether a folder looks like this layout; no image is opened."""
        ...

    def listing(self, folder: Path, settings: Settings) -> Listing:
        """Its samples and classes; raises InputError where a file that names them is at fault."""
        ...

    def label_path(self, root: Path, image: Path) -> Path | None:
        """Where the label of an image belongs; None where labels stand in files of several."""
        ...


@dataclass(frozen=True)
class Names:
    """How a data set's names tell persons and sides; `own` patterns come from its settings."""

    own_person: re.Pattern[str] | None = None
    own_side: re.Pattern[str] | None = None

    @classmethod
    def of(cls, settings: Settings) -> "Names":
        """Those of `dataset.toml`, else the usual ones."""
        person, side = settings.person, settings.side
        return cls(re.compile(person) if person else None, re.compile(side) if side else None)

    def person(self, path: str) -> str | None:
        """The person of an image by its path inside the split; None where the name tells none."""
        stem = without_suffix(path)
        for pattern in (self.own_person,) if self.own_person else PERSON:
            match = pattern.search(stem)
            if match and _marked(match):
                return _marked(match)
        return None

    def side(self, path: str) -> str | None:
        match = (self.own_side or SIDE).search(without_suffix(path))
        letter = _marked(match)[:1].lower() if match else ""
        return {"l": "left", "r": "right"}.get(letter)


def is_image(path: Path, base: Path) -> bool:
    """Whether a path below `base` is a radiograph: neither hidden nor in a hidden folder."""
    # Hidden twins (`._image.png`, `.ipynb_checkpoints/`) are other tools', no radiographs.
    hidden = any(part.startswith(".") for part in path.relative_to(base).parts)
    return not hidden and is_radiograph(path)


def without_suffix(path: str) -> str:
    return PurePosixPath(path).with_suffix("").as_posix()[:LONGEST]


def note_on_persons(persons: Sequence[str | None]) -> str:
    """How many images have a person by their names; None is an image that has none."""
    unknown = sum(person is None for person in persons)
    if not unknown:
        return "people are told by the names of the files"
    some = "every image" if unknown == len(persons) else f"{unknown} of {len(persons)} images"
    return (
        f"{some} counts as a person of its own: names tell nobody "
        '(dataset.toml: person = "a pattern")'
    )


def _marked(match: re.Match[str]) -> str:
    return next((group for group in match.groups() if group is not None), match[0])
