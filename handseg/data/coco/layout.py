"""The `coco` layout: annotation files beside their images, as RAM-H1200 ships them."""

from collections.abc import Sequence
from pathlib import Path

from handseg.anatomy import ALIASES
from handseg.data.coco.document import CocoFile, coco_file
from handseg.data.coco.find import annotation_files, image_places, split_of
from handseg.data.handbone import is_image
from handseg.data.labelled import labelled_of
from handseg.data.layout import Listing
from handseg.data.names import Names, people_in_words, without_suffix
from handseg.data.sample import Sample
from handseg.data.settings import Settings
from handseg.errors import InputError, did_you_mean
from handseg.text import counted, shown

LEFT_OUT = ("Ring", "Metal Implant", "Background", "Intravenous cannula")
"""Categories that are no bones, unless `dataset.toml` says others; whatever their case."""


class Coco:
    """COCO files and the images that they name; classes are the data set's own."""

    name = "coco"

    def recognises(self, folder: Path) -> bool:
        """Whether there is a COCO file in the folder or not far below it."""
        return bool(annotation_files(folder, None))

    def listing(self, folder: Path, settings: Settings) -> Listing:
        """Every image that a file names and that is there, and those beside them."""
        paths = annotation_files(folder, settings.annotations)
        if not paths and settings.annotations is not None:
            raise InputError(
                f"{folder} has no annotation file", details=", ".join(settings.annotations)
            )
        # Their order is that of the classes: those that are trained on come first.
        paths = sorted(paths, key=lambda path: split_of(folder, path) == "test")
        documents = [coco_file(path) for path in paths]
        left_out = names_left_out(documents, settings)
        classes = chosen_classes(documents, left_out, settings)
        search = _Search(folder, settings, set(classes))
        for document in documents:
            search.take(document)
        search.take_unnamed()
        return Listing(
            classes,
            tuple(sample for sample in search.samples if sample.split == "train"),
            tuple(sample for sample in search.samples if sample.split == "test"),
            (*said_of_files(folder, paths), *said_of_classes(left_out), *search.notes()),
            {name: ALIASES[name] for name in classes if name in ALIASES},
        )

    def label_path(self, root: Path, image: Path) -> None:
        """Nowhere of its own: one file holds those of many."""


class _Search:
    """Looks for the images of each file, noting whose are missing."""

    def __init__(self, root: Path, settings: Settings, classes: set[str]) -> None:
        self.root = root
        self.names = Names.of(settings)
        self.classes = classes
        self.samples: list[Sample] = []
        self.owners: dict[Path, Path] = {}
        self.folders: dict[Path, str] = {}
        self.persons: list[str | None] = []
        self.missing: list[str] = []

    def take(self, document: CocoFile) -> None:
        """The images that a file names, in path order."""
        split = split_of(self.root, document.path)
        found: list[tuple[Path, int | str]] = []
        for entry, image in document.images.items():
            place = next(image_places(self.root, document.path, image.file_name), None)
            if place is None:
                self.missing.append(f"{document.path.relative_to(self.root)}: {image.file_name}")
            else:
                found.append((place, entry))
        for place, entry in sorted(found, key=lambda one: one[0]):
            self.claim(place, document.path)
            self.folders.setdefault(place.parent, split)
            labelled = labelled_classes(document, entry, self.classes)
            there = is_labelled(document, entry, self.classes)
            self.add(place, split, document.path if there else None, entry, labelled)

    def take_unnamed(self) -> None:
        """The images that lie beside named ones and that no file names."""
        for folder, split in self.folders.items():
            for path in sorted(folder.iterdir()):
                if path not in self.owners and is_image(path, folder):
                    self.add(path, split, None, None, None)
        self.samples.sort(key=lambda sample: sample.image)

    def claim(self, image: Path, document: Path) -> None:
        if image in self.owners:
            other = self.owners[image]
            again = "twice" if other is document else f"as {other} does"
            raise InputError(
                f"{document} names the image {image} {again}",
                hints=[
                    "say which files count, in dataset.toml:  "
                    f'annotations = ["{document.relative_to(self.root).as_posix()}"]'
                ],
            )
        self.owners[image] = document

    def add(
        self,
        image: Path,
        split: str,
        labels: Path | None,
        entry: int | str | None,
        labelled: tuple[str, ...] | None,
    ) -> None:
        name = image.relative_to(self.root).as_posix()
        person = self.names.person(name)
        self.persons.append(person)
        side = self.names.side(name)
        who = person or without_suffix(name)
        if labels is None:
            self.samples.append(Sample(name, image, None, who, split, side=side))
        else:
            self.samples.append(Sample(name, image, labels, who, split, entry, labelled, side))

    def notes(self) -> list[str]:
        """What a person should know of the images."""
        notes: list[str] = []
        bare = [sample.image_name for sample in self.samples if sample.labels is None]
        if bare:
            notes.append(f"{counted(len(bare), 'image')} without annotation: {shown(bare)}")
        if self.missing:
            notes.append(
                f"{counted(len(self.missing), 'named image')} left out, not there: "
                + shown(self.missing)
            )
        if self.persons:
            notes.append(people_in_words(self.persons))
        return notes


