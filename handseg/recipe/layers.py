"""A recipe's text, its bases' and the command line's, laid over each other.

Tables are merged deep, scalars and arrays replaced whole; every value remembers where it was
written.
"""

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from handseg.errors import did_you_mean
from handseg.recipe.faults import KeyPath, Origin, RecipeFault, dotted
from handseg.recipe.find import find_bundled
from handseg.recipe.locate import locate
from handseg.recipe.sets import SET, parse_set

Table = dict[str, Any]

MOST_LEVELS = 4
"""The longest chain of `extends`, in files."""


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
        return Origin(shown(self.files[-1]), 1)

    def written(self, *path: str) -> bool:
        """Whether a value stands in a file or on the command line."""
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


def shown(path: Path) -> str:
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
    _take_out_removed(layers)
    return layers


def _read_file(layers: Layers, path: Path, chain: tuple[Path, ...]) -> None:
    """Lay the file's bases, then the file itself, over what is there; each file only once."""
    text = _read_text(layers, path)
    document = _parse(layers, path, text)
    if document is not None:
        places = locate(text)
        origins = {key: Origin(shown(path), line) for key, line in places.items()}
        _read_bases(layers, path, document.pop("extends", []), origins, (*chain, path.resolve()))
        _lay(layers, layers.tree, document, origins, ())
    layers.files.append(path)


def _read_text(layers: Layers, path: Path) -> str:
    """The file's text without a byte order mark and with plain line ends."""
    try:
        return path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        layers.unreadable(Origin(shown(path), line), "this is not UTF-8 text")
    except OSError as error:
        layers.unreadable(Origin(shown(path), 0), f"cannot be read: {error.strerror}")
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
        layers.unreadable(Origin(shown(path), line), message)
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


def _take_out_removed(layers: Layers) -> None:
    """`augment.flip = false` stood in the entry's place until all layers were laid."""
    augment: Any = layers.tree.get("augment")
    if isinstance(augment, dict):
        entries = cast(Table, augment)
        for key in [key for key, value in entries.items() if value is False]:
            del entries[key]
