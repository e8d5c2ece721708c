"""The few kinds of error that handseg tells a person about, and the exit codes they end with."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from enum import IntEnum


class ExitCode(IntEnum):
    """How a command ended."""

    DONE = 0
    FAILED = 1
    """Training, weights, disk or device failed."""
    USAGE = 2
    """The command line or the recipe is wrong."""
    INPUT = 3
    """Data, folds, crops or a CSV are missing or at fault."""
    INTERRUPTED = 130
    """Ctrl-C."""
    TERMINATED = 143
    """SIGTERM, SIGUSR1 or SIGHUP; a checkpoint is kept."""


class HandsegError(Exception):
    """Something that a person can mend: what happened, why, and what to type.

    `message` is one sentence; `details` gives the details, one a line; `hints` are command lines or
    actions, shown one a line.
    """

    exit_code = ExitCode.FAILED

    def __init__(self, message: str, *, details: str = "", hints: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.details = details
        self.hints = tuple(hints)

    def __str__(self) -> str:
        return "\n".join(part for part in (self.message, self.details, *self.hints) if part)


class FailedError(HandsegError):
    """The work itself failed: training, weights, disk, device."""

    exit_code = ExitCode.FAILED


class UsageError(HandsegError):
    """The command line or the recipe asks for something that cannot be."""

    exit_code = ExitCode.USAGE


class InputError(HandsegError):
    """An input (data set, folds, crops, CSV, run) is missing or at fault."""

    exit_code = ExitCode.INPUT


class InterruptedByPersonError(HandsegError):
    """Ctrl-C, after the work in hand was put away."""

    exit_code = ExitCode.INTERRUPTED


class TerminatedError(HandsegError):
    """SIGTERM, SIGUSR1 or SIGHUP, after a checkpoint was kept."""

    exit_code = ExitCode.TERMINATED


def did_you_mean(wrong: str, right: Iterable[str]) -> str:
    """` (did you mean …?)` with the nearest of the right names; empty where none is near."""
    near = get_close_matches(wrong, list(right), n=1)
    return f" (did you mean {near[0]}?)" if near else ""
