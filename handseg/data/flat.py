"""The `flat` layout and its `tree`: images in a folder, or in folders of people however deep.

Labels are in the `handbone` schema, beside the images or in a folder of labels.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from handseg.data.dicom import is_dicom, read_header
from handseg.data.labels import Sample
from handseg.data.layout import (
    Identity,
    LeftOut,
    Listing,
    Names,
    files_below,
    identity_of,
    is_image,
    note_on_people,
)
from handseg.data.settings import Settings
from handseg.errors import InputError
from handseg.formats.handbone import (
    CLASSES,
    IMAGES,
    LABELS,
    is_validation,
    label_beside,
    split_folders,
)

NO_PICTURE = "a DICOM file that holds no image"
LOOKED_AT = 4096
"""Files of which the first DICOM file must be one for a folder to be recognised as a tree."""
LABEL_FOLDERS = (LABELS, "labels", "annotations", "masks")
"""Folders beside or in that of the images in which their labels may lie."""
OTHERS = frozenset({"crops", "runs", "votes"})
"""Folders beside the people that handseg fills itself."""


class Flat:
    """`DIR/<image>`, `DIR/<split>/<image>` or `DIR/<split>/DCM/<image>`, without folders of people.

    Images directly in DIR, else in `DIR/images`, are training images where no folder is. The person
    is what the image's name says, else a DICOM file's patient; an image without either is a person
    of its own.
    """

    looks = "images in DIR with their labels beside them"

    def recognises(self, folder: Path) -> bool:
        return any(next(_images_in(base), None) for _, base in image_folders(folder))

    def listing(self, folder: Path, settings: Settings) -> Listing:
        names = Names.of(settings)
        found: dict[str, list[Sample]] = {"train": [], "test": []}
        identities: list[Identity] = []
        for split, base in image_folders(folder):
            if base in (folder, folder / "images") and found["train"]:
                continue
            for image in sorted(_images_in(base)):
                identity = identity_of(image, image.name, names)
                identities.append(identity)
                found[split].append(
                    Sample(
                        image.name,
                        image,
                        label_of(folder, image),
                        identity.person,
                        split,
                        side=names.side(image.name),
                        patient=identity.patient,
                        is_published_validation=is_validation(base.relative_to(folder).parts[:1]),
                    )
                )
        notes = (note_on_people(identities),) if identities else ()
        train, test = (tuple(found[split]) for split in ("train", "test"))
        return Listing(settings.classes or CLASSES, train, test, notes)

    def label_path(self, root: Path, image: Path) -> Path:
        found = label_of(root, image)
        if found is not None:
            return found
        beside, *others = label_places(root, image)
        return next((place for place in others if place.parent.is_dir()), beside)


def image_folders(root: Path) -> list[tuple[str, Path]]:
    """(split, folder) that may hold images directly; the folder itself comes after its splits."""
    inside = [
        (split, folder / more)
        for split, folder in split_folders(root)
        for more in ("", IMAGES, "images")
    ]
    return [*inside, ("train", root), ("train", root / "images")]


def _images_in(base: Path) -> Iterator[Path]:
    if base.is_dir():
        yield from (path for path in base.iterdir() if is_image(path, base))


def label_of(root: Path, image: Path) -> Path | None:
    return next((place for place in label_places(root, image) if place.is_file()), None)


def label_places(root: Path, image: Path) -> Sequence[Path]:
    """Where a label may lie: beside the image, or in a folder of labels there or one above."""
    beside = label_beside(image)
    bases = (image.parent,) if image.parent == root else (image.parent, image.parent.parent)
    return [beside, *(base / name / beside.name for base in bases for name in LABEL_FOLDERS)]


class Tree(Flat):
    """`DIR/<patient>/<study>/<series>/<image>` or `DIR/<split>/<patient>/…`, labels beside images.

    The person is what the path says, else a DICOM file's patient, else the outermost folder. DICOM
    is recognised; of other pictures `dataset.toml` must say `layout = "tree"`, since folders of
    pictures may mean anything.
    """

    looks = "a tree of DICOM files (patient, study, series)"

    def recognises(self, folder: Path) -> bool:
        return any(map(is_dicom, islice(_images_below(folder), LOOKED_AT)))

    def listing(self, folder: Path, settings: Settings) -> Listing:
        search = _TreeSearch(folder, Names.of(settings))
        splits = split_folders(folder)
        for split, base in splits:
            search.add(split, base)
        if not any(split == "train" for split, _ in splits):
            search.add("train", folder, but=[base for _, base in splits])
        train, test = (
            tuple(one for one in search.samples if one.split == split)
            for split in ("train", "test")
        )
        notes = (note_on_people(search.identities),) if search.identities else ()
        classes = settings.classes or CLASSES
        return Listing(classes, train, test, notes, left_out=tuple(search.left_out))


@dataclass
class _TreeSearch:
    """Collects the images of each split."""

    root: Path
    names: Names
    samples: list[Sample] = field(default_factory=list[Sample])
    identities: list[Identity] = field(default_factory=list[Identity])
    left_out: list[LeftOut] = field(default_factory=list[LeftOut])

    def add(self, split: str, base: Path, but: Sequence[Path] = ()) -> None:
        for image in sorted(_images_below(base)):
            if any(image.is_relative_to(other) for other in but):
                continue
            name = image.relative_to(base).as_posix()
            if is_dicom(image) and not _has_picture(image):
                inside = image.relative_to(self.root).as_posix()
                self.left_out.append(LeftOut(inside, NO_PICTURE, is_meant=True))
                continue
            folder = name.split("/")[0] if "/" in name else ""
            identity = identity_of(image, name, self.names, folder)
            self.identities.append(identity)
            label = Flat().label_path(self.root, image)
            self.samples.append(
                Sample(
                    name,
                    image,
                    label if label.is_file() else None,
                    identity.person,
                    split,
                    side=self.names.side(name),
                    patient=identity.patient,
                    is_published_validation=is_validation(base.relative_to(self.root).parts),
                )
            )


def _images_below(base: Path) -> Iterator[Path]:
    for path in files_below(base):
        if path.relative_to(base).parts[0] not in OTHERS and is_image(path, base):
            yield path


def _has_picture(image: Path) -> bool:
    """Whether a DICOM file is no report, plan or table of contents; a damaged one is not either."""
    try:
        read_header(image)
    except InputError as error:
        return "no image" not in error.details
    return True
