"""The competition's schema: `<split>/outputs_json/<person>/<stem>.json`, polygons of each class."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from handseg.anatomy import BONES
from handseg.errors import InputError
from handseg.formats.documents import Size, check_name, read_json
from handseg.formats.masks import FileNames, ImageFile, Masks, is_plain, stem_of
from handseg.formats.polygon_files import (
    KEY,
    LARGEST_FILE,
    SETTINGS,
    FileMetadata,
    PolygonFormat,
    Shape,
    Target,
    read_metadata,
)
from handseg.formats.polygons import (
    Points,
    Polygon,
    PolygonMask,
    known_name,
    polygon_of,
    read_points,
    unknown_class,
)
from handseg.text import counted, shown

CLASSES = BONES
IMAGES = "DCM"
LABELS = "outputs_json"
VALIDATION = ("val", "valid", "validation")
SPLITS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(VALIDATION, "train"),
    **dict.fromkeys(("test", "testing"), "test"),
}
"""The split that the images of a folder are of, by its name in whatever case. What was published
for validation is training data: folds say which people are held out."""
UNKNOWN = "unknown"
"""The folder of images whose person is not known."""


class LabelledPolygon(NamedTuple):
    """An annotation that can be drawn; `number` is its place in the file, from 0.

    `points` are as the file has them, `float64[points, 2]`; there may be none.
    """

    number: int
    label: str
    points: Points


class AnnotationFault(NamedTuple):
    """What is wrong with an annotation; `error` names file, annotation and class."""

    number: int
    kind: Literal["class", "points"]
    label: Any
    """As the file has it: text, but for faults of the kind `class`."""
    error: InputError


@dataclass(frozen=True)
class LabelDocument:
    """A label file as far as it can be read, and what is wrong with it."""

    path: Path
    annotations: tuple[LabelledPolygon | AnnotationFault, ...]
    """In the order of the file."""
    labelled: frozenset[str]
    """The classes that were labelled; all where the file does not say it."""
    labelled_fault: InputError | None = None
    """What is wrong with the list of those."""

    def polygons(self) -> dict[str, list[Polygon]]:
        """What is drawn, by class; raises InputError for the first fault."""
        if self.labelled_fault is not None:
            raise self.labelled_fault
        found: dict[str, list[Polygon]] = {}
        for one in self.annotations:
            if isinstance(one, AnnotationFault):
                raise one.error
            place = f"{self.path}: annotation {one.number} ({one.label})"
            found.setdefault(one.label, []).append(polygon_of(place, one.points))
        return found


def read_label_file(path: Path, classes: Sequence[str]) -> LabelDocument:
    """Read the label file of one image of a data set, faults of annotations included.

    Several polygons of a class are a union; points may be floats and may lie outside the image.
    `attributes.labelled`, a list of class names, says what was labelled where that is not all.

    Raises:
        InputError: no JSON, or another schema; the message names the file and the place.
    """
    document = read_json(path, largest=LARGEST_FILE)
    annotations = tuple(
        _read_annotation(f"{path}: annotation {number}", number, entry, classes)
        for number, entry in enumerate(_annotations(path, document))
    )
    attributes = document.get("attributes") or {}
    named = attributes.get("labelled") if isinstance(attributes, dict) else None
    labelled = [name for name in classes if name in named] if isinstance(named, list) else classes
    try:
        _check_labelled(path, attributes, classes)
    except InputError as error:
        return LabelDocument(path, annotations, frozenset(labelled), error)
    return LabelDocument(path, annotations, frozenset(labelled))


def _annotations(path: Path, document: Any) -> list[Any]:
    entries = document.get("annotations") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise InputError(f"{path} is no label file", details="it has no list of annotations")
    return [part for entry in entries for part in _outlines_of(entry)]


def _outlines_of(entry: Any) -> list[Any]:
    """An annotation for each of its outlines: the competition describes points as a list of those.

    Its files have the points themselves.
    """
    points = entry.get("points") if isinstance(entry, dict) else None
    parts = points if isinstance(points, list) and points else [None]
    if all(isinstance(part, list) and part and isinstance(part[0], list) for part in parts):
        return [{**entry, "points": part} for part in parts]
    return [entry]


def _read_annotation(
    place: str, number: int, entry: Any, classes: Sequence[str]
) -> LabelledPolygon | AnnotationFault:
    try:
        label = known_name(_label_of(place, entry), classes)
        if label not in classes:
            raise unknown_class(place, label, classes)
    except InputError as error:
        written = entry.get("label") if isinstance(entry, dict) else None
        return AnnotationFault(number, "class", written, error)
    try:
        points = read_points(f"{place} ({label})", entry.get("points"))
    except InputError as error:
        return AnnotationFault(number, "points", label, error)
    return LabelledPolygon(number, label, points)


def _label_of(place: str, entry: Any) -> str:
    """The class of an annotation, a number as text; raises InputError where there is none."""
    label = entry.get("label") if isinstance(entry, dict) else None
    return check_name(place, str(label) if isinstance(label, int | float) else label)


def _check_labelled(path: Path, attributes: Any, classes: Sequence[str]) -> None:
    """Raise InputError where the attributes say what was labelled, and not as a list of classes."""
    if not isinstance(attributes, dict):
        raise InputError(f"{path}: attributes is no object", details=f"it is {attributes!r:.80}")
    place, named = f"{path}: attributes.labelled", attributes.get("labelled", [])
    if not isinstance(named, list) or not all(isinstance(name, str) for name in named):
        raise InputError(f"{place} is no list of class names", details=f"it is {named!r}")
    for name in named:
        if name not in classes:
            raise unknown_class(place, name, classes)


class HandboneFormat(PolygonFormat):
    """Files that, beside their images in `<split>/DCM`, are a data set."""

    name = "handbone"
    only_eight_bits = False
    classes = CLASSES
    beside = SETTINGS

    def files(self, folder: Path) -> list[Path]:
        return sorted(
            path
            for path in folder.glob(f"*/{LABELS}/*/*.json")
            if not any(part.startswith(".") for part in path.relative_to(folder).parts)
        )

    def recognises(self, path: Path) -> bool:
        """Whether there are label files that stand for themselves.

        Labels that have their images beside them are a data set, and read as such.
        """
        return super().recognises(path) and not has_images(path)

    def looks_like(self, content: bytes) -> bool:
        other = any(word in content for word in (b'"categories"', b'"images"', b'"shapes"'))
        return b'"annotations"' in content and not other

    def targets(self, masks: Masks) -> dict[str, Target]:
        """The image's own split, person and stem where they are known."""
        paths = _Targets(masks.origin.get("split"))
        found = {
            image: paths.known(masks.image_files[image])
            if image in masks.image_files
            else paths.unknown(image)
            for image in masks.images
        }
        owners: dict[str, str] = {}
        for image, target in found.items():
            owner = owners.setdefault(target.file.lower(), image)
            if owner != image:
                raise InputError(
                    f"two images would have the label {target.file}", details=f"{owner}\n{image}"
                )
        return found

    def document(
        self, drawn: Mapping[str, PolygonMask], size: Size, picture: str, metadata: dict[str, Any]
    ) -> dict[str, Any]:
        """Several polygons of a class are a union; what was labelled stands in the attributes."""
        shapes = [
            (label, points) for label, mask in drawn.items() for points in mask.outlines(size)
        ]
        inner = {name: value for name, value in metadata.items() if name != "labelled"}
        labelled = {"labelled": metadata["labelled"]} if "labelled" in metadata else {}
        return {
            "annotations": [
                {"id": f"{n}", "type": "poly_seg", "attributes": {}, "points": p, "label": label}
                for n, (label, p) in enumerate(shapes)
            ],
            "attributes": {**labelled, KEY: inner},
            "file_id": "",
            "filename": PurePosixPath(picture).name,
            "parent_path": str(PurePosixPath(picture).parent),
            "last_modifier_id": "",
            "metadata": {"height": size[0], "width": size[1]},
            "last_workers": [],
        }

    def settings(self, masks: Masks) -> str | None:
        """The classes, where they are not the layout's own."""
        if masks.classes == CLASSES:
            return None
        names = ",\n  ".join(map(_toml, masks.classes))
        return f'layout = "handbone"\nclasses = [\n  {names},\n]\n'

    def notes(self, masks: Masks) -> list[str]:
        lacking = [image for image in masks.images if image not in masks.image_files]
        if not lacking:
            return []
        number = counted(len(lacking), "image")
        return [f"nobody knows the person of {number} ({shown(lacking)}): --data DIR says it"]

    def metadata(self, path: Path, document: Any) -> FileMetadata:
        """What handseg wrote; the schema's own size is stale in the competition's files."""
        attributes = document.get("attributes") if isinstance(document, dict) else None
        attributes = attributes if isinstance(attributes, dict) else {}
        metadata = read_metadata(f"{path}: attributes.{KEY}", attributes.get(KEY))
        if metadata.size is None:
            raise InputError(
                f"{path} does not say the size of its image",
                details="handseg writes it into attributes; others' files need their images beside "
                "them",
                hints=["put the images into <split>/DCM/<person> and convert the whole folder"],
            )
        if "labelled" not in attributes:
            return metadata
        _check_labelled(path, attributes, metadata.classes or CLASSES)
        return replace(metadata, labelled=frozenset(attributes["labelled"]))

    def shapes(self, path: Path, document: Any) -> Iterator[Shape]:
        for number, entry in enumerate(_annotations(path, document)):
            yield Shape(number, _label_of(f"{path}: annotation {number}", entry), entry)

    def paint(self, path: Path, shape: Shape, mask: NDArray[np.uint8]) -> Polygon | None:
        """As the competition draws polygons."""
        import cv2

        place = f"{path}: annotation {shape.number} ({shape.label})"
        polygon = polygon_of(place, read_points(place, shape.entry.get("points")))
        cv2.fillPoly(mask, [polygon], 1)
        return polygon


