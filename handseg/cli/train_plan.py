"""The trainings that one `handseg train` asks for: each recipe, each fold, checked before any."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from handseg.errors import UsageError

if TYPE_CHECKING:
    from handseg.recipe.load import LoadedRecipe

ALL = "all"
FOLD = "data.fold"


@dataclass(frozen=True)
class Request:
    """What the command line says beside the recipes; places as they were typed."""

    sets: tuple[str, ...] = ()
    data: Path | None = None
    runs: Path | None = None
    name: str | None = None
    limit: int | None = None
    on_end: str | None = None
    dry: bool = False
    """Only measure."""

    def words(self) -> list[str]:
        """The options, but for the fold, that make another process train the same."""
        words = [word for text in without_fold(self.sets) for word in ("--set", text)]
        places = {"--data": self.data, "--runs": self.runs, "--limit": self.limit}
        for option, value in places.items():
            words += [] if value is None else [option, str(value)]
        return [*words, "--dry-run"] if self.dry else words


@dataclass(frozen=True)
class Training:
    """One recipe, as typed and as read, of one fold; `one_of_all` where all folds are trained."""

    recipe: str
    loaded: "LoadedRecipe"
    one_of_all: bool = False

    @property
    def title(self) -> str:
        """`segformer fold 1`."""
        return f"{self.loaded.name} fold {self.loaded.recipe.data.fold}"

    def words(self, request: Request) -> list[str]:
        """The command line, after `handseg`, that trains this alone."""
        chosen = self.one_of_all or without_fold(request.sets) != request.sets
        fold = ["--fold", str(self.loaded.recipe.data.fold)] if chosen else []
        return ["train", self.recipe, *fold, *request.words()]

    def line(self, request: Request) -> str:
        """The same as a person types it."""
        return f"handseg {shlex.join(self.words(request))}"


def fold_sets(fold: str | None, sets: Sequence[str]) -> tuple[str, ...]:
    """The values to set, with that of `--fold`.

    Raises:
        UsageError: it is no fold, or `--set` names one too.
    """
    if fold is None:
        return tuple(sets)
    if fold != ALL and not (fold.isascii() and fold.isdigit()):
        raise UsageError(f"--fold {fold} is neither a number from 0 nor all")
    if without_fold(sets) != tuple(sets):
        raise UsageError(f"--fold and --set {FOLD} say the same: give one of them")
    return (*sets, f"{FOLD}={fold}")


def without_fold(sets: Sequence[str]) -> tuple[str, ...]:
    """The values to set, but for the fold."""
    return tuple(text for text in sets if text.partition("=")[0].strip() != FOLD)


def load_all(recipes: Sequence[str], sets: Sequence[str]) -> "list[LoadedRecipe]":
    """Read and check all recipes (layers 1 and 2).

    Raises:
        UsageError: with everything that is wrong with any of them.
    """
    from handseg.recipe import load_recipe

    loaded: list[LoadedRecipe] = []
    errors: list[UsageError] = []
    for recipe in dict.fromkeys(recipes):
        try:
            loaded.append(load_recipe(recipe, sets))
        except UsageError as error:
            errors.append(error)
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise UsageError(
            f"{len(errors)} of {len(dict.fromkeys(recipes))} recipes cannot be used",
            details="\n".join(
                part for error in errors for part in (error.message, error.details) if part
            ),
            hints=list(dict.fromkeys(hint for error in errors for hint in error.hints)),
        )
    read = dict(zip(dict.fromkeys(recipes), loaded, strict=True))
    return [read[recipe] for recipe in recipes]


def plan(
    recipes: Sequence[str],
    loaded: "Sequence[LoadedRecipe]",
    sets: Sequence[str],
    data: Path,
    *,
    dry: bool,
) -> list[Training]:
    """One training a recipe, or with `data.fold = "all"` one a fold; a dry run takes the first.

    Raises:
        InputError: there is no data set, or its folds are at fault.
    """
    from handseg.data.dataset import open_dataset
    from handseg.data.folds import fold_count

    trainings: list[Training] = []
    for recipe, one in zip(recipes, loaded, strict=True):
        if one.recipe.data.fold == ALL:
            trainings += every_fold(recipe, sets, 1 if dry else fold_count(open_dataset(data)))
        else:
            trainings.append(Training(recipe, one))
    return trainings


def every_fold(recipe: str, sets: Sequence[str], count: int) -> list[Training]:
    """A training for each of so many folds."""
    from handseg.recipe import load_recipe

    others = without_fold(sets)
    return [
        Training(recipe, load_recipe(recipe, [*others, f"{FOLD}={fold}"]), one_of_all=True)
        for fold in range(count)
    ]
