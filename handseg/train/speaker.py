"""How a training talks to a person."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from handseg.progress import Progress

Bars = Callable[[str], AbstractContextManager[Progress]]
"""Gives a bar with a title."""


@dataclass(frozen=True)
class Speaker:
    """How a training talks to a person; rooms do not print."""

    tell: Callable[[str], None]
    bars: Bars


def duration(seconds: float) -> str:
    """Seconds, minutes or hours, whichever a person would say."""
    for unit, length, most in (("seconds", 1, 90), ("minutes", 60, 90 * 60)):
        if seconds < most:
            return f"{seconds / length:.2g} {unit}"
    return f"{seconds / 3600:.1f} hours"
