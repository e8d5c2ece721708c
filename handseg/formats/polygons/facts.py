"""What handseg writes into a polygon file beside the shapes, so that it can be read alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from handseg.errors import InputError
from handseg.formats.masks import Masks, Size, check_name, check_size, is_whole
from handseg.formats.origin import origin_of

KEY = "handseg"
VERSION = 1


@dataclass(frozen=True)
class Facts:
    """What a file's own schema has no place for; None and empty where nobody wrote it."""

    image_name: str | None = None
    size: Size | None = None
    number: int | None = None
    """The image's place among the others, from 0."""
    classes: tuple[str, ...] | None = None
    labelled: frozenset[str] | None = None
    """The classes that were labelled where that is not all."""
    origin: Mapping[str, Any] | None = None


def facts_in(masks: Masks) -> dict[str, dict[str, Any]]:
    """What is written into the file of each image."""
    source = {"path": str(masks.path), "sha256": masks.sha256, "format": masks.format}
    found: dict[str, dict[str, Any]] = {}
    for number, (name, size) in enumerate(masks.images.items()):
        found[name] = {
            "v": VERSION,
            "image_name": name,
            "size": list(size),
            "number": number,
            "classes": list(masks.classes),
            **({"labelled": list(masks.known(name))} if name in masks.labelled else {}),
            "origin": {**masks.origin, "source": source},
        }
    return found


def facts_of(place: str, fields: Any) -> Facts:
    """The facts of a file, which anybody may have changed; none where there are none.

    Raises InputError, which begins with `place`, where they are there and at fault.
    """
    if not isinstance(fields, dict) or not is_whole(fields.get("v")):
        return Facts()
    if fields["v"] > VERSION:
        raise InputError(
            f"{place} has the version {fields['v']}",
            details=f"this handseg reads up to version {VERSION}",
        )
    classes = _names(f"{place}.classes", fields.get("classes"))
    labelled = fields.get("labelled")
    size = fields.get("size")
    if not isinstance(size, list) or len(size) != 2:
        raise InputError(f"{place}.size is no height and width")
    return Facts(
        image_name=check_name(f"{place}.image_name", fields.get("image_name")),
        size=check_size(f"{place}.size", *size),
        number=fields["number"] if is_whole(fields.get("number")) else None,
        classes=classes,
        labelled=None if labelled is None else frozenset(_names(f"{place}.labelled", labelled)),
        origin=origin_of(fields.get("origin")),
    )


def _names(place: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise InputError(f"{place} is no list of names")
    names = tuple(check_name(f"{place}[{number}]", name) for number, name in enumerate(value))
    if len(set(names)) < len(names):
        raise InputError(f"{place} has a name twice")
    return names
