"""What the installed libraries take, as tables that tests/recipe/generate_tables.py writes."""

import json
from functools import cache
from pathlib import Path
from typing import Any, TypedDict

Arguments = dict[str, str]
"""The names of arguments and what each may be, in words of TOML: `array | number`."""


class ArchitectureTable(TypedDict):
    """What a library's architecture takes, and what the divisor of its size rests on."""

    auxiliary: bool
    """Whether it can have an auxiliary head (`loss.auxiliary`)."""
    depth: int
    divisible: bool
    options: Arguments
    output_stride: int
    refuses: list[str]


class LibraryTable(TypedDict):
    """A library's architectures, and its encoders with the names of their weights."""

    architectures: dict[str, ArchitectureTable]
    encoders: dict[str, list[str]]
    open_encoders: str
    """The prefix of encoders of any name, of which only building them shows more; `""`: none."""


class TransformsTable(TypedDict):
    """The transforms that a recipe may name, those that it may not with the reason."""

    owned: list[str]
    refused: dict[str, str]
    transforms: dict[str, Arguments]


def parameters(recipe: str) -> int:
    """Of the network of a recipe that comes with handseg, for the bones of the hand."""
    return _read("parameters")[recipe]


def library(name: str) -> LibraryTable:
    return _read("models")[name]


def loss_options(name: str) -> Arguments:
    return _read("losses")[name]


def transforms() -> TransformsTable:
    return _read("transforms")


@cache
def _read(stem: str) -> Any:
    return json.loads((Path(__file__).parent / f"{stem}.json").read_text(encoding="utf-8"))
