"""The `coco` layout: annotation files beside their images, as RAM-H1200 ships them."""

import json
import mmap
import re
import threading
import unicodedata
from collections import Counter, OrderedDict
from collections.abc import Iterator, Sequence, Set
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

import numpy as np

from handseg.anatomy import ALIASES
from handseg.data.flat import label_finder
from handseg.data.labels import Labels, Sample
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
from handseg.data.settings import FILE, Settings, is_inside
from handseg.errors import InputError, did_you_mean
from handseg.formats.coco import CocoDocument, Id, read_annotations, read_document
from handseg.formats.documents import LARGEST, labelled_of
from handseg.formats.handbone import SPLITS, VALIDATION, HandboneFormat, is_validation
from handseg.formats.labelme import LabelmeFormat
from handseg.text import counted, shown

LEFT_OUT = ("Ring", "Metal Implant", "Background", "Intravenous cannula")
"""Categories that are no bones, unless `dataset.toml` says others; whatever their case."""
RAM = "_annotations_bone_rle.coco.json"
"""How RAM-H1200 calls its bones; what it ships beside them are joints and lesions."""
DEEPEST = 3
MOST_CANDIDATES = 64
"""JSON files of other names that are looked into: a set has few COCO files."""
LOOKED_INTO = 1 << 16
"""Bytes at the beginning of a JSON file that show what it was to be."""
KEYS = (b'"images"', b'"categories"', b'"annotations"')
ODD_FOLDERS = frozenset({"crops", "outputs_json", "runs"})
NOT_THERE = "an image that an annotation file names and that is not there"
SAME_ENTRY = "a second entry of an image in an annotation file, with nothing new"
NOT_COCO = "a label file beside what a COCO file says: the COCO file counts"
NO_OUTLINE = "annotations without a segmentation: boxes or key points"
REMEMBERED = 16
"""Files whose content is remembered; each is read again where more of them take turns."""


class Coco:
    """COCO files and the images that they name; classes are the data set's own."""

    looks = "COCO files beside their images"

    def recognises(self, folder: Path) -> bool:
        return bool(_annotation_files(folder, None))

    def listing(self, folder: Path, settings: Settings) -> Listing:
        """Every image that a file names and that is there, and those beside them."""
        paths = _annotation_files(folder, settings.annotations)
        if not paths and settings.annotations is not None:
            raise InputError(
                f"{folder} has no annotation file", details=", ".join(settings.annotations)
            )
        # Their order is that of the classes: those that are trained on come first.
        paths = sorted(paths, key=lambda path: _split_of(folder, path) == "test")
        documents = [document_at(path) for path in paths]
        left_out = _names_left_out(documents, settings)
        classes = _chosen_classes(documents, left_out, settings)
        search = _Search(folder, settings, set(classes))
        for document in documents:
            search.add_named(document)
        search.add_unnamed()
        search.leave_out_others(set(paths))
        if search.missing and not search.samples:
            raise InputError(
                f"{counted(len(search.missing), 'named image')}, and none of them is in {folder}",
                details="\n".join(search.missing[:5]),
                hints=[
                    "put the images beside it",
                    f'or, if it is not of this data set, say so in {FILE}:  layout = "flat"',
                ],
            )
        files = [path.relative_to(folder).as_posix() for path in paths]
        notes = [f"{counted(len(files), 'annotation file')}: {shown(files)}"]
        notes += [note for document in documents for note in _doubled_names(folder, document)]
        if left_out:
            notes.append(f"categories left out: {', '.join(left_out)}")
        return Listing(
            classes,
            tuple(sample for sample in search.samples if sample.split == "train"),
            tuple(sample for sample in search.samples if sample.split == "test"),
            (*notes, *search.notes()),
            {name: ALIASES[name] for name in classes if name in ALIASES},
            tuple(search.left_out),
        )

    def label_path(self, root: Path, image: Path) -> None:
        """Nowhere of its own: one file holds those of many."""


def read_entry(path: Path, classes: Sequence[str], *, entry: Id) -> Labels:
    """The label of the image with the id `entry`; annotations of other classes are left out.

    Annotations of one class are united.

    Raises:
        InputError: the file or an annotation is at fault; file, annotation and image are named.
    """
    document = document_at(path)
    if entry not in document.images:
        raise InputError(f"{path} has no image with the id {entry!r:.60} any more")
    image = document.images[entry]
    labels = Labels({}, (True,) * len(classes), {}, image.size, f"{path} ({image.file_name})")
    annotations = document.annotations.get(entry, ())
    for name in dict.fromkeys(one.category for one in annotations if one.category in classes):
        some = [one for one in annotations if one.category == name]
        polygons, runs = read_annotations(path, image.file_name, some, image.size)
        if polygons:
            labels.polygons[name] = tuple(polygons)
        if runs is not None:
            labels.runs[name] = runs
    return labels


