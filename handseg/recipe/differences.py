"""In which values two recipes differ."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from handseg.recipe.layers import read_layers
from handseg.recipe.load import stop_at_faults
from handseg.recipe.shape import shape
from handseg.recipe.write import to_toml, value_text


@dataclass(frozen=True)
class RecipeDifference:
    """A key and its values in both recipes as TOML has them; None where one has no such key."""

    key: str
    a: str | None
    b: str | None


def recipe_differences(a: Path, b: Path) -> list[RecipeDifference]:
    """The keys of two recipe files whose values differ, in their order, those of `b` alone last.

    A value that only one of the files states is compared with the other's default.

    Raises:
        RecipeError, UsageError: one of them cannot be read.
    """
    first, second = recipe_values(a), recipe_values(b)
    return [
        RecipeDifference(key, first.get(key), second.get(key))
        for key in dict.fromkeys((*first, *second))
        if first.get(key) != second.get(key)
    ]


def recipe_values(path: Path) -> dict[str, str]:
    """Every value of a recipe by its dotted key, as TOML; defaults stand where it says nothing.

    Raises:
        RecipeError, UsageError: it cannot be read.
    """
    layers = read_layers(path, ())
    recipe, _ = shape(layers, resumed=True)
    stop_at_faults(layers)
    return _flat(tomllib.loads(to_toml(recipe)))


def _flat(table: dict[str, Any], before: str = "") -> dict[str, str]:
    found: dict[str, str] = {}
    for key, value in table.items():
        if isinstance(value, dict):
            found |= _flat(cast("dict[str, Any]", value), f"{before}{key}.")
        else:
            found[f"{before}{key}"] = value_text(value)
    return found
