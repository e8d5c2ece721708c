"""Signals that ask a training to stop: it finishes its step and keeps a checkpoint."""

import signal
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Self

from handseg.errors import HandsegError, InterruptedByPersonError, TerminatedError
from handseg.runs.control import run_command
from handseg.work import Progress, install_handlers, restore_handlers

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGHUP)
"""Ctrl-C, a scheduler's two, and a terminal that is closed."""


class StopError(Exception):
    """A stop was asked for: raised between two steps, or two images outside of training."""


class StopRequest:
    """While entered, the signals of `STOPPING` set `name` instead of ending the process.

    A second Ctrl-C raises KeyboardInterrupt at once.
    """

    def __init__(self) -> None:
        self.name: str | None = None
        self.before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        self.before = install_handlers(STOPPING, self.take)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        restore_handlers(self.before)

    def take(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGINT and self.name == "SIGINT":
            raise KeyboardInterrupt
        self.name = signal.Signals(number).name

    def is_requested(self) -> bool:
        return self.name is not None

    def raise_if_stopped(self) -> None:
        """Between two steps of training, or two images of a validation or a prediction.

        Raises:
            StopError: a stop was asked for.
        """
        if self.name is not None:
            raise StopError

    def stoppable(self, progress: Progress) -> Progress:
        """The progress of work that ends when a stop is asked for."""

        def advance(done: int, total: int, note: str = "") -> None:
            self.raise_if_stopped()
            progress(done, total, note)

        return advance

    @property
    def reason(self) -> str:
        return "Ctrl-C" if self.name == "SIGINT" else str(self.name)

    def error(self, run: Path | None = None) -> HandsegError:
        """What ends the command once the run is put away; without one nothing was to be kept."""
        kind = InterruptedByPersonError if self.name == "SIGINT" else TerminatedError
        if run is None:
            return kind(f"stopped by {self.reason}")
        hints = [run_command(["train", "--resume"], run)]
        return kind(f"stopped by {self.reason}; a checkpoint is kept", hints=hints)
