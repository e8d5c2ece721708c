"""Layer 1 of the checks: keys, types, ranges and choices, read from the schema's annotations.

pydantic and cattrs would do this, but either takes longer to import than all else that
`handseg --help` loads, and msgspec stops at the first fault.
"""

import dataclasses
import math
from collections.abc import Iterable, Mapping
from functools import cache
from types import UnionType
from typing import Annotated, Any, Literal, Union, cast, get_args, get_origin, get_type_hints

from handseg.errors import did_you_mean
from handseg.recipe.faults import KeyPath, dotted, enumerated
from handseg.recipe.layers import SET, Layers
from handseg.recipe.schema import SCHEMA, Range, Recipe, Transform

_WORDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a string",
    list: "an array",
    dict: "a table",
}


_LARGEST = 2**63
"""Whole numbers of TOML have 64 bits; Python reads larger ones, which no float can hold."""


class _Misfit(Exception):  # noqa: N818 - never leaves this module
    """A value does not fit; its faults are noted where there is more to say than the shape."""


def parse(layers: Layers, *, resumed: bool = False) -> tuple[Recipe, list[str]]:
    """The recipe that the merged text means, and warnings.

    Faults are added to `layers.faults`; the recipe is then only a stand-in. With `resumed` an
    unknown key is a warning: an older handseg has written it.
    """
    parser = _Parser(layers, lenient=resumed)
    try:
        recipe = cast(Recipe, parser.table(Recipe, layers.tree, ()))
    except _Misfit:
        recipe = Recipe()
    if recipe.schema > SCHEMA:
        layers.fault(("schema",), f"is {recipe.schema}; this handseg knows up to {SCHEMA}")
    return recipe, parser.warnings


class _Parser:
    """Turns text into the schema's classes, noting all that does not fit."""

    def __init__(self, layers: Layers, *, lenient: bool) -> None:
        self.layers = layers
        self.lenient = lenient
        self.warnings: list[str] = []

    def convert(self, kind: Any, value: Any, path: KeyPath) -> Any:
        """The value as `kind`, or `_Misfit` after its faults were noted."""
        if kind is Any:
            return self.anything(value, path)
        if kind is Transform:
            return self.transform(value, path)
        if dataclasses.is_dataclass(kind):
            return self.table(cast(type, kind), value, path)
        origin = get_origin(kind)
        if origin in (Union, UnionType):
            return self.one_of(get_args(kind), value, path)
        if origin is tuple:
            return self.array(get_args(kind), value, path)
        if origin is dict:
            return self.mapping(get_args(kind), value, path)
        if not _fits(kind, value):
            raise self.misfit((kind,), value, path)
        return float(value) if _plain(kind) is float else value

    def wrong(self, path: KeyPath, message: str) -> _Misfit:
        self.layers.fault(path, message)
        return _Misfit()

    def misfit(self, kinds: Iterable[Any], value: Any, path: KeyPath) -> _Misfit:
        wanted = enumerated(word for kind in kinds for word in _describe(kind))
        near = ""
        if isinstance(value, str):
            choices = [c for kind in kinds for c in _choices(kind) if isinstance(c, str)]
            near = did_you_mean(value, choices) if len(choices) > 1 else ""
        return self.wrong(path, f"must be {wanted}, not {_show(value)}{near}")

    def one_of(self, kinds: tuple[Any, ...], value: Any, path: KeyPath) -> Any:
        for kind in kinds:
            if _fits(kind, value):
                return self.convert(kind, value, path)
        raise self.misfit([kind for kind in kinds if kind is not type(None)], value, path)

    def array(self, kinds: tuple[Any, ...], value: Any, path: KeyPath) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise self.misfit((list,), value, path)
        items = cast("list[Any]", value)
        if kinds[-1] is Ellipsis:
            kinds = (kinds[0],) * len(items)
        if len(items) != len(kinds):
            raise self.wrong(path, f"must have {len(kinds)} elements, not {len(items)}")
        numbered = zip(range(len(items)), kinds, items, strict=True)
        return tuple(self.each(numbered, path).values())

    def each(
        self, items: Iterable[tuple[Any, Any, Any]], path: KeyPath, *, bad: bool = False
    ) -> dict[Any, Any]:
        """Convert all (key, kind, value), so that every fault is noted before giving up."""
        good: dict[Any, Any] = {}
        for key, kind, value in items:
            try:
                good[key] = self.convert(kind, value, (*path, key))
            except _Misfit:
                bad = True
        if bad:
            raise _Misfit
        return good

    def mapping(self, kinds: tuple[Any, ...], value: Any, path: KeyPath) -> dict[Any, Any]:
        table = self.as_table(value, path)
        names = _choices(kinds[0])
        bad = bool(names) and self.unknown(table, [str(name) for name in names], path)
        known = [(key, kinds[1], item) for key, item in table.items() if not names or key in names]
        return self.each(known, path, bad=bad)

    def table(self, kind: type, value: Any, path: KeyPath) -> Any:
        """A dataclass of the schema from a table."""
        table = self.as_table(value, path)
        hints = _hints(kind)
        bad = self.unknown(table, list(hints), path)
        for name in sorted(_required(kind) - table.keys()):
            bad = self.missing(path, f"{name} is missing")
        known = [(key, hints[key], item) for key, item in table.items() if key in hints]
        return kind(**self.each(known, path, bad=bad))

    def transform(self, value: Any, path: KeyPath) -> Transform:
        """An entry of `augment`: the transform's name, and all else its arguments."""
        table = dict(self.as_table(value, path))
        if "transform" not in table:
            self.missing(path, "transform is missing: the name of an albumentations transform")
            table["transform"] = ""
        kinds = {"transform": str, "p": Annotated[float, Range(least=0, most=1)]}
        read = self.each(((key, kinds.get(key, Any), item) for key, item in table.items()), path)
        return Transform(read.pop("transform"), read)

    def missing(self, path: KeyPath, message: str) -> bool:
        """Note that something is missing, unless a file that cannot be read may hold it."""
        if self.layers.complete:
            self.layers.fault(path, message)
        return True

    def anything(self, value: Any, path: KeyPath) -> Any:
        """A value for a function of another library: whatever JSON knows too."""
        if isinstance(value, list):
            items = cast("list[Any]", value)
            self.each(((index, Any, item) for index, item in enumerate(items)), path)
            return items
        if isinstance(value, dict):
            table = cast("dict[str, Any]", value)
            self.each(((key, Any, item) for key, item in table.items()), path)
            return table
        if not any(_fits(kind, value) for kind in (bool, float, str)):
            raise self.wrong(path, f"{_show(value)} has no meaning here")
        return value

    def as_table(self, value: Any, path: KeyPath) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise self.misfit((dict,), value, path)
        return cast("dict[str, Any]", value)

    def unknown(self, table: Mapping[str, Any], names: list[str], path: KeyPath) -> bool:
        """Note the keys that have no meaning here; whether that is a fault."""
        bad = False
        for key in [key for key in table if key not in names]:
            where = (*path, key)
            origin = self.layers.origin(where)
            if self.lenient and origin.file != SET:
                self.warnings.append(f"{origin}  {dotted(where)}: this handseg does not know it")
            else:
                near = did_you_mean(key, names) or _elsewhere(key)
                self.layers.fault(where, f"unknown key{near}")
                bad = True
        return bad


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind, include_extras=True)


