"""A recipe as TOML: every value, without `extends`, so that reading it gives the same recipe."""

import dataclasses
import json
import re
from collections.abc import Callable
from typing import Any, cast

from handseg.recipe.schema import Recipe, Transform

_REMARK = 36
"""The column of remarks."""
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def to_toml(
    recipe: Recipe,
    *,
    comments: tuple[str, ...] = (),
    remark: Callable[[tuple[str, ...]], str] | None = None,
) -> str:
    """The whole recipe, with the comments as its first lines.

    `remark` gives a comment for each value, by its keys.
    """

    def line(path: tuple[str, ...], value: Any) -> str:
        text = f"{_key(path[-1])} = {value_text(value)}"
        return text if remark is None else f"{text:{_REMARK}}  # {remark(path)}"

    lines = [f"# {_one_line(comment)}" for comment in comments]
    tables = _plain(recipe)
    lines.append(line(("schema",), tables.pop("schema")))
    augment: dict[str, Any] = tables.pop("augment")
    entries = {("augment", name): entry for name, entry in augment.items()}
    # In the order in which a person reads a recipe.
    ordered: dict[tuple[str, ...], dict[str, Any]] = {}
    for name, table in tables.items():
        ordered[name,] = table
        if name == "data":
            ordered |= entries
    for path, table in ordered.items():
        lines += ["", f"[{'.'.join(map(_key, path))}]"]
        lines += [line((*path, key), value) for key, value in table.items()]
    return "\n".join(lines) + "\n"


def _plain(value: Any) -> Any:
    """Dataclasses as dicts without what is None, tuples as lists."""
    if isinstance(value, Transform):
        return {"transform": value.transform, **_plain(value.arguments)}
    if dataclasses.is_dataclass(value):
        fields = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
        return {name: _plain(item) for name, item in fields.items() if item is not None}
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in cast("dict[str, Any]", value).items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in cast("list[Any]", value)]
    return value


def value_text(value: Any) -> str:
    """A value of TOML in one line."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, list):
        return f"[{', '.join(value_text(item) for item in cast('list[Any]', value))}]"
    if isinstance(value, dict):
        table = cast("dict[str, Any]", value)
        pairs = ", ".join(f"{_key(key)} = {value_text(item)}" for key, item in table.items())
        return f"{{ {pairs} }}" if pairs else "{}"
    return repr(value)


def _string(text: str) -> str:
    # JSON's escapes are TOML's, but for DEL, which JSON lets through.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(key: str) -> str:
    return key if _BARE_KEY.fullmatch(key) else _string(key)


def _one_line(comment: str) -> str:
    return "".join(c if c.isprintable() else " " for c in comment)
