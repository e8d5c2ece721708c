"""Names of files that every system takes, for names that come from data."""

import re
from pathlib import PurePosixPath

RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)
"""Names that Windows keeps for devices, with any suffix."""
LONGEST = 80


class FileNames:
    """Gives each name a part of a path of its own, whatever the name holds.

    Letters of one alphabet, figures, `-`, `_` and `.` stay; names that would be the same, on file
    systems that see no difference of case too, are numbered.
    """

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def of(self, name: str, *, is_file: bool = False) -> str:
        """A part of a path for one more name: never empty, hidden, above or outside its folder.

        The name of a file that there is (`is_file`) is kept as it is where nothing else has it.
        """
        if is_file and is_plain(name) and name[0] != "." and name.lower() not in self._taken:
            self._taken.add(name.lower())
            return name
        plain = re.sub(r"[^A-Za-z0-9._-]", "_", name)[:LONGEST].strip(".") or "_"
        plain = f"_{plain}" if RESERVED.match(plain) else plain
        given, number = plain, 1
        while given.lower() in self._taken:
            number += 1
            given = f"{plain}~{number}"
        self._taken.add(given.lower())
        return given


def is_plain(part: object) -> bool:
    """Whether it names a file inside its folder: one part of a path, no way up or elsewhere."""
    return (
        isinstance(part, str)
        and bool(part)
        and part not in (".", "..")
        and not set(part) & set("/\\:\0")
    )


def stem_of(image: str) -> str:
    """The image's name without the suffix of its file."""
    return image.removesuffix(PurePosixPath(image).suffix)