@cache
def _required(kind: type) -> set[str]:
    missing = dataclasses.MISSING
    return {
        f.name
        for f in dataclasses.fields(kind)
        if f.default is missing and f.default_factory is missing
    }


def _elsewhere(key: str) -> str:
    """The tables of the recipe that have the key that was not known in its place."""
    hints = _hints(Recipe)
    tables = [t for t in hints if dataclasses.is_dataclass(hints[t]) and key in _hints(hints[t])]
    return f" (did you mean {enumerated(f'{table}.{key}' for table in tables)}?)" if tables else ""


def _plain(kind: Any) -> Any:
    return get_args(kind)[0] if get_origin(kind) is Annotated else kind


def _choices(kind: Any) -> tuple[Any, ...]:
    if get_origin(kind) is Annotated and isinstance(get_args(kind)[1], dict):
        return tuple(cast("dict[str, str]", get_args(kind)[1]))  # of `handseg.registry`
    return get_args(kind) if get_origin(kind) is Literal else ()


def _fits(kind: Any, value: Any) -> bool:
    """Whether a value is of a kind by itself; what is inside a table or array is not looked at."""
    if get_origin(kind) is Annotated:
        base, bounds = get_args(kind)
        return _fits(base, value) and value in bounds
    if get_origin(kind) is Literal:
        return any(type(value) is type(choice) and value == choice for choice in get_args(kind))
    if kind is float and type(value) is float:
        return math.isfinite(value)
    if kind in (int, float):
        return type(value) is int and abs(value) < _LARGEST
    if dataclasses.is_dataclass(kind):
        return isinstance(value, dict)
    return type(value) is kind


def _describe(kind: Any) -> list[str]:
    """What a person should write for a kind, as alternatives."""
    if choices := _choices(kind):
        return [_show(choice) for choice in choices]
    if get_origin(kind) is Annotated:
        base, bounds = get_args(kind)
        return [f"{_WORDS[base]} {bounds}"]
    if dataclasses.is_dataclass(kind):
        return [f"{{ {', '.join(f'{name} = …' for name in _hints(cast(type, kind)))} }}"]
    return [_WORDS[kind]]


def _show(value: Any) -> str:
    """A value as TOML writes it, shortened; arrays and tables by their kind."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, dict)):
        return _WORDS[list if isinstance(value, list) else dict]
    text = f'"{value}"' if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
