"""A recipe's text: found by its name, laid over its bases' and under the command line's.

Tables are merged deep, scalars and arrays replaced whole; every value remembers where it was
written.
"""

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path, PurePath
from typing import Any, cast

from handseg.errors import UsageError, did_you_mean
from handseg.recipe.faults import KeyPath, Origin, RecipeFault, dotted
from handseg.recipe.line_numbers import line_numbers

Table = dict[str, Any]

MOST_LEVELS = 4
"""The longest chain of `extends`, in files."""
SET = "--set"
"""Stands for the file in the faults of values that were set on the command line."""
_PACKAGE = Path(__file__).resolve().parents[1]


def bundled_folder() -> Path:
    """The folder of the recipes that come with handseg: the checkout's, else the package's.

    The checkout's is preferred, so that an editable install never sees a copy gone stale.
    """
    checkout = _PACKAGE.parent
    if (checkout / "pyproject.toml").is_file() and (checkout / "recipes" / "base.toml").is_file():
        return checkout / "recipes"
    return _PACKAGE / "recipes"


def bundled_files() -> list[Path]:
    # Recipes and their bases.
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


def find_recipe(name_or_path: str) -> Path:
    """The file of a recipe: as typed, else among those that come with handseg.

    Raises:
        UsageError: There is no such file, here or among the bundled recipes.
    """
    typed = Path(name_or_path)
    if typed.is_file():
        return typed
    bundled = find_bundled(name_or_path)
    if bundled is None:
        raise no_such_recipe(name_or_path)
    return bundled


def no_such_recipe(name: str) -> UsageError:
    """The error for a name that no recipe has, with the nearest that there are."""
    if Path(name).is_dir():
        inside = sorted(path.name for path in Path(name).glob("*.toml"))
        listed = f"recipes in it: {', '.join(inside)}" if inside else "there is no recipe in it"
        return UsageError(f"{name} is a folder: name a recipe", details=listed)
    names = [path.stem for path in bundled_files()]
    near = get_close_matches(PurePath(name).stem, names, n=3, cutoff=0.5)
    return UsageError(
        f"there is no recipe {name}",
        details=f"did you mean {' or '.join(near)}?" if near else "",
        hints=["handseg recipes"],
    )


@dataclass(slots=True)
class Layers:
    """The merged text of a recipe: values, where each was written, and what was wrong so far."""

    tree: Table = field(default_factory=dict[str, Any])
    origins: dict[KeyPath, Origin] = field(default_factory=dict[KeyPath, Origin])
    faults: list[RecipeFault] = field(default_factory=list[RecipeFault])
    files: list[Path] = field(default_factory=list[Path])
    """The recipe and all of its bases, the deepest base first."""
    complete: bool = True
    """Whether all files could be read, so that what is missing is missing."""

    def origin(self, *paths: KeyPath) -> Origin:
        """Where the first of these values that was written at all was written.

        A value that has no place of its own has that of the table around it; what is written
        nowhere has the first line of the recipe.
        """
        for path in paths:
            for depth in range(len(path), 0, -1):
                if path[:depth] in self.origins:
                    return self.origins[path[:depth]]
        return Origin(relative(self.files[-1]), 1)

    def written(self, *path: str) -> bool:
        return path in self.origins

    def fault(self, path: KeyPath, message: str) -> None:
        self.fault_of(message, path)

    def fault_of(self, message: str, path: KeyPath, *others: KeyPath) -> None:
        """Note what is wrong with a value in the company of others.

        The fault stands where the value was written; a default is at fault because of the others.
        """
        written = [other for other in (path, *others) if other in self.origins]
        origin = self.origin(*written, path)
        self.faults.append(RecipeFault(origin.file, origin.line, dotted(path), message))

    def unreadable(self, origin: Origin, message: str, key: str = "") -> None:
        self.complete = False
        self.faults.append(RecipeFault(origin.file, origin.line, key, message))


def relative(path: Path) -> str:
    """A file as a person knows it: below the working folder without it."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def read_layers(path: Path, sets: Sequence[str]) -> Layers:
    """Read a recipe, its bases and the command line's values into one tree.

    What is wrong with syntax, `extends` and the form of `--set` is left in `.faults`.
    """
    layers = Layers()
    _read_file(layers, path, chain=())
    for text in sets:
        parsed = parse_set(text)
        if isinstance(parsed, RecipeFault):
            layers.faults.append(parsed)
        else:
            _lay_set(layers, *parsed)
    augment: Any = layers.tree.get("augment")
    if isinstance(augment, dict):
        # `augment.flip = false` stood in the entry's place until all layers were laid.
        entries = cast(Table, augment)
        for key in [key for key, value in entries.items() if value is False]:
            del entries[key]
    return layers


def _read_file(layers: Layers, path: Path, chain: tuple[Path, ...]) -> None:
    """Lay the file's bases, then the file itself, over what is there; each file only once."""
    text = _read_text(layers, path)
    document = _parse(layers, path, text)
    if document is not None:
        places = line_numbers(text)
        origins = {key: Origin(relative(path), line) for key, line in places.items()}
        _read_bases(layers, path, document.pop("extends", []), origins, (*chain, path.resolve()))
        _lay(layers, layers.tree, document, origins, ())
    layers.files.append(path)


