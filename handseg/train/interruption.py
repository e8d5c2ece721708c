"""Signals that ask a training to stop: it finishes its step and keeps a checkpoint."""

import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self

from handseg.errors import HandsegError, InterruptedByPersonError, TerminatedError
from handseg.progress import Progress

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)


class StopError(Exception):
    """Work that is not a step of training ends where it is: somebody asked to stop."""


class StopRequest:
    """While entered, SIGINT, SIGTERM and SIGUSR1 set `name` instead of ending the process.

    A second Ctrl-C raises KeyboardInterrupt at once.
    """

    def __init__(self) -> None:
        self.name: str | None = None
        self.before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        # Python delivers signals to the main thread alone; elsewhere nobody can ask.
        if threading.current_thread() is threading.main_thread():
            self.before = {number: signal.signal(number, self.take) for number in STOPPING}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)

    def take(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGINT and self.name == "SIGINT":
            raise KeyboardInterrupt
        self.name = signal.Signals(number).name

    def asked(self) -> bool:
        """Whether somebody has asked."""
        return self.name is not None

    def heed(self) -> None:
        """Between two images of a validation or a prediction.

        Raises:
            StopError: somebody asked to stop.
        """
        if self.name is not None:
            raise StopError

    def heeding(self, progress: Progress) -> Progress:
        """The progress of work that ends when somebody asks."""

        def advance(done: int, total: int, note: str = "") -> None:
            self.heed()
            progress(done, total, note)

        return advance

    def error(self, run: str) -> HandsegError:
        """What ends the command once the run is put away."""
        hints = [f"handseg train --resume {run}"]
        if self.name == "SIGINT":
            return InterruptedByPersonError("stopped by Ctrl-C; a checkpoint is kept", hints=hints)
        return TerminatedError(f"stopped by {self.name}; a checkpoint is kept", hints=hints)
