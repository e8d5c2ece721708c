"""A COCO file to its images, its categories and what is drawn in each image; read once."""

import threading
from collections import OrderedDict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from handseg.data.coco.columns import Size
from handseg.data.coco.segmentation import compact
from handseg.data.images import MOST_PIXELS
from handseg.data.json_files import read_json
from handseg.data.settings import is_inside
from handseg.errors import InputError

PARTS = ("images", "categories", "annotations")
KEPT = 16
"""Files that are remembered; each is read again where more of them take turns."""

_Value = TypeVar("_Value")


@dataclass(frozen=True)
class CocoImage:
    """An image that a file names; `file_name` stays inside the folder that it is relative to."""

    file_name: str
    size: Size
    labelled: Any = None
    """What handseg wrote of it where not all classes were labelled; others write no such thing."""


@dataclass(frozen=True)
class Category:
    """A class by its name; several ids may have the same."""

    name: str
    supercategory: str


@dataclass(frozen=True)
class Annotation:
    """What one annotation draws; `number` is its place in the file, from 0."""

    number: int
    category: str
    segmentation: Any


@dataclass(frozen=True)
class CocoFile:
    """A COCO file; images and categories by their ids, annotations by the id of their image."""

    path: Path
    images: Mapping[int | str, CocoImage]
    categories: Mapping[int | str, Category]
    annotations: Mapping[int | str, Sequence[Annotation]]
    bare: int
    """Annotations without a segmentation: boxes, key points."""


_lock = threading.Lock()
_remembered: "OrderedDict[Path, tuple[tuple[int, int], CocoFile]]" = OrderedDict()


def coco_file(path: Path) -> CocoFile:
    """The file's content; remembered while its size and time stay.

    Raises:
        InputError: it is no COCO document, or a part of it is at fault; file and place are named.
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
        while len(_remembered) > KEPT:
            _remembered.popitem(last=False)
        return found


def read_document(path: Path) -> CocoFile:
    document = read_json(path, hook=compact)
    if not isinstance(document, dict) or not all(isinstance(document.get(p), list) for p in PARTS):
        raise InputError(
            f"{path} is no COCO document", details=f"expected lists of {', '.join(PARTS)}"
        )
    images = read_images(path, document["images"])
    categories = read_categories(path, document["categories"])
    drawn, bare = read_annotations(path, document["annotations"], images, categories)
    return CocoFile(path, images, categories, drawn, bare)


def read_images(path: Path, entries: Sequence[Any]) -> dict[int | str, CocoImage]:
    found: dict[int | str, CocoImage] = {}
    for number, entry in enumerate(entries):
        place = f"{path}: image {number}"
        name = text_of(place, entry, "file_name").replace("\\", "/")
        if not is_inside(name):
            raise InputError(
                f"{place} has the file name {name!r:.100}",
                details="a data set may only name files in its own folder",
            )
        add(place, entry, found, CocoImage(name, size_of(place, entry), entry.get("labelled")))
    return found


def read_categories(path: Path, entries: Sequence[Any]) -> dict[int | str, Category]:
    found: dict[int | str, Category] = {}
    for number, entry in enumerate(entries):
        place = f"{path}: category {number}"
        above = field_of(place, entry, "supercategory", "")
        name = text_of(place, entry, "name")
        add(place, entry, found, Category(name, above if isinstance(above, str) else ""))
    return found


def read_annotations(
    path: Path,
    entries: Sequence[Any],
    images: Mapping[int | str, CocoImage],
    categories: Mapping[int | str, Category],
) -> tuple[dict[int | str, list[Annotation]], int]:
    found: dict[int | str, list[Annotation]] = {}
    bare = 0
    for number, entry in enumerate(entries):
        place = f"{path}: annotation {number}"
        image = known(place, entry, "image_id", images)
        category = categories[known(place, entry, "category_id", categories)]
        segmentation = entry.get("segmentation")
        if segmentation is None or segmentation == []:
            bare += 1
        else:
            found.setdefault(image, []).append(Annotation(number, category.name, segmentation))
    return found, bare


def field_of(place: str, entry: Any, name: str, default: Any = None) -> Any:
    if not isinstance(entry, dict):
        raise InputError(f"{place} is no object")
    return entry.get(name, default)


def text_of(place: str, entry: Any, name: str) -> str:
    value = field_of(place, entry, name)
    if not isinstance(value, str) or not value:
        raise InputError(f"{place} has no {name}")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        # JSON can escape half a character; no file can hold it.
        raise InputError(f"{place} has a {name} that is no text: {value!a:.80}") from None
    return value


def size_of(place: str, entry: Any) -> Size:
    height, width = field_of(place, entry, "height"), field_of(place, entry, "width")
    if not (is_whole(height) and is_whole(width) and height > 0 and width > 0):
        raise InputError(f"{place} has no height and width in whole pixels")
    if height * width > MOST_PIXELS:
        raise InputError(
            f"{place} is said to have {height} × {width} pixels",
            details=f"images of up to {MOST_PIXELS} pixels are read",
        )
    return height, width


def add(place: str, entry: Any, found: dict[int | str, _Value], value: _Value) -> None:
    number = field_of(place, entry, "id")
    if not is_id(number):
        raise InputError(f"{place} has the id {number!r:.60}, neither a whole number nor text")
    if number in found:
        raise InputError(f"{place} has the id {number!r:.60} of another")
    found[number] = value


def known(place: str, entry: Any, name: str, ids: Mapping[int | str, Any]) -> int | str:
    number = field_of(place, entry, name)
    if not is_id(number) or number not in ids:
        raise InputError(f"{place} has the {name} {number!r:.60} that nothing has")
    return number


def is_id(value: Any) -> bool:
    return isinstance(value, Hashable) and (is_whole(value) or isinstance(value, str))


def is_whole(value: Any) -> bool:
    """Whether it is a whole number; JSON's true is none."""
    return isinstance(value, int) and not isinstance(value, bool)
