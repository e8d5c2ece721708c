"""Signals that ask a training to stop: it finishes its step and keeps a checkpoint."""

import signal
import threading
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Self

from handseg.errors import HandsegError, InterruptedByPersonError, TerminatedError
from handseg.progress import Progress
from handseg.runs.commands import run_command

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGHUP)
"""Ctrl-C, a scheduler's two, and a terminal that is closed."""


class StopError(Exception):
    """Work that is not a step of training ends where it is: somebody asked to stop."""


class StopRequest:
    """While entered, the signals of `STOPPING` set `name` instead of ending the process.

    One that is ignored already (SIGHUP under nohup) stays so. A second Ctrl-C raises
    KeyboardInterrupt at once.
    """

    def __init__(self) -> None:
        self.name: str | None = None
        self.before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        # Python delivers signals to the main thread alone; elsewhere nobody can ask.
        if threading.current_thread() is threading.main_thread():
            self.before = {
                number: signal.signal(number, self.take)
                for number in STOPPING
                if signal.getsignal(number) is not signal.SIG_IGN
            }
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

    @property
    def reason(self) -> str:
        """What stopped the work, as a person calls it."""
        return "Ctrl-C" if self.name == "SIGINT" else str(self.name)

    def error(self, run: Path | None = None) -> HandsegError:
        """What ends the command once the run is put away; without one nothing was to be kept."""
        kind = InterruptedByPersonError if self.name == "SIGINT" else TerminatedError
        if run is None:
            return kind(f"stopped by {self.reason}")
        hints = [run_command(["train", "--resume"], run)]
        return kind(f"stopped by {self.reason}; a checkpoint is kept", hints=hints)
