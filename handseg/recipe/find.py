"""Where a recipe is: as typed, else among those that come with handseg."""

from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path, PurePath

from handseg.errors import UsageError

_PACKAGE = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class FoundRecipe:
    """A recipe's file, and whether it is one that comes with handseg."""

    path: Path
    bundled: bool


def bundled_folder() -> Path:
    """The folder of the recipes that come with handseg: the checkout's, else the package's.

    The checkout's is preferred, so that an editable install never sees a copy gone stale.
    """
    checkout = _PACKAGE.parent
    if (checkout / "pyproject.toml").is_file() and (checkout / "recipes" / "base.toml").is_file():
        return checkout / "recipes"
    return _PACKAGE / "recipes"


def bundled_recipes() -> list[Path]:
    return sorted(bundled_folder().glob("*.toml"))


def find_bundled(name: str) -> Path | None:
    """The bundled recipe of a name, with or without `recipes/` before it and `.toml` after it."""
    parts = PurePath(name).parts
    if len(parts) == 2 and parts[0] == "recipes":
        parts = parts[1:]
    if len(parts) != 1:
        return None
    path = bundled_folder() / f"{parts[0].removesuffix('.toml')}.toml"
    return path if path.is_file() else None


def find_recipe(name_or_path: str) -> FoundRecipe:
    """The recipe that a person means.

    Raises:
        UsageError: There is no such file, here or among the bundled recipes.
    """
    typed = Path(name_or_path)
    if typed.is_file():
        return FoundRecipe(typed, bundled=False)
    bundled = find_bundled(name_or_path)
    if bundled is None:
        raise no_such_recipe(name_or_path)
    return FoundRecipe(bundled, bundled=True)


def no_such_recipe(name: str) -> UsageError:
    """The error for a name that no recipe has, with the nearest that there are."""
    if Path(name).is_dir():
        inside = sorted(path.name for path in Path(name).glob("*.toml"))
        listed = f"recipes in it: {', '.join(inside)}" if inside else "there is no recipe in it"
        return UsageError(f"{name} is a folder: name a recipe", details=listed)
    names = [path.stem for path in bundled_recipes()]
    near = get_close_matches(PurePath(name).stem, names, n=3, cutoff=0.5)
    return UsageError(
        f"there is no recipe {name}",
        details=f"did you mean {' or '.join(near)}?" if near else "",
        hints=["handseg recipes"],
    )
