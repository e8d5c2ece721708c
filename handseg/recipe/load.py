"""A recipe from its name or path to checked values."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from handseg import __version__
from handseg.recipe.faults import Fault, KeyPath, Origin, RecipeError, dotted
from handseg.recipe.find import find_recipe
from handseg.recipe.layers import Layers, read_layers, shown
from handseg.recipe.schema import Recipe
from handseg.recipe.shape import shape
from handseg.recipe.write import to_toml


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
        """What runs of the recipe are named after: the file's stem."""
        return self.path.stem

    def origin(self, key: str) -> Origin:
        """Where the value of a key such as `data.fold` was written."""
        return self.layers.origin(tuple(key.split(".")))

    def fault(self, key: str, message: str) -> Fault:
        """A fault of the value of a key, for the checks of layer 3."""
        origin = self.origin(key)
        return Fault(origin.file, origin.line, key, message)

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
    stop_at_faults(layers)
    recipe, warnings = shape(layers, resumed=resumed)
    stop_at_faults(layers)
    return LoadedRecipe(recipe, found.path, found.bundled, tuple(sets), tuple(warnings), layers)


def stop_at_faults(layers: Layers) -> None:
    """Raise what the checks so far have found."""
    if layers.faults:
        raise RecipeError(shown(layers.files[-1]), layers.faults)
