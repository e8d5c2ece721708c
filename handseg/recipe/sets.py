"""`--set a.b=v`: a value of the recipe from the command line."""

import tomllib
from typing import Any

from handseg.recipe.faults import RecipeFault

SET = "--set"
"""Stands for the file in the faults of values that were set on the command line."""


def parse_set(text: str) -> tuple[tuple[str, ...], Any] | RecipeFault:
    """The key's path and the value of one `a.b=v`; a fault where it has not that form.

    The value is read as TOML; a bare word, which TOML does not know, is a string.
    """
    key, equals, value = text.partition("=")
    path = _parse_key(key.strip())
    if not equals or path is None:
        return RecipeFault(SET, 0, "", f"{text!r} has not the form a.b=value")
    if path[0] in ("extends", "schema"):
        return RecipeFault(SET, 0, path[0], "can only be said in the file")
    value = value.strip()
    if not value:
        return RecipeFault(SET, 0, key.strip(), 'has no value (an empty string is "")')
    document = _parse(f"v = {value}")
    if document is not None and document.keys() == {"v"}:
        return path, document["v"]
    if value[0] in "\"'[{":
        return RecipeFault(SET, 0, key.strip(), f"{value} is not valid TOML")
    return path, value


def _parse(text: str) -> dict[str, Any] | None:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None


def _parse_key(key: str) -> tuple[str, ...] | None:
    """The parts of a dotted key, or None where TOML would not take it."""
    if any(character in key for character in "=\n#[]{}"):
        return None
    node: Any = _parse(f"{key} = 0") if key else None
    parts: list[str] = []
    while isinstance(node, dict):
        ((part, node),) = node.items()  # pyright: ignore[reportUnknownVariableType]
        parts.append(str(part))  # pyright: ignore[reportUnknownArgumentType]
    return tuple(parts) or None
