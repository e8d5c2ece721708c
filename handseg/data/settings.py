"""`dataset.toml`: what the owner of a data set says of it; read, applied and written."""

import re
import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from handseg import disk
from handseg.anatomy import BONES, REGIONS
from handseg.data.labels import Sample
from handseg.data.storage import stand_in, writable
from handseg.errors import InputError, did_you_mean
from handseg.registry import LAYOUTS
from handseg.text import counted, shown

FILE = "dataset.toml"
LARGEST = 1 << 20
"""Bytes; thousands of images that are left out take some tens of kilobytes."""

Windows = tuple[tuple[str, ...], ...]
"""The windows of a region, each by the classes it is put around."""


@dataclass(frozen=True)
class Settings:
    """The values of `dataset.toml`; what is None or empty is recognised or a default."""

    layout: str | None = None
    classes: tuple[str, ...] | None = None
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """Bones of the anatomy by the data set's name of a class."""
    regions: Mapping[str, Windows] = field(default_factory=dict[str, Windows])
    folds: str | None = None
    """The file of the folds, inside the data set's folder."""
    exclude: tuple[str, ...] = ()
    """Names of images that are left out."""
    leave_out: tuple[str, ...] | None = None
    """Categories of COCO files, or labels of LabelMe's, that are no classes."""
    labelled: tuple[str, ...] | None = None
    """The classes that were labelled, where those are not all."""
    not_bones: tuple[str, ...] = ()
    """Classes that are no bones, beside those that are known by name."""
    annotations: tuple[str, ...] | None = None
    """Patterns of the paths of COCO files."""
    person: str | None = None
    """A regular expression: what it finds in an image's path is its person."""
    side: str | None = None
    people: str | None = None
    """`plain`: ids of DICOM headers are written down as they are, without a pseudonym."""
    validation: str | None = None
    """`published`: who is in the split that was published for validation is held out, once."""
    max_pixels: int | None = None
    """Of an image; what says to have more is damaged."""


def read_settings(folder: Path) -> Settings:
    """The settings of a data set; all defaults where there is no `dataset.toml`.

    Raises:
        InputError: the file is at fault; the message names its line and every fault.
    """
    path = folder / FILE
    try:
        if not path.is_file():
            return Settings()
        if path.stat().st_size > LARGEST:
            raise InputError(f"{path} is larger than {LARGEST >> 20} MB: it is no settings file")
        text = path.read_text(encoding="utf-8-sig")
        tree = tomllib.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        # What tomllib says ends with the line and column.
        raise InputError(f"{path} is no TOML that can be read", details=str(error)) from error
    return _Reader(path, text).settings(tree)


def settings_of(folder: Path) -> Settings:
    """The settings of a data set, and what is left out of it by the cache's folder.

    That is where excludes of a read-only folder stand. Raises InputError where a file is at fault.
    """
    settings = read_settings(folder)
    also = read_settings(stand_in(folder)).exclude
    return replace(settings, exclude=tuple(dict.fromkeys((*settings.exclude, *also))))


Samples = tuple[Sample, ...]


def apply_settings(
    root: Path, settings: Settings, classes: tuple[str, ...], train: Samples, test: Samples
) -> tuple[Samples, Samples, list[str]]:
    """Training and test samples without what is excluded, each with what is said to be labelled.

    Also what a person should know of it. Raises InputError where the settings speak of classes that
    the data set does not have.
    """
    check_classes(root, settings, classes)
    names = {sample.image_name for sample in (*train, *test)}
    strange = [name for name in settings.exclude if name not in names]
    left_out = len(settings.exclude) - len(strange)
    notes = [f"{counted(left_out, 'image')} left out by {FILE}"] if left_out else []
    if strange:
        # Not an error: a list stays true when the image itself has been removed.
        verb = "is" if len(strange) == 1 else "are"
        notes.append(
            f"{counted(len(strange), 'name')} that {FILE} excludes {verb} of no image: "
            + shown(strange)
        )
    train, test = (
        tuple(
            limited(sample, settings.labelled)
            for sample in split
            if sample.image_name not in settings.exclude
        )
        for split in (train, test)
    )
    return train, test, notes


def limited(sample: Sample, labelled: tuple[str, ...] | None) -> Sample:
    """A sample of which only these classes were labelled, and of these those known before."""
    if labelled is None:
        return sample
    known = labelled if sample.labelled is None else sample.labelled
    return replace(sample, labelled=tuple(name for name in labelled if name in known))