_lock = threading.Lock()
_remembered: OrderedDict[Path, tuple[tuple[int, int], CocoDocument]] = OrderedDict()


def document_at(path: Path) -> CocoDocument:
    """The file's content, remembered while its size and time stay.

    Raises:
        InputError: it is no COCO document.
    """
    try:
        status = path.stat()
    except OSError as error:
        raise InputError(f"{path} cannot be read", details=str(error)) from error
    state = (status.st_size, status.st_mtime_ns)
    with _lock:
        known, found = _remembered.get(path, (None, None))
        if found is None or known != state:
            found = read_document(path)
        _remembered[path] = (state, found)
        _remembered.move_to_end(path)
        while len(_remembered) > REMEMBERED:
            _remembered.popitem(last=False)
        return found


class _Search:
    """Looks for the images of each file, noting those that are missing."""

    def __init__(self, root: Path, settings: Settings, classes: set[str]) -> None:
        self.root = root
        self.names = Names.of(settings)
        self.classes = classes
        self.samples: list[Sample] = []
        self.owners: dict[Path, Path] = {}
        self.folders: dict[Path, str] = {}
        self.identities: list[Identity] = []
        self.missing: list[str] = []
        self.left_out: list[LeftOut] = []
        self.found_by_name: list[str] = []
        self.other_labels: list[tuple[Path, str]] = []
        """Label files that are no COCO files, and the layouts that read them."""

    def add_named(self, document: CocoDocument) -> None:
        """The images that a file names, in path order."""
        split = _split_of(self.root, document.path)
        file = document.path.relative_to(self.root).as_posix()
        found: dict[Path, list[Id]] = {}
        if document.bare:
            self.left_out.append(LeftOut(f"{file}: {document.bare}", NO_OUTLINE, is_meant=True))
        for entry, image in document.images.items():
            file_name = image.file_name.replace("\\", "/")
            place = self._place_of(document.path, file_name)
            if place is None:
                self.missing.append(f"{file}: {file_name}")
                self.left_out.append(LeftOut(f"{file}: {file_name}", NOT_THERE))
            else:
                found.setdefault(place, []).append(entry)
        for place in sorted(found):
            entry = self._entry_of(document, place, found[place])
            self._claim(place, document.path)
            self.folders.setdefault(place.parent, split)
            sample = self._labelled(self._sample(place, split), document, entry)
            is_validation_file = is_validation(_words_of(file))
            self.samples.append(replace(sample, is_published_validation=is_validation_file))

    def _place_of(self, document: Path, file_name: str) -> Path | None:
        """The image that a name means: as it is written, else the one image of about that name."""
        if is_inside(file_name):
            place = next(_image_places(self.root, document, file_name), None)
            if place is not None:
                return place
        places = self._by_name.get(_plain_name(file_name), ())
        if len(places) != 1 or not self._is_of(document, places[0]):
            return None
        self.found_by_name.append(file_name)
        return places[0]

    def _is_of(self, document: Path, image: Path) -> bool:
        """Whether an image that is found by its name alone can be a file's.

        `train/1.png` may be missing, and is not `val/1.png`.
        """
        if document.parent in self._above_images and not image.is_relative_to(document.parent):
            return False
        said, has = (_splits_in(one.relative_to(self.root)) for one in (document, image))
        return not said or not has or bool(said & has)

    @cached_property
    def _above_images(self) -> set[Path]:
        images = (path for some in self._by_name.values() for path in some)
        return {folder for path in images for folder in path.parents}

    @cached_property
    def _by_name(self) -> dict[str, list[Path]]:
        """All images below the folder by their plain base names."""
        found: dict[str, list[Path]] = {}
        for path in files_below(self.root):
            odd = ODD_FOLDERS.intersection(path.relative_to(self.root).parts)
            if not odd and is_image(path, self.root):
                found.setdefault(_plain_name(path.name), []).append(path)
        return found

    def _entry_of(self, document: CocoDocument, place: Path, entries: Sequence[Id]) -> Id:
        """The one entry of an image; of several the one that draws something.

        Raises InputError where several draw different things: which counts is not to be guessed.
        """
        if len(entries) == 1:
            return entries[0]
        shapes = {
            json.dumps(
                [(one.category, one.segmentation) for one in document.annotations[entry]],
                default=np.ndarray.tolist,
            ): entry
            for entry in reversed(entries)
            if document.drawn_in(entry)
        }
        drawn = sorted(shapes.values(), key=entries.index) or [*entries[:1]]
        file = document.path.relative_to(self.root).as_posix()
        if len(drawn) > 1:
            numbers = " and ".join(repr(entry) for entry in drawn)
            raise InputError(
                f"{document.path} names the image {place} {len(drawn)} times, with annotations for "
                "each",
                details=f"the entries of `images` with the ids {numbers}",
                hints=[f"give all annotations to one of them, and take the others out of {file}"],
            )
        self.left_out += [
            LeftOut(f"{file}: image {entry!r} ({place.name})", SAME_ENTRY, is_meant=True)
            for entry in entries
            if entry != drawn[0]
        ]
        return drawn[0]

    def add_unnamed(self) -> None:
        """The images that lie beside named ones and that no file names."""
        for folder, split in self.folders.items():
            for path in sorted(folder.iterdir()):
                if path not in self.owners and is_image(path, folder):
                    self.samples.append(self._sample(path, split))
        self.samples.sort(key=lambda sample: sample.image)

    def leave_out_others(self, paths: Set[Path]) -> None:
        """Leave out the label files of images, of which the annotation files are none."""
        find_label = label_finder(self.root)
        places = (find_label(sample.image) for sample in self.samples)
        self.other_labels = [
            (path, layout)
            for path in sorted({place for place in places if place is not None} - paths)
            if (layout := _layout_of(path))
        ]
        self.left_out += [
            LeftOut(path.relative_to(self.root).as_posix(), NOT_COCO, is_meant=True)
            for path, _ in self.other_labels
        ]

    def notes(self) -> list[str]:
        notes: list[str] = []
        if self.other_labels:
            kinds = Counter(layout for _, layout in self.other_labels)
            lines = " or ".join(f'layout = "{layout}"' for layout, _ in kinds.most_common())
            notes.append(
                f"{counted(kinds.total(), 'label file')} left out, the COCO file counts (to read "
                f"them instead, in {FILE}:  {lines})"
            )
        bare = [sample.image_name for sample in self.samples if sample.labels is None]
        if bare:
            notes.append(f"{counted(len(bare), 'image')} without annotation: {shown(bare)}")
        if self.missing:
            notes.append(
                f"{counted(len(self.missing), 'named image')} left out, not there: "
                + shown(self.missing)
            )
        if self.found_by_name:
            number = counted(len(self.found_by_name), "image")
            notes.append(
                f"{number} found by the file's name alone, in whatever spelling: "
                + shown(self.found_by_name)
            )
        if self.identities:
            notes.append(note_on_people(self.identities))
        return notes

    def _claim(self, image: Path, document: Path) -> None:
        if image in self.owners:
            raise InputError(
                f"{document} names the image {image} as {self.owners[image]} does",
                hints=[
                    f"say which counts, in {FILE}:  {_annotations_line(self.root, path)}"
                    for path in (self.owners[image], document)
                ],
            )
        self.owners[image] = document

    def _sample(self, image: Path, split: str) -> Sample:
        name = image.relative_to(self.root).as_posix()
        # The folder of a split tells no person: one may have images in several.
        inside = "/".join(part for part in name.split("/") if part.lower() not in SPLITS)
        identity = identity_of(image, inside, self.names)
        self.identities.append(identity)
        return Sample(
            name,
            image,
            None,
            identity.person,
            split,
            side=self.names.side(name),
            patient=identity.patient,
        )

    def _labelled(self, sample: Sample, document: CocoDocument, entry: Id) -> Sample:
        """The sample with its label where anything is drawn or the file says that it was labelled.

        A class that the file has no category for is not labelled. Nor is one that the image says
        nothing of, where it says what was labelled and draws no such.
        """
        drawn = document.drawn_in(entry) & self.classes
        named = labelled_of(document.images[entry].labelled, sorted(self.classes))
        if not named and not drawn:
            return sample
        known = {category.name for category in document.categories.values()} & self.classes
        if named is not None:
            known &= named | drawn
        return replace(
            sample,
            labels=document.path,
            entry=entry,
            labelled=None if known == self.classes else tuple(sorted(known)),
            reader=partial(read_entry, entry=entry),
        )


