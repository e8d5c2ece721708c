"""The command lines that go on from a run."""

import os
import shlex
from collections.abc import Sequence
from pathlib import Path

from handseg.runs.summary import RunSummary

RESUMABLE = ("dead", "stopped", "failed")
"""States from which a run can go on."""


def resume_command(run: RunSummary) -> str | None:
    """The line that goes on with a run; None where it lives, is finished or cannot be read.

    The data need not be named: a run remembers its own.
    """
    if run.state not in RESUMABLE:
        return None
    return run_command(["train", "--resume"], run.folder)


def run_command(words: Sequence[str], run: Path, split: str = "") -> str:
    """`handseg` and the words before a run, with the run, as a person types it.

    `split` makes it the run's predictions of that split.
    """
    named = f"{run.name}:{split}" if split else run.name
    return shlex.join(["handseg", *words, named, *runs_option(run.parent)])


def runs_option(runs: Path) -> list[str]:
    """The words that name the folder of runs, unless it is the one that is meant anyway."""
    default = Path(os.environ.get("HANDSEG_RUNS") or "runs")
    same = runs == default or runs.resolve() == default.resolve()
    return [] if same else ["--runs", str(runs)]
