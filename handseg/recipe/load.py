"""A recipe from its name or path to checked values; two compared, a bundled one copied."""

import re
import shlex
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from handseg import __version__
from handseg.errors import UsageError
from handseg.recipe.faults import Origin, RecipeError, RecipeFault, dotted, enumerated
from handseg.recipe.layers import (
    SET,
    Layers,
    bundled_files,
    find_bundled,
    find_recipe,
    no_such_recipe,
    parse_set,
    read_layers,
    relative,
)
from handseg.recipe.parse import parse
from handseg.recipe.schema import Recipe
from handseg.recipe.validate import validate
from handseg.recipe.write import to_toml, value_text

RESUMABLE = (
    ("train", "epochs"),
    ("train", "micro_batch"),
    ("data", "workers"),
    ("early_stop",),
    ("checkpoint",),
    ("track",),
)
"""What may be set anew when a run goes on."""


@dataclass(frozen=True, slots=True)
class LoadedRecipe:
    """A recipe that passed layers 1 and 2 of the checks, and where it came from."""

    recipe: Recipe
    path: Path
    bundled: bool
    """Found among the recipes that come with handseg rather than as typed."""
    sets: tuple[str, ...]
    warnings: tuple[str, ...]
    layers: Layers

    @property
    def name(self) -> str:
        return self.path.stem

    def origin(self, key: str) -> Origin:
        return self.layers.origin(tuple(key.split(".")))

    def fault(self, key: str, message: str) -> RecipeFault:
        origin = self.origin(key)
        return RecipeFault(origin.file, origin.line, key, message)

    def with_origins(self) -> str:
        """The resolved recipe as TOML, each value with the place where it was written."""

        def remark(path: tuple[str, ...]) -> str:
            layers = self.layers
            is_written = any(layers.written(*path[:depth]) for depth in range(2, len(path) + 1))
            return str(layers.origin(path)) if is_written or path == ("schema",) else "default"

        return to_toml(self.recipe, remark=remark)

    def to_toml(self) -> str:
        """The resolved recipe as TOML; it is read to an equal `recipe`."""
        sets = [word for text in self.sets for word in ("--set", text)]
        command = shlex.join(["handseg", "train", relative(self.path), *sets])
        made = f"Resolved by handseg {__version__}: every value, no extends."
        return to_toml(self.recipe, comments=(command, made))


def load_recipe(
    name_or_path: str, sets: Sequence[str] = (), *, resumed: bool = False
) -> LoadedRecipe:
    """Read a recipe, lay `a.b=value` texts over it and check it (layers 1 and 2).

    `resumed` reads the `recipe.toml` of a run that goes on: unknown keys are warnings, and only
    what may change in a run may be set.

    Raises:
        UsageError: There is no such recipe.
        RecipeError: With all faults of the first layer that has any.
    """
    path = find_recipe(name_or_path)
    layers = read_layers(path, sets)
    recipe, warnings = parse(layers, resumed=resumed)
    if resumed:
        check_resumed(sets, layers)
    stop_at_faults(layers)
    recipe = validate(recipe, layers)
    stop_at_faults(layers)
    bundled = path != Path(name_or_path)
    return LoadedRecipe(recipe, path, bundled, tuple(sets), tuple(warnings), layers)


def check_resumed(sets: Sequence[str], layers: Layers) -> None:
    """Note what a run that goes on may not change: it would be another run."""
    for text in sets:
        parsed = parse_set(text)
        if not isinstance(parsed, RecipeFault) and not any(
            parsed[0][: len(allowed)] == allowed for allowed in RESUMABLE
        ):
            allowed = enumerated(".".join(path) for path in RESUMABLE)
            message = f"cannot change when a run goes on, only {allowed}"
            layers.faults.append(RecipeFault(SET, 0, dotted(parsed[0]), message))


def stop_at_faults(layers: Layers) -> None:
    """Raise what the checks so far have found, in the order of files and lines."""
    if layers.faults:
        files = [*(relative(file) for file in layers.files), SET]
        faults = sorted(layers.faults, key=lambda fault: (files.index(fault.file), fault.line))
        raise RecipeError(relative(layers.files[-1]), faults)


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
    recipe, _ = parse(layers, resumed=True)
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


@dataclass(frozen=True, slots=True)
class BundledRecipe:
    """A recipe that comes with handseg, and what its opening comment says of it."""

    path: Path
    comment: tuple[str, ...]
    """The lines that it opens with, without their signs."""

    @property
    def name(self) -> str:
        return self.path.stem

    @property
    def published(self) -> dict[str, float]:
        """Mean Dice that was published for it (`validation`, `leaderboard`), and at which `size`.

        Of several sizes the first; nothing where there is none.
        """
        text = self._line("Published:").partition(";")[0]
        found = {
            name: re.search(pattern, text)
            for name, pattern in (
                ("validation", r"(\.\d+) validation"),
                ("leaderboard", r"(\.\d+) leaderboard"),
                ("size", r"at (\d+) px"),
            )
        }
        figures = {name: float(match[1]) for name, match in found.items() if match}
        return figures if len(figures) > 1 else {}

    @property
    def licence(self) -> str:
        # Of its weights; a recipe without any has none.
        parts = self._line("Weights:").split("; ")
        return parts[1] if len(parts) > 1 else ""

    def _line(self, start: str) -> str:
        return next((line for line in self.comment if line.startswith(start)), "")


def bundled_recipes() -> list[BundledRecipe]:
    """The recipes that come with handseg, without the bases that they share."""
    recipes = [BundledRecipe(path, opening_comment(path)) for path in bundled_files()]
    runs = [one for one in recipes if one.comment[0].startswith("handseg train")]
    return sorted(runs, key=lambda one: one.name)


def opening_comment(path: Path) -> tuple[str, ...]:
    lines: list[str] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            break
        lines.append(line.removeprefix("#").removeprefix(" "))
    return tuple(lines)


def copy_recipe(name: str, folder: Path, *, force: bool = False) -> list[Path]:
    """Put a bundled recipe and its bases into a folder, and give the files that were written.

    A base that is there already with the same text is left as it is.

    Raises:
        UsageError: there is no such recipe, or a file of the name is there and `force` is not
            given; then nothing is written.
    """
    from handseg import disk  # loading a recipe does without

    recipe = find_bundled(name)
    if recipe is None:
        raise no_such_recipe(name)
    texts = {folder / file.name: file.read_bytes() for file in read_layers(recipe, []).files}
    goal = folder / recipe.name
    wanted = {
        path: text
        for path, text in texts.items()
        if path == goal or not (path.is_file() and path.read_bytes() == text)
    }
    taken = [path for path in wanted if path.exists()]
    if taken and not force:
        raise UsageError(
            f"{', '.join(relative(path) for path in taken)} is there already",
            details="copying would replace it" if len(taken) == 1 else "copying would replace them",
            hints=[f"handseg recipes copy {recipe.stem} --force"],
        )
    for path, text in wanted.items():
        disk.replace(path, text)
    return list(wanted)