def _annotations_line(root: Path, path: Path) -> str:
    return f"annotations = {json.dumps([path.relative_to(root).as_posix()], ensure_ascii=False)}"


def _layout_of(label: Path) -> str:
    # Of a label file of one image.
    kinds = {"labelme": LabelmeFormat(), "flat": HandboneFormat()}
    return next((layout for layout, kind in kinds.items() if kind.is_file(label)), "")


def _doubled_names(root: Path, document: CocoDocument) -> Iterator[str]:
    names = Counter(category.name for category in document.categories.values())
    doubled = [name for name, times in names.items() if times > 1]
    if doubled:
        file = document.path.relative_to(root).as_posix()
        yield f"{file} has several categories of one name, each name is one class: {shown(doubled)}"


def _names_left_out(documents: Sequence[CocoDocument], settings: Settings) -> tuple[str, ...]:
    """The categories that are no classes, in the order in which files name them."""
    asked = LEFT_OUT if settings.leave_out is None else settings.leave_out
    folded = {name.casefold() for name in asked}
    found: dict[str, None] = {}
    for document in documents:
        drawn = {one.category for some in document.annotations.values() for one in some}
        for number, category in document.categories.items():
            # Roboflow gives the id 0 to what the others stand under; labelme2coco has each class
            # stand under itself.
            above = {
                other.supercategory
                for other in document.categories.values()
                if other.name != category.name
            }
            heading = number == 0 and category.name in above - drawn
            if heading or category.name.casefold() in folded:
                found[category.name] = None
    return tuple(found)


