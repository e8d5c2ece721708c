"""`handseg check` of recipes: all their faults at once."""

from typing import TYPE_CHECKING, Any

from handseg.cli import console

if TYPE_CHECKING:
    from handseg.recipe import RecipeError


def is_recipe(text: str) -> bool:
    """Whether a PATH is one of a recipe."""
    return text.endswith(".toml")


def check_recipe(text: str) -> "tuple[str, RecipeError | None, tuple[str, ...]]":
    """The recipe, its faults if it has any, and its warnings; UsageError if there is none."""
    from handseg.recipe import RecipeError, load_recipe

    try:
        return text, None, load_recipe(text).warnings
    except RecipeError as error:
        return text, error, ()


def print_recipe(text: str, error: "RecipeError | None", warnings: tuple[str, ...]) -> None:
    """The verdict on a recipe, and under it what is wrong."""
    console.out(f"{text}: {recipe_verdict(error)}")
    for line in (*(error.faults if error else ()), *warnings):
        console.out(f"  {line}")


def recipe_verdict(error: "RecipeError | None") -> str:
    if error is None:
        return "no faults"
    count = len(error.faults)
    return "1 fault" if count == 1 else f"{count} faults"


def recipe_json(
    text: str, error: "RecipeError | None", warnings: tuple[str, ...]
) -> dict[str, Any]:
    faults = [
        {"file": one.file, "line": one.line, "key": one.key, "message": one.message}
        for one in (error.faults if error else ())
    ]
    return {"path": text, "faults": faults, "warnings": list(warnings)}
