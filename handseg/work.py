"""Work that takes long: how far it is, how a training reports, and threads for it.

Only commands and the dashboard print: a function that takes long takes a `Progress`; a training,
which lasts for days, takes a `Reporter`.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
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


@contextmanager
def threads() -> Iterator[ThreadPoolExecutor]:
    """A pool of all cores for work that lets go of Python's lock: decoding, drawing, hashing.

    After an error or Ctrl-C what has not begun is never begun.
    """
    with ThreadPoolExecutor() as pool:
        try:
            yield pool
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
