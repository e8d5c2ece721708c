"""The callback through which a room tells how far it is; rooms never print."""

from typing import Protocol


class Progress(Protocol):
    """Called with the number of things done, their total and a few words on the present one."""

    def __call__(self, done: int, total: int, note: str = "") -> None: ...


def silent(done: int, total: int, note: str = "") -> None:
    """A `Progress` that says nothing."""
