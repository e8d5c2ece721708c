"""Work that takes long: how far it is, how a training reports, and threads for it.

Only commands and the dashboard print: a function that takes long takes a `Progress`; a training,
which lasts for days, takes a `Reporter`. What ends it from outside, a signal, gets a handler here.
"""

import errno
import os
import signal
import termios
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from types import FrameType
from typing import Any, NamedTuple, Protocol

Handler = Callable[[int, FrameType | None], Any]


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


def install_handlers(numbers: Iterable[int], take: Handler) -> dict[int, Any]:
    """Have `take` called for these signals; what was done with them before, for `restore_handlers`.

    One that is ignored already (SIGHUP under nohup) stays so.
    """
    # Python delivers signals to the main thread alone; elsewhere none arrives.
    if threading.current_thread() is not threading.main_thread():
        return {}

    def on_signal(number: int, frame: FrameType | None) -> None:
        if number == signal.SIGHUP:
            forget_closed_terminal()
        take(number, frame)

    return {
        number: signal.signal(number, on_signal)
        for number in numbers
        if signal.getsignal(number) is not signal.SIG_IGN
    }


def forget_closed_terminal() -> None:
    """Put nothing in the place of a terminal that is gone: a word to it would be an error."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        try:
            termios.tcgetattr(stream)
        except termios.error as error:
            if error.args[0] == errno.EIO:
                os.dup2(nothing, stream)
    os.close(nothing)


def restore_handlers(before: Mapping[int, Any]) -> None:
    for number, handler in before.items():
        signal.signal(number, handler)
