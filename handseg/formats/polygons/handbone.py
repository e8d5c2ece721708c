"""The competition's schema: `<split>/outputs_json/<person>/<stem>.json`, polygons of each class."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handseg.data import handbone
from handseg.data.labels import Polygon, check_labelled, read_points
from handseg.errors import InputError
from handseg.formats.masks import Masks, Size
from handseg.formats.names import FileNames, is_plain, stem_of
from handseg.formats.polygons.dialect import Shape, Spot, labelled_entries
from handseg.formats.polygons.facts import KEY, Facts, facts_of
from handseg.formats.polygons.tracing import Drawing
from handseg.text import counted, shown

UNKNOWN = "unknown"
"""The folder of images of which nobody knows whose they are."""


class Handbone:
    """Files that, beside their images in `<split>/DCM`, are a data set."""

    name = "handbone"
    eight_bits = False
    classes = handbone.CLASSES

    def files(self, folder: Path) -> list[Path]:
        """The labels of all splits and people."""
        return sorted(
            path
            for path in folder.glob(f"*/{handbone.LABELS}/*/*.json")
            if not any(part.startswith(".") for part in path.relative_to(folder).parts)
        )

    def is_file(self, content: bytes) -> bool:
        """Whether there are annotations, and none of COCO's lists."""
        other = any(word in content for word in (b'"categories"', b'"images"', b'"shapes"'))
        return b'"annotations"' in content and not other

    def spots(self, masks: Masks) -> dict[str, Spot]:
        """The image's own split, person and stem where they are known."""
        names = _Names(masks.origin.get("split"))
        found = {
            image: names.known(sample) if sample else names.unknown(image)
            for image in masks.images
            for sample in [masks.samples.get(image)]
        }
        owners: dict[str, str] = {}
        for image, spot in found.items():
            owner = owners.setdefault(spot.file.lower(), image)
            if owner != image:
                raise InputError(
                    f"two images would have the label {spot.file}", details=f"{owner}\n{image}"
                )
        return found

    def document(
        self, drawn: Mapping[str, Drawing], size: Size, picture: str, facts: dict[str, Any]
    ) -> dict[str, Any]:
        """Several polygons of a class are a union; what was labelled stands in the attributes."""
        shapes = [
            (label, points) for label, some in drawn.items() for points in some.outlines(size)
        ]
        inner = {name: value for name, value in facts.items() if name != "labelled"}
        labelled = {"labelled": facts["labelled"]} if "labelled" in facts else {}
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
        if masks.classes == handbone.CLASSES:
            return None
        names = ",\n  ".join(map(_toml, masks.classes))
        return f'layout = "handbone"\nclasses = [\n  {names},\n]\n'

    def notes(self, masks: Masks) -> list[str]:
        """Whose images nobody knows."""
        lacking = [image for image in masks.images if image not in masks.samples]
        if not lacking:
            return []
        number = counted(len(lacking), "image")
        return [f"nobody knows the person of {number} ({shown(lacking)}): --data DIR says it"]

    def facts(self, path: Path, document: Any) -> Facts:
        """What handseg wrote; the schema's own size is stale in the competition's files."""
        attributes = document.get("attributes") if isinstance(document, dict) else None
        attributes = attributes if isinstance(attributes, dict) else {}
        facts = facts_of(f"{path}: attributes.{KEY}", attributes.get(KEY))
        if facts.size is None:
            raise InputError(
                f"{path} does not say the size of its image",
                details="handseg writes it into attributes; others' files need their images beside "
                "them",
                hints=["put the images into <split>/DCM/<person> and convert the whole folder"],
            )
        if "labelled" not in attributes:
            return facts
        check_labelled(path, attributes["labelled"], facts.classes or self.classes)
        return replace(facts, labelled=frozenset(attributes["labelled"]))

    def shapes(self, path: Path, document: Any) -> Iterator[Shape]:
        """The annotations."""
        entries = document.get("annotations") if isinstance(document, dict) else None
        return labelled_entries(path, entries, "annotation")

    def paint(self, path: Path, shape: Shape, mask: NDArray[np.uint8]) -> Polygon | None:
        """As the competition draws polygons."""
        import cv2

        points = read_points(path, shape.number, shape.label, shape.entry.get("points"))
        cv2.fillPoly(mask, [points], 1)
        return points


class _Names:
    """Gives each image its split, folder of the person and stem."""

    def __init__(self, split: Any) -> None:
        self._split = "test" if split == "test" else "train"
        self._folders = FileNames()
        self._folder_of: dict[str, str] = {}
        self._stems: dict[str, FileNames] = {}

    def known(self, sample: Any) -> Spot:
        """Where an image of a data set and its label belong: the names are those of its files."""
        image: Path = sample.image
        own = image.parent.name if image.parent.parent.name == handbone.IMAGES else sample.person
        plain = is_plain(own) and not own.startswith(".")
        person = own if plain else self._person(own)
        file = handbone.label_beside(Path(image.name)).name
        return _spot(sample.split, person, file, image.name)

    def unknown(self, image: str) -> Spot:
        """The same for an image that is nothing but a name, which may hold anything."""
        inside = PurePosixPath(image)
        parent = str(inside.parent)
        person = self._person(UNKNOWN if parent == "." else parent)
        stem = self._stems.setdefault(person, FileNames()).of(stem_of(inside.name))
        return _spot(self._split, person, f"{stem}.json", f"{stem}.png")

    def _person(self, name: str) -> str:
        if name not in self._folder_of:
            self._folder_of[name] = self._folders.of(name)
        return self._folder_of[name]


def _spot(split: str, person: str, file: str, picture: str) -> Spot:
    return Spot(
        f"{split}/{handbone.LABELS}/{person}/{file}",
        f"{split}/{handbone.IMAGES}/{person}/{picture}",
    )


def _toml(name: str) -> str:
    """A text as TOML writes it: as JSON does, but for one character that it takes as it is."""
    return json.dumps(name, ensure_ascii=False).replace("\x7f", "\\u007f")
