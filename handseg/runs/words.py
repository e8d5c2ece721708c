"""What a line says of a run, in few characters."""

import math
from collections.abc import Mapping, Sequence

from handseg.runs.summary import RunSummary, State

NONE = "–"
SIGNS: Mapping[State, str] = {
    "running": "●",
    "quiet": "◐",
    "dead": "✖",
    "failed": "✗",
    "stopped": "■",
    "finished": "✔",
    "broken": "!",
}
TREND = "▁▂▃▄▅▆▇█"
MOVED = 0.002
"""A difference of Dice that is marked: smaller ones come and go between two validations."""
_UNITS = (("KB", 1e3), ("MB", 1e6), ("GB", 1e9), ("TB", 1e12))


def one_line(text: str) -> str:
    """Text of data without line ends, tabs and other control characters."""
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else "·" for sign in text)


def dice_words(value: float, digits: int = 4) -> str:
    """A Dice without its leading zero: `.9672`, `1.000`, `–` for none."""
    if not math.isfinite(value):
        return NONE
    text = f"{value:.{digits}f}"
    return text[1:] if text.startswith("0") else text[:-1]


def difference_words(value: float, digits: int = 4) -> str:
    """A difference of Dice with its sign: `+.0021`, `−.0214`, `.0000`, `–` for none."""
    if not math.isfinite(value):
        return NONE
    text = dice_words(abs(value), digits)
    if not text.strip(".0"):
        return text
    return f"{'−' if value < 0 else '+'}{text}"


def time_words(seconds: float) -> str:
    """A length of time in at most four characters: `42s`, `38m`, `5h`, `3d`; `–` for none."""
    if not math.isfinite(seconds):
        return NONE
    if seconds < 99.5:
        return f"{max(0, round(seconds))}s"
    for unit, size, limit in (("m", 60, 99.5), ("h", 3600, 47.5)):
        if seconds / size < limit:
            return f"{round(seconds / size)}{unit}"
    return f"{round(seconds / 86400)}d"


def bytes_words(count: float) -> str:
    """`831 bytes`, `4.2 MB`, `1.3 GB`."""
    if count < 1000:
        return f"{count:.0f} bytes"
    unit, size = next((pair for pair in _UNITS if count < 999.5 * pair[1]), _UNITS[-1])
    return f"{count / size:.3g} {unit}"


def epoch_words(run: RunSummary) -> str:
    """`61/100`; `–` for a run that cannot be read."""
    if run.state == "broken":
        return NONE
    done = f"{math.floor(run.epoch + 1e-6)}"
    return f"{done}/{run.epochs:g}" if run.epochs else done


def when_words(run: RunSummary, now: float) -> str:
    """What is left of a live run, and how long ago any other wrote last."""
    if run.is_live:
        left = time_words(run.eta)
        return NONE if left == NONE else f"{left} left"
    age = time_words(run.age(now))
    return NONE if age == NONE else f"{age} ago"


def trend(values: Sequence[float], width: int) -> str:
    """The last values as blocks, the lowest of them lowest; blanks where there is none."""
    shown = list(values)[-width:]
    known = [value for value in shown if math.isfinite(value)]
    if not known:
        return ""
    low, high = min(known), max(known)
    step = (high - low) / (len(TREND) - 1)
    return "".join(
        " " if not math.isfinite(value) else TREND[round((value - low) / step) if step else 0]
        for value in shown
    )
