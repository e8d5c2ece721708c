"""A recipe as TOML: every value, without `extends`, so that reading it gives the same recipe."""

import dataclasses
import json
import re
from typing import Any, cast

from handseg.recipe.schema import Recipe, Transform

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def to_toml(recipe: Recipe, *, comments: tuple[str, ...] = ()) -> str:
    """The whole recipe, with the comments as its first lines."""
    lines = [f"# {_one_line(comment)}" for comment in comments]
    tables = _plain(recipe)
    lines.append(f"schema = {value_text(tables.pop('schema'))}")
    augment: dict[str, Any] = tables.pop("augment")
    entries = {f"augment.{_key(name)}": entry for name, entry in augment.items()}
    # In the order in which a person reads a recipe.
    ordered: dict[str, dict[str, Any]] = {}
    for name, table in tables.items():
        ordered[name] = table
        if name == "data":
            ordered |= entries
    for name, table in ordered.items():
        lines += ["", f"[{name}]", *(f"{_key(key)} = {value_text(v)}" for key, v in table.items())]
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
