"""`--on-end CMD`: a command that the shell runs after each training, with how it ended."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

from handseg.cli import console
from handseg.errors import HandsegError

PATIENCE = 60.0
"""Seconds that the command may take."""
STDERR = 2
"""Where what the command prints goes: stdout holds the paths of runs alone."""


@dataclass(frozen=True)
class RunEnd:
    """How a training ended: the run's folder if it had one, state, reason, best Dice if any."""

    run: Path | None
    state: str
    reason: str
    dice: float | None

    def as_variables(self) -> dict[str, str]:
        """What the command finds in its environment; empty where there is nothing to say."""
        return {
            "HANDSEG_RUN": str(self.run.resolve()) if self.run else "",
            "HANDSEG_STATE": self.state,
            "HANDSEG_REASON": self.reason,
            "HANDSEG_DICE": "" if self.dice is None else f"{self.dice:.4f}",
        }


def end_of(run: Path | None, reason: str, state: str = "failed") -> RunEnd:
    """What a run's folder says of its end; reason and state are those of one that has none."""
    if run is None:
        return RunEnd(None, state, reason, None)
    from handseg.runs.index import summarise_run

    found = summarise_run(run)
    dice = found.best_dice if isfinite(found.best_dice) else None
    return RunEnd(run, found.state, found.message, dice)


@contextmanager
def on_end_of_training(command: str | None, runs: Path) -> Iterator[None]:
    """Run the command after the training inside, however that ends."""
    if command is None:
        yield
        return
    from handseg.runs.query import find_run_by_pid

    begun, reason = time.time(), ""
    try:
        yield
    except HandsegError as error:
        reason = error.message
        raise
    except BaseException as error:
        reason = f"{type(error).__name__}: {error}"
        raise
    finally:
        run_on_end(command, end_of(find_run_by_pid(os.getpid(), begun, runs), reason))


def run_on_end(command: str, end: RunEnd) -> None:
    """Have the shell run it; a failure is said and changes nothing."""
    try:
        # Of a session of its own, so that all that it started can be ended with it.
        process = subprocess.Popen(
            command,
            shell=True,
            stdin=subprocess.DEVNULL,
            stdout=STDERR,
            env={**os.environ, **end.as_variables()},
            start_new_session=True,
        )
    except OSError as error:
        console.warn(f"--on-end could not be run: {error}")
        return
    try:
        code = process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        console.warn(f"--on-end took more than {PATIENCE:.0f} seconds and was ended: {command}")
    else:
        if code:
            console.warn(f"--on-end ended with {code}: {command}")
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
