"""Which of the two schemas a path has."""

from pathlib import Path

from handseg.data.settings import FILE as SETTINGS
from handseg.formats.masks import Masks
from handseg.formats.polygons.dialect import Dialect
from handseg.formats.polygons.handbone import Handbone
from handseg.formats.polygons.labelme import Labelme
from handseg.formats.polygons.reading import LARGEST_FILE, read_polygon_files

DIALECTS: tuple[Dialect, ...] = (Labelme(), Handbone())


def is_polygons(path: Path) -> bool:
    """Whether there are polygon files at `path` that stand for themselves.

    Labels that have their images beside them are a data set, and read as such.
    """
    return dialect_of(path) is not None


def read_polygons(path: Path) -> Masks:
    """The masks of what `is_polygons`; raises InputError where a file is at fault."""
    dialect = dialect_of(path)
    if dialect is None:
        raise ValueError(f"{path} has no polygon files")
    return read_polygon_files(path, dialect)


def dialect_of(path: Path) -> Dialect | None:
    """The schema of a JSON file, or of the first file of a folder."""
    if path.is_file():
        name = _name_of(path)
        return next((dialect for dialect in DIALECTS if dialect.name == name), None)
    for dialect in DIALECTS:
        files = dialect.files(path)
        if files and _name_of(files[0]) == dialect.name:
            return None if _has_images(path, dialect) else dialect
    return None


def holds_only(folder: Path, dialect: Dialect) -> bool:
    """Whether a folder has nothing in it but polygon files of a schema: it may be replaced."""
    files = set(dialect.files(folder))
    others = (path for path in folder.rglob("*") if path not in files and not path.is_dir())
    return all(_name_of(path) == dialect.name for path in files) and all(
        path == folder / SETTINGS and dialect.name == "handbone" for path in others
    )


def _name_of(path: Path) -> str | None:
    """The name of a JSON file's schema."""
    if path.suffix.lower() != ".json" or path.stat().st_size > LARGEST_FILE:
        return None
    content = path.read_bytes()
    return next((dialect.name for dialect in DIALECTS if dialect.is_file(content)), None)


def _has_images(path: Path, dialect: Dialect) -> bool:
    from handseg.data.handbone import is_layout

    return dialect.name == "handbone" and is_layout(path)
