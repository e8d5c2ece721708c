"""Several trainings, one after the other, each in a process of its own.

A crashed device context, a leak or a fault of one does not reach the others.
"""

import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Self

from handseg.cli import console, options
from handseg.cli.on_end import End, end_of, run_command
from handseg.cli.train_plan import Request, Training
from handseg.errors import ExitCode
from handseg.train.interruption import STOPPING, listen, unlisten

PROGRAM = (sys.executable, "-m", "handseg")
"""What a training's process runs: this handseg, whatever is on the path."""
FORWARDED = tuple(number for number in STOPPING if number != signal.SIGINT)
ENDED_BY = {
    -signal.SIGINT: ExitCode.INTERRUPTED,
    **{-number: ExitCode.TERMINATED for number in FORWARDED},
}
"""The exit codes of trainings that a signal ended before they could catch it."""


@dataclass(frozen=True)
class Ended:
    """A training of the queue and how it ended: its exit code, and what its folder says."""

    training: Training
    code: int
    end: End

    @property
    def is_well(self) -> bool:
        """Whether it did what it was asked to."""
        return self.code == ExitCode.DONE

    def told(self) -> End:
        """How it ended for one who sees nothing else: without a folder, which training it was."""
        if self.run is not None:
            return self.end
        return replace(self.end, reason=f"{self.training.title}: {self.end.reason}")

    @property
    def run(self) -> Path | None:
        """The folder of the run, if it had one."""
        return self.end.run


class Signals:
    """While entered, signals end the queue after the training at work, which is told too.

    Ctrl-C reaches that training from the terminal; the others, which may be sent to one process
    alone, are passed on.
    """

    def __init__(self) -> None:
        self.name: str | None = None
        self.child: subprocess.Popen[str] | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        self._before = listen(STOPPING, self.take)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        unlisten(self._before)

    def take(self, number: int, frame: FrameType | None) -> None:
        again = self.name is not None
        self.name = self.name or signal.Signals(number).name
        if self.child is None:
            if again and number == signal.SIGINT:
                raise KeyboardInterrupt
        elif number in FORWARDED:
            self.child.send_signal(number)


def run_queue(trainings: Sequence[Training], request: Request) -> tuple[list[Ended], str | None]:
    """Run all, until asked to stop; the path of each run that is made goes to stdout.

    Gives those that ended, and the name of the signal that stopped the queue if one did.
    """
    ended: list[Ended] = []
    with Signals() as signals:
        for number, training in enumerate(trainings, 1):
            console.info(f"run {number} of {len(trainings)}: {training.title}")
            one = run_child(training, request, signals)
            ended.append(one)
            if request.on_end is not None and not request.dry:
                run_command(request.on_end, one.told())
            if signals.name:
                break
    return ended, signals.name


def run_child(training: Training, request: Request, signals: Signals) -> Ended:
    """Train in a process of its own; its words go where ours go, its paths to our stdout."""
    from handseg.runs.begun import run_begun_by

    begun = time.time()
    words = [*PROGRAM, *training.words(request), *manner_words()]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    signals.child = process
    if signals.name is not None and signals.name != "SIGINT":
        # It came before there was a process to pass it on to.
        process.send_signal(signal.Signals[signals.name])
    code = pass_on(process)
    signals.child = None
    if code < 0:
        console.warn(f"{training.title} was ended by {signal.Signals(-code).name}")
    run = run_begun_by(process.pid, begun, options.runs_folder(request.runs))
    state = "stopped" if code in ENDED_BY else "failed"
    return Ended(training, ENDED_BY.get(code, code), end_of(run, reason_of(code), state))


def pass_on(process: subprocess.Popen[str]) -> int:
    """Pass on what a child prints until it ends; its exit code, or minus the signal's number."""
    assert process.stdout is not None
    try:
        with process.stdout:
            for line in process.stdout:
                console.out(line.rstrip("\n"))
        return process.wait()
    except BaseException:
        # Our reader has gone: nobody would see what the child does on its own.
        process.terminate()
        process.wait()
        raise


def reason_of(code: int) -> str:
    """Why a training ended that left no folder."""
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def manner_words() -> list[str]:
    """The present command's way of talking, for a child."""
    manner = console.verbosity
    asked = {
        "--quiet": manner.quiet,
        "--verbose": manner.verbose,
        "--debug": manner.debug,
        "--no-progress": not manner.bars,
    }
    return [word for word, is_asked in asked.items() if is_asked]
