"""Several trainings of one `handseg train`: planned, run one after the other, joined, reported.

Each has a process of its own: a crashed device context, a leak or a fault of one does not reach the
others.
"""

import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, Self

from handseg.cli import console
from handseg.cli.command import complain, runs_folder
from handseg.cli.train.on_end import RunEnd, end_of, run_on_end
from handseg.cli.vote import join_folds, report_joined
from handseg.errors import ExitCode, HandsegError, UsageError
from handseg.train.interruption import STOPPING
from handseg.work import install_handlers, restore_handlers

if TYPE_CHECKING:
    from handseg.recipe.load import LoadedRecipe

ALL = "all"
FOLD = "data.fold"
PROGRAM = (sys.executable, "-m", "handseg")
"""What a training's process runs: this handseg, whatever is on the path."""
FORWARDED = tuple(number for number in STOPPING if number != signal.SIGINT)
ENDED_BY = {
    -signal.SIGINT: ExitCode.INTERRUPTED,
    **{-number: ExitCode.TERMINATED for number in FORWARDED},
}
"""The exit codes of trainings that a signal ended before they could catch it."""


@dataclass(frozen=True)
class TrainRequest:
    """What the command line says beside the recipes; places as they were typed."""

    sets: tuple[str, ...] = ()
    data: Path | None = None
    runs: Path | None = None
    name: str | None = None
    limit: int | None = None
    on_end: str | None = None
    dry: bool = False
    """Only measure."""

    def words(self) -> list[str]:
        """The options, but for the fold, that make another process train the same."""
        words = [word for text in without_fold(self.sets) for word in ("--set", text)]
        words += self.place_words()
        words += [] if self.limit is None else ["--limit", str(self.limit)]
        return [*words, "--dry-run"] if self.dry else words

    def place_words(self) -> list[str]:
        places = {"--data": self.data, "--runs": self.runs}
        return [word for option, place in places.items() if place for word in (option, str(place))]


@dataclass(frozen=True)
class Training:
    """One recipe, as typed and as read, of one fold; `one_of_all` where all folds are trained."""

    recipe: str
    loaded: "LoadedRecipe"
    one_of_all: bool = False

    @property
    def title(self) -> str:
        return f"{self.loaded.name} fold {self.loaded.recipe.data.fold}"

    def words(self, request: TrainRequest) -> list[str]:
        """The command line, after `handseg`, that trains this alone."""
        chosen = self.one_of_all or without_fold(request.sets) != request.sets
        fold = ["--fold", str(self.loaded.recipe.data.fold)] if chosen else []
        return ["train", self.recipe, *fold, *request.words()]

    def line(self, request: TrainRequest) -> str:
        return f"handseg {shlex.join(self.words(request))}"


def fold_sets(fold: str | None, sets: Sequence[str]) -> tuple[str, ...]:
    """The values to set, with that of `--fold`.

    Raises:
        UsageError: it is no fold, or `--set` names one too.
    """
    if fold is None:
        return tuple(sets)
    if fold != ALL and not (fold.isascii() and fold.isdigit()):
        raise UsageError(f"--fold {fold} is neither a number from 0 nor all")
    if without_fold(sets) != tuple(sets):
        raise UsageError(f"--fold and --set {FOLD} say the same: give one of them")
    return (*sets, f"{FOLD}={fold}")


def without_fold(sets: Sequence[str]) -> tuple[str, ...]:
    return tuple(text for text in sets if text.partition("=")[0].strip() != FOLD)


def load_all(recipes: Sequence[str], sets: Sequence[str]) -> "list[LoadedRecipe]":
    """Read and check all recipes (layers 1 and 2).

    Raises:
        UsageError: with everything that is wrong with any of them.
    """
    from handseg.recipe.load import load_recipe

    loaded: list[LoadedRecipe] = []
    errors: list[UsageError] = []
    for recipe in dict.fromkeys(recipes):
        try:
            loaded.append(load_recipe(recipe, sets))
        except UsageError as error:
            errors.append(error)
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise UsageError(
            f"{len(errors)} of {len(dict.fromkeys(recipes))} recipes cannot be used",
            details="\n".join(
                part for error in errors for part in (error.message, error.details) if part
            ),
            hints=list(dict.fromkeys(hint for error in errors for hint in error.hints)),
        )
    read = dict(zip(dict.fromkeys(recipes), loaded, strict=True))
    return [read[recipe] for recipe in recipes]


