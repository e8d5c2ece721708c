"""`planes.json`: which file holds which mask, and what the files cannot say."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from handseg.data.json_files import read_json
from handseg.data.labelled import labelled_of
from handseg.errors import InputError
from handseg.formats.masks import Size, check_name, check_size, is_whole
from handseg.formats.names import is_plain
from handseg.formats.origin import origin_of

NAME = "planes.json"
FORMAT = "handseg planes"
VERSION = 1


@dataclass(frozen=True)
class Index:
    """The images with their sizes, the classes, and the file of each mask that is not empty."""

    images: Mapping[str, Size]
    classes: tuple[str, ...]
    files: Mapping[tuple[str, str], str]
    """Relative paths `folder/file.png` by image and class."""
    origin: Mapping[str, Any]
    labelled: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    """Of images of which not all classes were labelled, which were."""

    def document(self, source: Mapping[str, Any]) -> dict[str, Any]:
        """The index as JSON; `source` says what the planes were made of."""
        drawn: dict[str, dict[str, str]] = {name: {} for name in self.images}
        for (image, cls), file in self.files.items():
            drawn[image][cls] = file
        return {
            "format": FORMAT,
            "v": VERSION,
            "handseg": {**self.origin, "source": dict(source)},
            "classes": list(self.classes),
            "images": [self._image(name, drawn[name]) for name in self.images],
        }

    def _image(self, name: str, planes: dict[str, str]) -> dict[str, Any]:
        height, width = self.images[name]
        entry: dict[str, Any] = {"name": name, "height": height, "width": width, "planes": planes}
        if name in self.labelled:
            entry["labelled"] = [cls for cls in self.classes if cls in self.labelled[name]]
        return entry


def is_planes(path: Path) -> bool:
    """Whether there is a folder of planes at `path`."""
    return (path / NAME).is_file()


def holds_only_planes(path: Path) -> bool:
    """Whether a folder of planes has nothing in it that is not one: it may be replaced."""
    return is_planes(path) and all(
        entry.name == NAME
        or (entry.is_dir() and all(file.suffix == ".png" for file in entry.iterdir()))
        for entry in path.iterdir()
    )


def read_index(folder: Path) -> Index:
    """The index of a folder of planes; raises InputError, with the place, where it is at fault."""
    path = folder / NAME
    document = read_json(path)
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise InputError(f"{path} is no index of planes")
    if not is_whole(document.get("v")) or document["v"] > VERSION:
        raise InputError(
            f"{path} has the version {document.get('v')!r:.20}",
            details=f"this handseg reads up to version {VERSION}",
        )
    classes = _list(path, document, "classes")
    names = dict.fromkeys(check_name(f"{path}: class {n}", cls) for n, cls in enumerate(classes))
    if len(names) < len(classes):
        raise InputError(f"{path} has a class twice")
    images: dict[str, Size] = {}
    files: dict[tuple[str, str], str] = {}
    labelled: dict[str, frozenset[str]] = {}
    for number, entry in enumerate(_list(path, document, "images")):
        name, size, planes = _image(f"{path}: image {number}", entry)
        if name in images:
            raise InputError(f"{path} has two images {name!r}")
        images[name] = size
        named = labelled_of(entry.get("labelled"), classes)
        if named is not None:
            labelled[name] = named | planes.keys()
        for cls, file in planes.items():
            if cls not in names:
                raise InputError(f"{path}: image {name!r} has a plane of the class {cls!r}")
            files[name, cls] = _inside(f"{path}: image {name!r}, {cls}", file)
    return Index(images, tuple(names), files, origin_of(document.get("handseg")), labelled)


def _list(path: Path, document: dict[str, Any], name: str) -> list[Any]:
    value = document.get(name)
    if not isinstance(value, list):
        raise InputError(f"{path} has no list of {name}")
    return value


def _image(place: str, entry: Any) -> tuple[str, Size, dict[str, Any]]:
    if not isinstance(entry, dict) or not isinstance(entry.get("planes"), dict):
        raise InputError(f"{place} is no object with name, height, width and planes")
    name = check_name(place, entry.get("name"))
    return name, check_size(place, entry.get("height"), entry.get("width")), entry["planes"]


def _inside(place: str, file: Any) -> str:
    """The path of a plane; raises InputError where it leads out of the folder."""
    parts = file.split("/") if isinstance(file, str) else []
    if len(parts) != 2 or not all(map(is_plain, parts)):
        raise InputError(f"{place} has the file {file!r:.80}", details="expected folder/file.png")
    return file