def check_classes(root: Path, settings: Settings, classes: tuple[str, ...]) -> None:
    """Raise InputError where the settings speak of classes that the data set does not have."""
    windows = [window for region in settings.regions.values() for window in region]
    said = {
        "aliases": list(settings.aliases),
        "labelled": list(settings.labelled or ()),
        "not_bones": list(settings.not_bones),
        "regions": [name for window in windows for name in window],
    }
    for key, names in said.items():
        for name in names:
            if name not in classes:
                raise InputError(
                    f"{root / FILE}: {key} has the unknown class {name!r}"
                    + did_you_mean(name, classes),
                    details="classes: " + ", ".join(classes),
                )
    for name, bones in settings.aliases.items():
        for bone in bones:
            if bone not in BONES:
                raise InputError(
                    f"{root / FILE}: aliases.{name} names the unknown bone {bone!r}"
                    + did_you_mean(bone, BONES),
                    details="bones: " + ", ".join(BONES),
                )


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


class _Misfit(Exception):  # noqa: N818 - never leaves this module
    """A value is not of the kind that its key takes."""


class _Reader:
    """Turns the text's values into settings, noting every fault with its line."""

    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        self.lines = text.splitlines()
        self.faults: list[str] = []

    def settings(self, tree: dict[str, Any]) -> Settings:
        found: dict[str, Any] = {}
        for key, value in tree.items():
            read = _KINDS.get(key)
            if read is None:
                self.fault(key, f"unknown key {key!r}{did_you_mean(key, _KINDS)}")
                continue
            try:
                found[key] = read(value)
            except _Misfit as misfit:
                self.fault(key, f"{key} must be {misfit}, not {value!r:.60}")
        if self.faults:
            raise InputError(
                f"{self.path} has {counted(len(self.faults), 'fault')}",
                details="\n".join(self.faults),
                hints=["keys: " + ", ".join(_KINDS)],
            )
        return Settings(**found)

    def fault(self, key: str, message: str) -> None:
        self.faults.append(f"{self.path}:{self.line_of(key)}: {message}")

    def line_of(self, key: str) -> int:
        opens = re.compile(rf"\s*\[?\[?\s*[\"']?{re.escape(key)}[\"']?\s*[=.\]]")
        return next((n for n, line in enumerate(self.lines, 1) if opens.match(line)), 1)


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise _Misfit("a text")
    return value


def _one_of(value: Any, names: Collection[str]) -> str:
    if value not in tuple(names):
        if len(names) == 1:
            raise _Misfit(next(iter(names)))
        near = did_you_mean(value, names) if isinstance(value, str) else ""
        raise _Misfit(f"one of {', '.join(names)}{near}")
    return value


def _pixels(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise _Misfit("a number of pixels, as in 400_000_000")
    return value


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(one, str) and one for one in value):
        raise _Misfit('a list of texts, as in ["a", "b"]')
    return tuple(dict.fromkeys(value))


def _some_texts(value: Any) -> tuple[str, ...]:
    found = _texts(value)
    if not found:
        raise _Misfit("a list of at least one text")
    return found


def _aliases(value: Any) -> dict[str, tuple[str, ...]]:
    if not isinstance(value, dict):
        raise _Misfit('a table, as in aliases.Trapzium = "Trapezium"')
    return {
        name: (bones,) if isinstance(bones, str) and bones else _some_texts(bones)
        for name, bones in value.items()
    }


def _regions(value: Any) -> dict[str, Windows]:
    if not isinstance(value, dict):
        raise _Misfit('a table, as in regions.wrist = ["Lunate", "Capitate"]')
    for name in value:
        if name not in REGIONS:
            raise _Misfit(f"a table of {' and '.join(REGIONS)}{did_you_mean(name, REGIONS)}")
    return {name: _windows(windows) for name, windows in value.items()}


def _windows(value: Any) -> Windows:
    """One list of classes is one window, a list of lists several."""
    if isinstance(value, list) and value and all(isinstance(one, list) for one in value):
        return tuple(_some_texts(one) for one in value)
    return (_some_texts(value),)


def _inside(value: Any) -> str:
    text = _text(value)
    if not is_inside(text):
        raise _Misfit("a path inside the data set's folder")
    return text


def _pattern(value: Any) -> str:
    text = _text(value)
    try:
        re.compile(text)
    except (re.error, RecursionError, OverflowError) as error:
        raise _Misfit(f"a regular expression ({error})") from error
    return text


def is_inside(path: str) -> bool:
    """Whether a relative path that a file names stays in the folder that it is relative to."""
    parts = path.replace("\\", "/").split("/")
    absolute = parts[0] == "" or ":" in parts[0]
    return bool(path) and "\0" not in path and not absolute and ".." not in parts


_KINDS: dict[str, Any] = {
    "layout": lambda value: _one_of(value, LAYOUTS),
    "classes": _some_texts,
    "aliases": _aliases,
    "regions": _regions,
    "folds": _inside,
    "exclude": _texts,
    "leave_out": _texts,
    "labelled": _texts,
    "not_bones": _texts,
    "annotations": lambda value: tuple(_inside(one) for one in _some_texts(value)),
    "person": _pattern,
    "side": _pattern,
    "people": lambda value: _one_of(value, ("plain",)),
    "validation": lambda value: _one_of(value, ("published",)),
    "max_pixels": _pixels,
}
