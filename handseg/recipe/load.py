"""A recipe from its name or path to checked values."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from handseg import __version__
from handseg.recipe.faults import Origin, RecipeError, RecipeFault, dotted, enumerated
from handseg.recipe.find import find_recipe
from handseg.recipe.layers import Layers, read_layers, shown
from handseg.recipe.meaning import check_meaning
from handseg.recipe.schema import Recipe
from handseg.recipe.sets import SET, parse_set
from handseg.recipe.shape import shape
from handseg.recipe.write import to_toml

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
        """Where the value of a key such as `data.fold` was written."""
        return self.layers.origin(tuple(key.split(".")))

    def fault(self, key: str, message: str) -> RecipeFault:
        origin = self.origin(key)
        return RecipeFault(origin.file, origin.line, key, message)

    def to_toml(self) -> str:
        """The resolved recipe as TOML; it is read to an equal `recipe`."""
        sets = [word for text in self.sets for word in ("--set", text)]
        command = shlex.join(["handseg", "train", shown(self.path), *sets])
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
    found = find_recipe(name_or_path)
    layers = read_layers(found.path, sets)
    recipe, warnings = shape(layers, resumed=resumed)
    if resumed:
        check_resumed(sets, layers)
    stop_at_faults(layers)
    recipe = check_meaning(recipe, layers)
    stop_at_faults(layers)
    return LoadedRecipe(recipe, found.path, found.bundled, tuple(sets), tuple(warnings), layers)


def check_resumed(sets: Sequence[str], layers: Layers) -> None:
    """Note what a run that goes on may not change: it would be another run."""
    for text in sets:
        parsed = parse_set(text)
        if not isinstance(parsed, RecipeFault) and not changes_in_a_run(parsed[0]):
            allowed = enumerated(".".join(path) for path in RESUMABLE)
            message = f"cannot change when a run goes on, only {allowed}"
            layers.faults.append(RecipeFault(SET, 0, dotted(parsed[0]), message))


def changes_in_a_run(path: tuple[str, ...]) -> bool:
    return any(path[: len(allowed)] == allowed for allowed in RESUMABLE)


def stop_at_faults(layers: Layers) -> None:
    """Raise what the checks so far have found, in the order of files and lines."""
    if layers.faults:
        files = [*(shown(file) for file in layers.files), SET]
        faults = sorted(layers.faults, key=lambda fault: (files.index(fault.file), fault.line))
        raise RecipeError(shown(layers.files[-1]), faults)
