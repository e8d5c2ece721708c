"""Counts, lists of names, sizes, times and Dice as a person reads them: written in one place."""

import math
import re
from collections.abc import Mapping, Sequence

NONE = "–"
"""Where there is no figure."""
STATE_SIGNS: Mapping[str, str] = {
    "running": "●",
    "quiet": "◐",
    "dead": "✖",
    "failed": "✗",
    "stopped": "■",
    "finished": "✔",
    "broken": "!",
}
"""The state of a run as one sign."""
MOVED = 0.002
"""A difference of Dice that is marked: smaller ones come and go between two validations."""
SHOWN = 5
"""Names of a list that are said."""
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\udc80-\udcff]")
"""Control characters but line end and tab, those that turn the direction of writing, and bytes of
a file's name that are no UTF-8."""
_UNITS = (("kB", 1e3), ("MB", 1e6), ("GB", 1e9), ("TB", 1e12))


def counted(number: int, thing: str, things: str = "") -> str:
    """`1 image`, `2 images`."""
    return f"{number:,} {thing if number == 1 else things or thing + 's'}"


def people_text(number: int) -> str:
    return counted(number, "person", "people")


def shown(names: Sequence[str], most: int = SHOWN) -> str:
    return ", ".join(names[:most]) + (", …" if len(names) > most else "")


def listed(names: Sequence[str], most: int = SHOWN) -> str:
    """The first few names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def printable(text: str) -> str:
    """Lines with text of data in them, without what a terminal would obey: `\\x1b` for ESC."""
    return _CONTROLS.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def one_line(text: str) -> str:
    """Text of data without line ends, tabs and other control characters."""
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else "·" for sign in text)


def dice_text(value: float, digits: int = 4) -> str:
    """A Dice without its leading zero: `.9672`, `1.000`, `–` for none."""
    if not math.isfinite(value):
        return NONE
    text = f"{value:.{digits}f}"
    return text[1:] if text.startswith("0") else text[:-1]


def difference_text(value: float, digits: int = 4) -> str:
    """A difference of Dice with its sign: `+.0021`, `−.0214`, `.0000`, `–` for none."""
    if not math.isfinite(value):
        return NONE
    text = dice_text(abs(value), digits)
    if not text.strip(".0"):
        return text
    return f"{'−' if value < 0 else '+'}{text}"


def epochs_text(done: float, total: float | None) -> str:
    """Whole epochs of so many: `61/100`, `61` where the end is not known, `–` for none."""
    if not math.isfinite(done):
        return NONE
    whole = f"{math.floor(done + 1e-6)}"
    return f"{whole}/{total:g}" if total else whole


def duration(seconds: float) -> str:
    """A length of time in a sentence: `42 seconds`, `38 minutes`, `5.2 hours`."""
    for unit, length, most in (("seconds", 1, 90), ("minutes", 60, 90 * 60)):
        if seconds < most:
            return f"{seconds / length:.2g} {unit}"
    return f"{seconds / 3600:.1f} hours"


def short_duration(seconds: float) -> str:
    """A length of time in at most four characters: `42s`, `38m`, `5h`, `3d`; `–` for none."""
    if not math.isfinite(seconds):
        return NONE
    if seconds < 99.5:
        return f"{max(0, round(seconds))}s"
    for unit, size, limit in (("m", 60, 99.5), ("h", 3600, 47.5)):
        if seconds / size < limit:
            return f"{round(seconds / size)}{unit}"
    return f"{round(seconds / 86400)}d"


def pixels_text(size: Sequence[int]) -> str:
    height, width = size  # people say the width first
    return f"{width} × {height}"


def size_text(count: float) -> str:
    """Bytes in three figures: `831 bytes`, `4.2 MB`, `1.3 GB`."""
    if count < 1000:
        return f"{count:.0f} bytes"
    unit, size = next((pair for pair in _UNITS if count < 999.5 * pair[1]), _UNITS[-1])
    return f"{count / size:.3g} {unit}"