def split_folders(root: Path) -> list[tuple[str, Path]]:
    """(split, folder) for each folder that is named as one, those to train on first."""
    if not root.is_dir():
        return []
    named = [
        (SPLITS[path.name.lower()], path)
        for path in sorted(root.iterdir())
        if path.name.lower() in SPLITS and path.is_dir()
    ]
    order = list(SPLITS)
    return sorted(named, key=lambda one: order.index(one[1].name.lower()))


def is_validation(words: Iterable[str]) -> bool:
    return any(word.lower() in VALIDATION for word in words)


def has_images(folder: Path) -> bool:
    return any((split / IMAGES).is_dir() for _, split in split_folders(folder))


def label_beside(image: Path) -> Path:
    """The label's file where it lies beside its image; of `1.2.840.5` too, which has no suffix."""
    suffix = image.suffix
    plain = not suffix or suffix[1:].isdigit()
    return image.with_name(image.name + ".json") if plain else image.with_suffix(".json")


class _Targets:
    """Gives each image its split, folder of the person and stem."""

    def __init__(self, split: Any) -> None:
        self._split = "test" if split == "test" else "train"
        self._folders = FileNames()
        self._folder_of: dict[str, str] = {}
        self._stems: dict[str, FileNames] = {}

    def known(self, image: ImageFile) -> Target:
        """Where an image of a data set and its label belong: the names are those of its files."""
        path = image.path
        own = path.parent.name if path.parent.parent.name == IMAGES else image.person
        plain = is_plain(own) and not own.startswith(".")
        person = own if plain else self._person(own)
        return _target(image.split, person, label_beside(Path(path.name)).name, path.name)

    def unknown(self, image: str) -> Target:
        """The same for an image that is nothing but a name, which may hold anything."""
        inside = PurePosixPath(image)
        parent = str(inside.parent)
        person = self._person(UNKNOWN if parent == "." else parent)
        stem = self._stems.setdefault(person, FileNames()).of(stem_of(inside.name))
        return _target(self._split, person, f"{stem}.json", f"{stem}.png")

    def _person(self, name: str) -> str:
        if name not in self._folder_of:
            self._folder_of[name] = self._folders.of(name)
        return self._folder_of[name]


def _target(split: str, person: str, file: str, picture: str) -> Target:
    return Target(f"{split}/{LABELS}/{person}/{file}", f"{split}/{IMAGES}/{person}/{picture}")


def _toml(name: str) -> str:
    """A text as TOML writes it: as JSON does, but for one character that it takes as it is."""
    return json.dumps(name, ensure_ascii=False).replace("\x7f", "\\u007f")
