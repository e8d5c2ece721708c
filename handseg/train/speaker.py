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
