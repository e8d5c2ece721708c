"""JSON that other tools and people wrote: read within bounds, each field checked."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeGuard

from handseg.errors import InputError
from handseg.formats.image_files import MOST_PIXELS
from handseg.text import pixels_text

Size = tuple[int, int]
"""(height, width) in pixels."""

LARGEST = 1 << 29
"""Bytes of a file: twice what the largest public sets have."""
MOST_NODES = 1 << 23
"""Lists and objects in one file: each takes up to 200 bytes, however short it is written."""


def read_json(
    path: Path, *, largest: int = LARGEST, hook: Callable[[dict[str, Any]], Any] | None = None
) -> Any:
    """The value of a JSON file; `hook` may replace each object by something smaller.

    Raises:
        InputError: the file is missing, too large, too deep or broken; the message names the place.
    """
    try:
        size = path.stat().st_size
        if size > largest:
            raise InputError(
                f"{path} is too large to be read",
                details=f"it has {size / 1e6:.0f} MB; up to {largest / 1e6:.0f} MB are read",
            )
        content = path.read_bytes()
        if content.count(b"[") + content.count(b"{") > MOST_NODES:
            raise InputError(f"{path} has more than {MOST_NODES} lists and objects: it is no label")
        return json.loads(content.decode("utf-8-sig"), object_hook=hook)
    except OSError as error:
        raise InputError(f"{path} cannot be read", details=str(error)) from error
    except json.JSONDecodeError as error:
        raise InputError(
            f"{path} is broken JSON",
            details=f"line {error.lineno}, column {error.colno}: {error.msg}",
        ) from error
    except (ValueError, RecursionError) as error:
        # Bytes that are no text, a figure of thousands of digits, thousands of brackets.
        raise InputError(f"{path} is broken JSON", details=str(error)) from error


def check_size(place: str, height: Any, width: Any, largest: int = MOST_PIXELS) -> Size:
    """The size; raises InputError, which begins with `place`, where no image has it."""
    if not (is_whole(height) and is_whole(width) and height > 0 and width > 0):
        raise InputError(f"{place} has no height and width in whole pixels")
    if height * width > largest:
        raise InputError(
            f"{place} is said to have {pixels_text((height, width))} pixels",
            details=f"images of up to {largest} pixels are read",
        )
    return height, width


def check_name(place: str, name: Any) -> str:
    """The name of an image or a class; raises InputError where it is none."""
    if not isinstance(name, str) or not name:
        raise InputError(f"{place} has no name")
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        # JSON can escape half a character; no file can hold it.
        raise InputError(f"{place} has a name that is no text: {name!a:.80}") from None
    return name


def check_version(place: str, version: int, newest: int) -> None:
    """Raise InputError for what a newer handseg wrote."""
    if version > newest:
        raise InputError(
            f"{place} has the version {version}",
            details=f"this handseg reads up to version {newest}",
        )


def is_whole(value: Any) -> TypeGuard[int]:
    """Whether it is a whole number; JSON's true is none."""
    return isinstance(value, int) and not isinstance(value, bool)


def labelled_of(value: Any, classes: Sequence[str]) -> frozenset[str] | None:
    """The classes that a file says were labelled; None where that is all, or where it says nothing.

    What is no list of names says nothing.
    """
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        return None
    named = frozenset(value).intersection(classes)
    return None if len(named) == len(classes) else named
