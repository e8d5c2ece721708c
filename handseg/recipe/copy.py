"""A bundled recipe and its bases as files of a person's own, and what a recipe says of itself."""

import os
from pathlib import Path

from handseg.errors import UsageError
from handseg.recipe.find import find_bundled, no_such_recipe
from handseg.recipe.layers import read_layers, shown


def opening_comment(path: Path) -> tuple[str, ...]:
    """The comment lines that a recipe opens with, without their signs."""
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
    recipe = find_bundled(name)
    if recipe is None:
        raise no_such_recipe(name)
    texts = {folder / file.name: file.read_bytes() for file in read_layers(recipe, []).files}
    goal = folder / recipe.name
    wanted = {path: text for path, text in texts.items() if path == goal or not holds(path, text)}
    taken = [path for path in wanted if path.exists()]
    if taken and not force:
        raise UsageError(
            f"{', '.join(shown(path) for path in taken)} is there already",
            details="copying would replace it" if len(taken) == 1 else "copying would replace them",
            hints=[f"handseg recipes copy {recipe.stem} --force"],
        )
    folder.mkdir(parents=True, exist_ok=True)
    for path, text in wanted.items():
        write_whole(path, text)
    return list(wanted)


def holds(path: Path, text: bytes) -> bool:
    return path.is_file() and path.read_bytes() == text


def write_whole(path: Path, text: bytes) -> None:
    """Write a file so that it is there whole or as it was."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_bytes(text)
    beside.replace(path)
