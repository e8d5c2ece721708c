"""What a line says of a run, in few characters."""

import math
from collections.abc import Mapping, Sequence

from handseg.runs.summary import RunSummary, State
from handseg.text import NONE, short_duration

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


def epoch_words(run: RunSummary) -> str:
    """`61/100`; `–` for a run that cannot be read."""
    if run.state == "broken":
        return NONE
    done = f"{math.floor(run.epoch + 1e-6)}"
    return f"{done}/{run.epochs:g}" if run.epochs else done


def when_words(run: RunSummary, now: float) -> str:
    """What is left of a live run, and how long ago any other wrote last."""
    if run.is_live:
        left = short_duration(run.eta)
        return NONE if left == NONE else f"{left} left"
    age = short_duration(run.age(now))
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
