"""A COCO document to masks; whatever the document says, no other file is opened."""

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from handseg.data.coco.document import PARTS, add, is_id
from handseg.data.json_files import read_json
from handseg.data.labelled import labelled_of
from handseg.errors import InputError
from handseg.formats.coco.segmentation import Part, runs_of_parts
from handseg.formats.masks import Masks, Size, check_name, check_size
from handseg.formats.origin import origin_of
from handseg.rle import Runs, empty
from handseg.text import counted, shown


def is_coco(path: Path) -> bool:
    """Whether the path is meant as COCO JSON: by its name, or by how the file begins."""
    if not path.is_file():
        return False
    if path.suffix.lower() == ".json":
        return True
    with path.open("rb") as file:
        return file.read(64).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")


def read_coco(path: Path) -> Masks:
    """The masks of a COCO document: RLE, plain or compressed, and polygons.

    Annotations of one image and class are united. Raises InputError, with file and place, where
    the document is at fault; a segmentation is looked at when its mask is asked for.
    """
    document = _document(path)
    images = _images(path, document["images"])
    categories = _categories(path, document["categories"])
    names, sizes = _image_names(path, images)
    classes = tuple(dict.fromkeys(categories.values()))
    parts, bare = _parts(path, document["annotations"], names, categories)
    labelled = _labelled(document["images"], names, classes, parts)

    def runs_of(image: str, cls: str) -> Runs:
        found = parts.get((image, cls))
        return runs_of_parts(path, f"{image}, {cls}", found, sizes[image]) if found else empty()

    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    info = document.get("info")
    return Masks(
        path=path,
        sha256=sha256,
        format="coco",
        images=sizes,
        classes=classes,
        runs_of=runs_of,
        origin=origin_of(info.get("handseg") if isinstance(info, dict) else None),
        notes=(*_name_notes(images, names), *_notes(categories, parts, bare)),
        labelled=labelled,
    )


def base_name(file_name: str) -> str:
    """What follows the last slash, of either kind."""
    return re.split(r"[/\\]", file_name)[-1]


def _document(path: Path) -> dict[str, Any]:
    document = read_json(path)
    if isinstance(document, dict) and all(isinstance(document.get(p), list) for p in PARTS):
        return document
    hints: list[str] = []
    if path.name.lower().endswith(".csv.json"):
        hints.append(f"it is a sidecar; the masks are in {path.with_suffix('')}")
    raise InputError(
        f"{path} is no COCO document", details=f"expected lists of {', '.join(PARTS)}", hints=hints
    )


def _images(path: Path, entries: Sequence[Any]) -> dict[int | str, tuple[str, Any, Size]]:
    """(file name, image name or None, size) of each image by its id."""
    found: dict[int | str, tuple[str, Any, Size]] = {}
    for number, entry in enumerate(entries):
        place = f"{path}: image {number}"
        file_name = check_name(place, _field(place, entry, "file_name"))
        size = check_size(place, _field(place, entry, "height"), _field(place, entry, "width"))
        add(place, entry, found, (file_name, entry.get("image_name"), size))
    return found


def _categories(path: Path, entries: Sequence[Any]) -> dict[int | str, str]:
    """The name of each category by its id; several may have the same."""
    found: dict[int | str, str] = {}
    for number, entry in enumerate(entries):
        place = f"{path}: category {number}"
        add(place, entry, found, check_name(place, _field(place, entry, "name")))
    return found


def _image_names(
    path: Path, images: dict[int | str, tuple[str, Any, Size]]
) -> tuple[dict[int | str, str], dict[str, Size]]:
    """The image name of each id, and the size of each name.

    A name that handseg wrote stands; else it is the base name of the file, or the file's path
    where a base name comes twice.
    """
    bases = {number: base_name(file) for number, (file, _, _) in images.items()}
    unique = all(bases.values()) and len(set(bases.values())) == len(bases)
    names: dict[int | str, str] = {}
    sizes: dict[str, Size] = {}
    for number, (file_name, written, size) in images.items():
        plain = bases[number] if unique else file_name
        name = plain if written is None else check_name(f"{path}: image {file_name!r}", written)
        if name in sizes:
            raise InputError(f"{path} has two images {name!r}")
        names[number], sizes[name] = name, size
    return names, sizes


def _parts(
    path: Path, entries: Sequence[Any], names: dict[int | str, str], classes: dict[int | str, str]
) -> tuple[dict[tuple[str, str], list[Part]], int]:
    """The segmentations of each image and class, and how many annotations have none."""
    parts: dict[tuple[str, str], list[Part]] = {}
    bare = 0
    for number, entry in enumerate(entries):
        place = f"{path}: annotation {number}"
        image = _known(place, entry, "image_id", names)
        cls = _known(place, entry, "category_id", classes)
        segmentation = entry.get("segmentation")
        if segmentation is None or segmentation == []:
            bare += 1
        else:
            parts.setdefault((image, cls), []).append(Part(number, segmentation))
    return parts, bare


def _labelled(
    entries: Sequence[Any],
    names: dict[int | str, str],
    classes: Sequence[str],
    parts: dict[tuple[str, str], list[Part]],
) -> dict[str, frozenset[str]]:
    """What was labelled of images of which not all was; what is drawn was, whatever is said."""
    found: dict[str, frozenset[str]] = {}
    for entry in entries:
        named = labelled_of(entry.get("labelled"), classes)
        if named is not None:
            image = names[entry["id"]]
            found[image] = named | {cls for cls in classes if (image, cls) in parts}
    return found


def _field(place: str, entry: Any, name: str) -> Any:
    if not isinstance(entry, dict):
        raise InputError(f"{place} is no object")
    if name not in entry:
        raise InputError(f"{place} has no {name}")
    return entry[name]


def _known(place: str, entry: Any, name: str, known: dict[int | str, str]) -> str:
    number = _field(place, entry, name)
    if not is_id(number) or number not in known:
        raise InputError(f"{place} has the {name} {number!r:.60} that nothing has")
    return known[number]


def _name_notes(
    images: dict[int | str, tuple[str, Any, Size]], names: dict[int | str, str]
) -> list[str]:
    """What became of paths of images that handseg did not write."""
    paths = {
        number
        for number, (file_name, written, _) in images.items()
        if written is None and base_name(file_name) != file_name
    }
    if any(names[number] == images[number][0] for number in paths):
        return ["images are named by their paths: their base names are not unique"]
    return ["images are named by the base names of their paths"] if paths else []


def _notes(
    categories: dict[int | str, str], parts: dict[tuple[str, str], list[Part]], bare: int
) -> list[str]:
    notes: list[str] = []
    if bare:
        notes.append(f"{counted(bare, 'annotation')} without a segmentation left out")
    several = sum(len(group) > 1 for group in parts.values())
    if several:
        notes.append(f"{counted(several, 'mask')} united from several annotations")
    doubled = [name for name, times in Counter(categories.values()).items() if times > 1]
    if doubled:
        notes.append(f"categories of the same name taken as one class: {shown(doubled)}")
    drawn = {cls for _, cls in parts}
    unused = [cls for cls in dict.fromkeys(categories.values()) if cls not in drawn]
    if unused:
        notes.append(f"{counted(len(unused), 'class', 'classes')} without a mask: {shown(unused)}")
    return notes