def _read_text(layers: Layers, path: Path) -> str:
    """The file's text without a byte order mark and with plain line ends."""
    try:
        return path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        layers.unreadable(Origin(relative(path), line), "this is not UTF-8 text")
    except OSError as error:
        layers.unreadable(Origin(relative(path), 0), f"cannot be read: {error.strerror}")
    return ""


def _parse(layers: Layers, path: Path, text: str) -> Table | None:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = re.search(r" \(at (?:line (\d+), column (\d+)|end of document)\)$", str(error))
        message = str(error)[: place.start()] if place else str(error)
        if place and place[1]:
            line, column = int(place[1]), f", column {place[2]}"
        else:
            line, column = text.rstrip("\n").count("\n") + 1, ""
        message = f"not valid TOML: {message[:1].lower()}{message[1:]}{column}"
        layers.unreadable(Origin(relative(path), line), message)
    return None


def _read_bases(
    layers: Layers,
    path: Path,
    extends: Any,
    origins: dict[KeyPath, Origin],
    chain: tuple[Path, ...],
) -> None:
    """Read the bases that a file names, in their order."""
    names: list[Any] = cast("list[Any]", extends) if isinstance(extends, list) else [extends]
    for index, name in enumerate(names):
        origin = origins.get(("extends", index)) or origins[("extends",)]
        base = _find_base(path, name)
        if isinstance(base, Path) and base.resolve() in chain:
            turn = [*chain[chain.index(base.resolve()) :], base]
            base = f"a cycle: {' → '.join(step.name for step in turn)}"
        elif isinstance(base, Path) and len(chain) >= MOST_LEVELS:
            base = f"more than {MOST_LEVELS} levels of recipes"
        if isinstance(base, str):
            layers.unreadable(origin, base, "extends")
        elif base.resolve() not in (file.resolve() for file in layers.files):
            _read_file(layers, base, chain)


def _find_base(path: Path, name: Any) -> Path | str:
    """The base beside the file, else the bundled one; else what is wrong with the name."""
    if not isinstance(name, str) or not name:
        return "must be the name of a recipe, or an array of names"
    beside = path.parent / name
    if beside.is_file():
        return beside
    return find_bundled(name) or f"there is no {name} beside {path.name} or among the bundled"


def _lay_set(layers: Layers, path: tuple[str, ...], value: Any) -> None:
    """Lay a value of the command line over all files."""
    origins: dict[KeyPath, Origin] = {}
    for depth in range(1, len(path) + 1):
        origins[path[:depth]] = Origin(SET, 0)
    table: Any = value
    for key in reversed(path):
        table = {key: table}
    _lay(layers, layers.tree, table, origins, ())


def _lay(
    layers: Layers, below: Table, above: Table, origins: dict[KeyPath, Origin], path: KeyPath
) -> None:
    """Merge one table over another in place; a key that is there already keeps its place."""
    for key, value in above.items():
        here = (*path, key)
        if path == ("augment",) and value is False and key not in below:
            if layers.complete:
                origin = origins[here]
                message = f"there is no such entry to remove{did_you_mean(key, below)}"
                layers.faults.append(RecipeFault(origin.file, origin.line, dotted(here), message))
        elif isinstance(value, dict) and isinstance(below.get(key), dict):
            _lay(layers, below[key], cast(Table, value), origins, here)
        else:
            below[key] = value
            _move_origins(layers, origins, here)


def _move_origins(layers: Layers, origins: dict[KeyPath, Origin], path: KeyPath) -> None:
    """The value at a path, and all inside it, now come from another layer."""
    depth = len(path)
    for old in [old for old in layers.origins if old[:depth] == path]:
        del layers.origins[old]
    layers.origins.update({new: at for new, at in origins.items() if new[:depth] == path})
    # What lies inside a value of the command line has no origin of its own.
    nearest = next(origins[path[:n]] for n in range(depth, 0, -1) if path[:n] in origins)
    layers.origins.setdefault(path, nearest)
    for parent in range(1, depth):
        layers.origins.setdefault(path[:parent], nearest)


def parse_set(text: str) -> tuple[tuple[str, ...], Any] | RecipeFault:
    """The key's path and the value of one `a.b=v`; a fault where it has not that form.

    The value is read as TOML; a bare word, which TOML does not know, is a string.
    """
    key, equals, value = text.partition("=")
    path = _parse_key(key.strip())
    if not equals or path is None:
        return RecipeFault(SET, 0, "", f"{text!r} has not the form a.b=value")
    if path[0] in ("extends", "schema"):
        return RecipeFault(SET, 0, path[0], "can only be said in the file")
    value = value.strip()
    if not value:
        return RecipeFault(SET, 0, key.strip(), 'has no value (an empty string is "")')
    document = _parse_toml(f"v = {value}")
    if document is not None and document.keys() == {"v"}:
        return path, document["v"]
    if value[0] in "\"'[{":
        return RecipeFault(SET, 0, key.strip(), f"{value} is not valid TOML")
    return path, value


def _parse_toml(text: str) -> dict[str, Any] | None:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None


def _parse_key(key: str) -> tuple[str, ...] | None:
    """The parts of a dotted key, or None where TOML would not take it."""
    if any(character in key for character in "=\n#[]{}"):
        return None
    node: Any = _parse_toml(f"{key} = 0") if key else None
    parts: list[str] = []
    while isinstance(node, dict):
        ((part, node),) = node.items()  # pyright: ignore[reportUnknownVariableType]
        parts.append(str(part))  # pyright: ignore[reportUnknownArgumentType]
    return tuple(parts) or None