def plan(
    recipes: Sequence[str],
    loaded: "Sequence[LoadedRecipe]",
    sets: Sequence[str],
    data: Path,
    *,
    dry: bool,
) -> list[Training]:
    """One training a recipe, or with `data.fold = "all"` one a fold; a dry run takes the first.

    Raises:
        InputError: there is no data set, or its folds are at fault.
    """
    from handseg.data.dataset import open_dataset
    from handseg.data.folds import fold_count

    trainings: list[Training] = []
    for recipe, one in zip(recipes, loaded, strict=True):
        if one.recipe.data.fold == ALL:
            trainings += every_fold(recipe, sets, 1 if dry else fold_count(open_dataset(data)))
        else:
            trainings.append(Training(recipe, one))
    return trainings


def every_fold(recipe: str, sets: Sequence[str], count: int) -> list[Training]:
    from handseg.recipe.load import load_recipe

    others = without_fold(sets)
    return [
        Training(recipe, load_recipe(recipe, [*others, f"{FOLD}={fold}"]), one_of_all=True)
        for fold in range(count)
    ]


@dataclass(frozen=True)
class EndedTraining:
    """A training of the queue and how it ended: its exit code, and what its folder says."""

    training: Training
    code: int
    end: RunEnd

    @property
    def is_well(self) -> bool:
        return self.code == ExitCode.DONE

    def reported(self) -> RunEnd:
        """How it ended, and which training it was where no folder says that."""
        if self.run is not None:
            return self.end
        return replace(self.end, reason=f"{self.training.title}: {self.end.reason}")

    @property
    def run(self) -> Path | None:
        return self.end.run


class QueueError(HandsegError):
    """A queue of which something is left to do, with the exit code of what kept it."""

    def __init__(self, what: str, code: ExitCode, lines: Sequence[str]) -> None:
        super().__init__(what, hints=lines)
        self.exit_code = code


def work_through(trainings: Sequence[Training], request: TrainRequest) -> None:
    """Train all, join the folds that belong together, and say what is left to do.

    Raises:
        QueueError: a training did not end well, or the queue was stopped.
    """
    ended, stopped = run_queue(trainings, request)
    faults: list[HandsegError] = []
    if not request.dry:
        report_ends(ended)
        faults = [fault for group in groups(trainings) if (fault := join(group, ended, request))]
    left = len(trainings) - sum(one.is_well for one in ended)
    if left:
        what = f"{left} of {len(trainings)} trainings did not end well"
        if stopped is not None:
            by = "Ctrl-C" if stopped == "SIGINT" else stopped
            what = f"the queue was stopped by {by}: {left} of {len(trainings)} are left"
        # What was begun is resumed, what was not is begun.
        lines = [again(one, request) for one in ended if not one.is_well]
        lines += [training.line(request) for training in trainings[len(ended) :]]
        raise QueueError(what, code_of(ended, stopped), lines)
    if faults:
        raise faults[0]


class QueueSignals:
    """While entered, signals end the queue after the training at work, which gets them too.

    Ctrl-C reaches that training from the terminal; the others, which may be sent to one process
    alone, are passed on.
    """

    def __init__(self) -> None:
        self.name: str | None = None
        self.child: subprocess.Popen[str] | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        self._before = install_handlers(STOPPING, self.take)
        return self

    def __exit__(self, *error: object) -> None:
        restore_handlers(self._before)

    def take(self, number: int, frame: FrameType | None) -> None:
        again = self.name is not None
        self.name = self.name or signal.Signals(number).name
        if self.child is None:
            if again and number == signal.SIGINT:
                raise KeyboardInterrupt
        elif number in FORWARDED:
            self.child.send_signal(number)


def run_queue(
    trainings: Sequence[Training], request: TrainRequest
) -> tuple[list[EndedTraining], str | None]:
    """Run all, until asked to stop; the path of each run that is made goes to stdout.

    Gives those that ended, and the name of the signal that stopped the queue if one did.
    """
    ended: list[EndedTraining] = []
    with QueueSignals() as signals:
        for number, training in enumerate(trainings, 1):
            console.info(f"run {number} of {len(trainings)}: {training.title}")
            one = run_child(training, request, signals)
            ended.append(one)
            if request.on_end is not None and not request.dry:
                run_on_end(request.on_end, one.reported())
            if signals.name:
                break
    return ended, signals.name