def names_left_out(documents: Sequence[CocoFile], settings: Settings) -> tuple[str, ...]:
    """The categories that are no classes, in the order in which files name them."""
    asked = LEFT_OUT if settings.leave_out is None else settings.leave_out
    folded = {name.casefold() for name in asked}
    found: dict[str, None] = {}
    for document in documents:
        above = {category.supercategory for category in document.categories.values()}
        for number, category in document.categories.items():
            heading = number == 0 and category.name in above
            if heading or category.name.casefold() in folded:
                found[category.name] = None
    return tuple(found)


def chosen_classes(
    documents: Sequence[CocoFile], left_out: Sequence[str], settings: Settings
) -> tuple[str, ...]:
    """The classes of all files, or those that the settings choose, in their order."""
    names = dict.fromkeys(
        category.name for document in documents for category in document.categories.values()
    )
    if settings.classes is None:
        return tuple(name for name in names if name not in left_out)
    for name in settings.classes:
        if name not in names:
            raise InputError(
                f"dataset.toml: no annotation file has the category {name!r}"
                + did_you_mean(name, names),
                details="categories: " + ", ".join(names),
            )
    return settings.classes


def is_labelled(document: CocoFile, entry: int | str, classes: set[str]) -> bool:
    """Whether anything is drawn in an image, or the file says that somebody looked."""
    said = labelled_of(document.images[entry].labelled, sorted(classes))
    return bool(said) or bool(drawn_in(document, entry, classes))


def labelled_classes(
    document: CocoFile, entry: int | str, classes: set[str]
) -> tuple[str, ...] | None:
    """None where all are; a class that the file has no category for is not labelled.

    Nor is one that the image says nothing of, where it says what was labelled and draws no such.
    """
    own = {category.name for category in document.categories.values()} & classes
    said = labelled_of(document.images[entry].labelled, sorted(classes))
    if said is not None:
        own &= said | drawn_in(document, entry, classes)
    return None if own == classes else tuple(sorted(own))


def drawn_in(document: CocoFile, entry: int | str, classes: set[str]) -> set[str]:
    """The classes that the image has annotations of."""
    return {one.category for one in document.annotations.get(entry, ())} & classes


def said_of_files(root: Path, paths: Sequence[Path]) -> list[str]:
    names = [path.relative_to(root).as_posix() for path in paths]
    return [f"{counted(len(names), 'annotation file')}: {shown(names)}"]


def said_of_classes(left_out: Sequence[str]) -> list[str]:
    return [f"categories left out: {', '.join(left_out)}"] if left_out else []