def _chosen_classes(
    documents: Sequence[CocoDocument], left_out: Sequence[str], settings: Settings
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


def _annotation_files(root: Path, patterns: Sequence[str] | None) -> tuple[Path, ...]:
    """The COCO files of a data set, sorted: those of the patterns, else what looks like them.

    Raises InputError for a pattern that is none.
    """
    if patterns is not None:
        try:
            found = {path for pattern in patterns for path in root.glob(pattern) if path.is_file()}
        except (ValueError, NotImplementedError) as error:
            raise InputError(f"{root / FILE}: annotations: {error}") from error
        return tuple(sorted(found))
    candidates = [path for depth in range(DEEPEST) for path in _json_files(root, depth)]
    plain = [path for path in candidates if path.name.lower().endswith(".coco.json")]
    found = [path for path in plain if path.name == RAM] or plain
    if not found and len(candidates) <= MOST_CANDIDATES:
        found = [path for path in candidates if is_coco(path)]
    return tuple(sorted(found))


def _json_files(root: Path, depth: int) -> Iterator[Path]:
    pattern = "/".join(["*"] * depth + ["*.json"])
    for path in root.glob(pattern):
        folders = path.relative_to(root).parts[:-1]
        odd = any(part.startswith(".") or part in ODD_FOLDERS for part in folders)
        if not odd and not path.name.startswith(".") and path.is_file():
            yield path


def is_coco(path: Path) -> bool:
    """Whether a JSON file has what a COCO file has; it is searched, not read."""
    try:
        with path.open("rb") as file:
            if not 0 < path.stat().st_size <= LARGEST:
                return False
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                return all(content.find(key) >= 0 for key in KEYS)
    except (OSError, ValueError):
        return False


def is_damaged_coco(path: Path) -> bool:
    """Whether a JSON file is empty, or begins as a COCO file and lacks what one has."""
    try:
        with path.open("rb") as file:
            head = file.read(LOOKED_INTO)
    except OSError:
        return False
    begins = b'"file_name"' in head and any(key in head for key in KEYS)
    return not head or (begins and not is_coco(path))


def _split_of(root: Path, path: Path) -> str:
    """`test` where the path of a COCO file says so; all else is trained and validated on."""
    return "test" if "test" in _words_of(path.relative_to(root).as_posix()) else "train"


def _splits_in(path: Path) -> set[str]:
    words = [word for word in _words_of(path.as_posix()) if word in SPLITS]
    return {"val" if word in VALIDATION else SPLITS[word] for word in words}


def _words_of(file: str) -> list[str]:
    # `test2017` is `test`.
    return [word.rstrip("0123456789") for word in re.split(r"[/_.\-\s]", file.lower())]


def _image_places(root: Path, document: Path, file_name: str) -> Iterator[Path]:
    """The files that a name in a COCO file can mean, the likeliest first.

    Beside the file; else, as COCO itself lies, in `images` or the folder of the split next to the
    folder of annotations.
    """
    beside, above = document.parent, document.parent.parent
    parts = re.split(r"[_.\-]", document.stem)
    bases = [beside, beside / "images"]
    for base in (root, above):
        bases += [base, base / "images"]
        bases += [base / part for part in parts if part]
        bases += [base / "images" / part for part in parts if part]
    for base in dict.fromkeys(bases):
        place = base / file_name
        if place.is_relative_to(root) and _is_there(place):
            yield place


def _plain_name(file_name: str) -> str:
    """The base name of a file in one spelling: macOS takes letters apart, web tools write %20."""
    name = unquote(PurePosixPath(file_name).name)
    return unicodedata.normalize("NFC", name).casefold()


def _is_there(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that is too long for any file
        return False
