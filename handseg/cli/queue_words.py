"""What `handseg train` says of a queue: how each ended, and what to type for the rest."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from handseg.cli import console
from handseg.cli.queue_run import Ended
from handseg.cli.train_plan import Request, Training


def say_table(ended: Sequence[Ended]) -> None:
    """A line for each training of a queue: run, state, Dice, and why it did not end well."""
    rows = [("run", "training", "state", "Dice", "")]
    for one in ended:
        dice = "" if one.end.dice is None else f"{one.end.dice:.4f}"
        run = one.run.name if one.run else "-"
        rows.append((run, one.training.title, one.end.state, dice, one.end.reason))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
        console.info("  ".join(cells).rstrip())


def lines_to_type(
    ended: Sequence[Ended], trainings: Sequence[Training], request: Request
) -> list[str]:
    """What does the rest: resumes what was begun, begins what was not."""
    lines = [again(one, request) for one in ended if not one.is_well]
    return lines + [training.line(request) for training in trainings[len(ended) :]]


def again(one: Ended, request: Request) -> str:
    """The line that goes on with a training, or begins it anew where nothing was kept."""
    if one.run is None or not (one.run / "checkpoints" / "last").exists():
        return one.training.line(request)
    return resume_line(one.run, request)


def resume_line(run: Path, request: Request) -> str:
    """The line that goes on with a run."""
    return shlex.join(["handseg", "train", "--resume", run.name, *place_words(request)])


def join_line(runs: Sequence[Path | None], count: int, request: Request) -> str:
    """The line that joins so many folds; RUN stands for what is not there yet."""
    names = [run.name if run else "RUN" for run in runs]
    names += ["RUN"] * (count - len(names))
    return shlex.join(["handseg", "vote", "--out-of-fold", *names, *place_words(request)])


def place_words(request: Request) -> list[str]:
    """Where data and runs are, as typed."""
    places = {"--data": request.data, "--runs": request.runs}
    return [word for option, place in places.items() if place for word in (option, str(place))]