def run_child(training: Training, request: TrainRequest, signals: QueueSignals) -> EndedTraining:
    """Train in a process of its own; its words go where ours go, its paths to our stdout."""
    from handseg.runs.query import find_run_by_pid

    begun = time.time()
    words = [*PROGRAM, *training.words(request), *verbosity_words()]
    # It writes in the encoding that this process was started with.
    process = subprocess.Popen(
        words, stdout=subprocess.PIPE, encoding=sys.stdout.encoding, errors="surrogateescape"
    )
    signals.child = process
    if signals.name is not None and signals.name != "SIGINT":
        # It came before there was a process to pass it on to.
        process.send_signal(signal.Signals[signals.name])
    code = pass_on(process)
    signals.child = None
    if code < 0:
        console.warn(f"{training.title} was ended by {signal.Signals(-code).name}")
    run = find_run_by_pid(process.pid, begun, runs_folder(request.runs))
    state = "stopped" if code in ENDED_BY else "failed"
    return EndedTraining(training, ENDED_BY.get(code, code), end_of(run, reason_of(code), state))


def pass_on(process: subprocess.Popen[str]) -> int:
    """Pass on what a child prints until it ends; its exit code, or minus the signal's number."""
    assert process.stdout is not None
    try:
        with process.stdout:
            for line in process.stdout:
                console.out(line.rstrip("\n"))
        return process.wait()
    except BaseException:
        # Our reader has gone: what the child does on its own would not be seen.
        process.terminate()
        process.wait()
        raise


def reason_of(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def verbosity_words() -> list[str]:
    """The present command's verbosity, for a child."""
    verbosity = console.verbosity
    asked = {
        "--quiet": verbosity.quiet,
        "--verbose": verbosity.verbose,
        "--debug": verbosity.debug,
        "--no-progress": not verbosity.bars,
    }
    return [word for word, is_asked in asked.items() if is_asked]


def code_of(ended: Sequence[EndedTraining], stopped: str | None) -> ExitCode:
    """That of the signal which stopped the queue, else of the first training that failed."""
    if stopped is not None:
        return ExitCode.INTERRUPTED if stopped == "SIGINT" else ExitCode.TERMINATED
    code = next(one.code for one in ended if not one.is_well)
    return ExitCode(code) if code in set(ExitCode) else ExitCode.FAILED


def groups(trainings: Sequence[Training]) -> Iterator[list[int]]:
    """The numbers of the trainings that are all folds of one recipe, for each such recipe."""
    group: list[int] = []
    for number, training in enumerate(trainings):
        if group and (not training.one_of_all or training.loaded.recipe.data.fold == 0):
            yield group
            group = []
        if training.one_of_all:
            group.append(number)
    if group:
        yield group


def join(
    group: Sequence[int], ended: Sequence[EndedTraining], request: TrainRequest
) -> HandsegError | None:
    """Join the predictions of all folds of a recipe; what kept them from it is said, and given."""
    if request.limit is not None:
        console.info("with --limit each fold predicts a few images alone: they are not joined")
        return None
    if len(group) == 1:  # a published validation split: its run predicts all who are held out
        return None
    folds = [ended[number] for number in group if number < len(ended)]
    runs = [one.run for one in folds if one.is_well and one.run is not None]
    if len(runs) < len(group):
        line = join_line([one.run for one in folds], len(group), request)
        console.warn(f"not all folds have ended well, so they are not joined; later:  {line}")
        return None
    try:
        joined = join_folds([str(run) for run in runs], request.data, request.runs)
        report_joined(joined, request.data)
    except HandsegError as error:
        complain(error)
        return error
    return None


def report_ends(ended: Sequence[EndedTraining]) -> None:
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


def again(one: EndedTraining, request: TrainRequest) -> str:
    """The line that goes on with a training, or begins it anew where nothing was kept."""
    if one.run is None or not (one.run / "checkpoints" / "last").exists():
        return one.training.line(request)
    return shlex.join(["handseg", "train", "--resume", one.run.name, *request.place_words()])


def join_line(runs: Sequence[Path | None], count: int, request: TrainRequest) -> str:
    """The line that joins so many folds; RUN stands for what is not there yet."""
    names = [run.name if run else "RUN" for run in runs]
    names += ["RUN"] * (count - len(names))
    return shlex.join(["handseg", "vote", "--out-of-fold", *names, *request.place_words()])
