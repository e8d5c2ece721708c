"""How work reports while it goes on: only commands and the dashboard print.

A function that takes long takes a `Progress`; a training, which lasts for days, takes a `Reporter`.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol


class Progress(Protocol):
    """Called with the number of things done, their total and a few words on the present one."""

    def __call__(self, done: int, total: int, note: str = "") -> None: ...


def silent(done: int, total: int, note: str = "") -> None:
    """A `Progress` that says nothing."""


class Reporter(NamedTuple):
    """Where a training says what it does, and what may be wrong, while it goes on."""

    info: Callable[[str], None]
    warn: Callable[[str], None]
    progress: Callable[[str], AbstractContextManager[Progress]]
    """Gives a bar with a title."""
