"""The images that `dataset.toml` leaves out, written without touching what else stands there."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from handseg import disk
from handseg.data.settings import FILE, Settings, read_settings
from handseg.data.storage import stand_in, writable
from handseg.errors import InputError


def settings_of(folder: Path) -> Settings:
    """The settings of a data set, and what is left out of it by the cache's folder.

    That is where excludes of a read-only folder stand. Raises InputError where a file is at fault.
    """
    settings = read_settings(folder)
    also = read_settings(stand_in(folder)).exclude
    return replace(settings, exclude=tuple(dict.fromkeys((*settings.exclude, *also))))


def write_excludes(folder: Path, names: Sequence[str]) -> Path:
    """Add images to `exclude`, and give the file in which it stands.

    Keys, comments and the order of what is there are kept. Raises InputError where the file is no
    TOML or cannot be written.
    """
    place = folder if writable(folder) else stand_in(folder)
    path = place / FILE
    try:
        text = path.read_bytes().decode("utf-8-sig") if path.exists() else ""
        return disk.replace(path, with_excludes(text, names).encode())
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be written", details=str(error)) from error


def with_excludes(text: str, names: Sequence[str]) -> str:
    """The text of a `dataset.toml` with more names in `exclude`; raises ValueError for no TOML."""
    import tomlkit
    from tomlkit.items import Array

    document = tomlkit.parse(text)
    listed = document.get("exclude")
    if not isinstance(listed, Array):
        listed = tomlkit.array()
        document["exclude"] = listed
    for name in names:
        if name not in listed:
            listed.append(name)
    listed.multiline(True)
    return tomlkit.dumps(document)
