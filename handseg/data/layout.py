"""What a layout of data sets is, and what the paths of images say: person, side, whether it is one.

`handseg.registry.LAYOUTS` names the layouts.
"""

import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Literal, NamedTuple, Protocol

from handseg.data.dicom import is_dicom, read_header
from handseg.data.images import is_radiograph
from handseg.data.labels import Sample
from handseg.data.settings import Settings
from handseg.errors import InputError
from handseg.text import counted, listed

LONGEST = 1024
"""Characters of a path that patterns look at."""
PERSON = (
    re.compile(r"(?:^|/)([A-Z0-9]+_[A-Z0-9]+_P\d+)_\d{8}_"),  # RAM: centre, patient, date
    re.compile(r"(?:^|[/_-])(ID\d+)(?:[/_-]|$)"),
)
"""What names of persons look like, in a path without its suffix; the first that fits is taken."""
ARCHIVES = frozenset({".7z", ".rar", ".tar", ".tar.gz", ".tgz", ".zip"})
SIDE = re.compile(r"[_-](L|R|left|right)$", re.IGNORECASE)
_ROBOFLOW = re.compile(r"(?:_(?:png|jpe?g|bmp|tiff?|webp))?\.rf\.[0-9A-Za-z]{6,}$")
_LABEL_STUDIO = re.compile(r"^(?=[0-9]*[a-f])[0-9a-f]{8}-")
"""A hash of eight has a letter as a rule; a date has none."""


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
        stem = original_name(path)
        for pattern in (self.own_person,) if self.own_person else PERSON:
            match = pattern.search(stem)
            if match and _marked(match):
                return _marked(match)
        return None

    def side(self, path: str) -> str | None:
        match = (self.own_side or SIDE).search(original_name(path))
        letter = _marked(match)[:1].lower() if match else ""
        return {"l": "left", "r": "right"}.get(letter)


def is_image(path: Path, base: Path) -> bool:
    """Whether a path below `base` is a radiograph: neither hidden nor in a hidden folder."""
    # Hidden twins (`._image.png`, `.ipynb_checkpoints/`) are other tools', no radiographs.
    hidden = any(map(is_hidden, path.relative_to(base).parts))
    return not hidden and is_radiograph(path)


def files_below(folder: Path, refused: list[Path] | None = None) -> Iterator[Path]:
    """The files of a folder at any depth, in order, but hidden ones; links are followed once.

    Folders that cannot be read are added to `refused`.
    """
    seen: set[tuple[int, int]] = set()

    def refuse(error: OSError) -> None:
        if refused is not None:
            refused.append(Path(error.filename))

    for place, folders, files in os.walk(folder, onerror=refuse, followlinks=True):
        status = Path(place).stat()
        if (status.st_dev, status.st_ino) in seen:  # a link that leads back
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        folders[:] = sorted(name for name in folders if not is_hidden(name))
        yield from (Path(place, name) for name in sorted(files) if not is_hidden(name))


def is_hidden(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"  # of archives that a Mac packed


def suffix_of(path: Path) -> str:
    *_, suffix = suffixes = [one.lower() for one in path.suffixes] or [""]
    return "".join(suffixes[-2:]) if suffix == ".gz" else suffix


def without_suffix(path: str) -> str:
    return PurePosixPath(path).with_suffix("").as_posix()[:LONGEST]


def original_name(path: str) -> str:
    """The name of an image, without suffix, before an exporter copied it under another.

    Roboflow's copies are `NAME_png.rf.HASH.jpg`, turned and flipped ones too; what was imported
    into Label Studio is `HASH-NAME.png`.
    """
    folder, slash, name = without_suffix(path).rpartition("/")
    name = _ROBOFLOW.sub("", name)
    return folder + slash + _LABEL_STUDIO.sub("", name)


class Identity(NamedTuple):
    """Whose image one is."""

    person: str
    source: Literal["names", "paths", "headers", "folders", "images"]
    """What tells it; of `paths` the names of folders do. Of `images` nothing does: each is a
    person, but for its left or right."""
    patient: str | None = None
    side: str | None = None
    """Of `images`: a left and a right one of the same name are one person."""


def identity_of(image: Path, path: str, names: Names, folder: str = "") -> Identity:
    """Whose an image is: by its path inside the split, its DICOM header, else its `folder`."""
    person = names.person(path)
    if person is not None:
        is_of_file = names.person(PurePosixPath(path).name) == person
        return Identity(person, "names" if is_of_file else "paths")
    if names.own_person is None and is_dicom(image):
        # Reports and plans lie among images in a hospital's folders: who reads the pixels of one
        # says so, and `check` names it; the others are listed all the same.
        with suppress(InputError):
            patient = read_header(image).patient
            if patient:
                return Identity(patient, "headers", patient)
    if folder and names.own_person is None:
        return Identity(folder, "folders")
    original = original_name(path)
    person = (names.own_side or SIDE).sub("", original) or original
    return Identity(person, "images", side=names.side(path))


def note_on_people(identities: Sequence[Identity]) -> str:
    """What people are told by."""
    counts = Counter(identity.source for identity in identities)
    sources = {
        "names": "the names of the files",
        "paths": "the names of files and folders",
        "headers": "DICOM headers",
        "folders": "the outermost folders",
    }
    if counts["paths"]:
        del sources["names"]
    told = [words for source, words in sources.items() if counts[source]]
    notes = [f"people are told by {listed(told)}"] if told else []
    if counts["images"]:
        some = f"{counts['images']} of {len(identities)} images count as people of their own"
        every = "every image counts as a person of its own"
        hint = '(dataset.toml: person = "a pattern")'
        but = _but_for([one for one in identities if one.source == "images"])
        notes.append(f"{some if told else every}{but}: names tell nobody {hint}")
    return "; ".join(notes)


def _but_for(identities: Sequence[Identity]) -> str:
    """The images that names tell to be of one person after all."""
    sides: defaultdict[str, list[str | None]] = defaultdict(list)
    for one in identities:
        sides[one.person].append(one.side)
    pairs = sum({"left", "right"} <= set(some) for some in sides.values())
    copies = sum(len(some) > len(set(some)) for some in sides.values())
    words = [f"{counted(pairs, 'pair')} of a left and a right hand"] * bool(pairs)
    words += [f"{counted(copies, 'image')} with copies"] * bool(copies)
    return f", but for {' and '.join(words)}" if words else ""


def _marked(match: re.Match[str]) -> str:
    return next((group for group in match.groups() if group is not None), match[0])
