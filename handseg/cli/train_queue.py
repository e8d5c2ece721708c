"""A queue of trainings from its first to what is said, joined and left to type at its end."""

from collections.abc import Iterator, Sequence

from handseg.cli import console, options
from handseg.cli.command import complain
from handseg.cli.out_of_fold import join_predictions
from handseg.cli.queue_run import Ended, run_queue
from handseg.cli.queue_words import join_line, lines_to_type, say_table
from handseg.cli.train_plan import Request, Training
from handseg.errors import ExitCode, HandsegError


class QueueError(HandsegError):
    """A queue of which something is left to do, with the exit code of what kept it."""

    def __init__(self, what: str, code: ExitCode, lines: Sequence[str]) -> None:
        super().__init__(what, hints=lines)
        self.exit_code = code


def work_through(trainings: Sequence[Training], request: Request) -> None:
    """Train all, join the folds that belong together, and say what is left to do.

    Raises:
        QueueError: a training did not end well, or the queue was stopped.
    """
    ended, stopped = run_queue(trainings, request)
    faults: list[HandsegError] = []
    if not request.dry:
        say_table(ended)
        faults = [fault for group in groups(trainings) if (fault := join(group, ended, request))]
    left = len(trainings) - sum(one.is_well for one in ended)
    if left:
        what = f"{left} of {len(trainings)} trainings did not end well"
        if stopped is not None:
            by = "Ctrl-C" if stopped == "SIGINT" else stopped
            what = f"the queue was stopped by {by}: {left} of {len(trainings)} are left"
        raise QueueError(what, code_of(ended, stopped), lines_to_type(ended, trainings, request))
    if faults:
        raise faults[0]


def code_of(ended: Sequence[Ended], stopped: str | None) -> ExitCode:
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


def join(group: Sequence[int], ended: Sequence[Ended], request: Request) -> HandsegError | None:
    """Join the predictions of all folds of a recipe; what kept them from it is said, and given."""
    if request.limit is not None:
        console.info("with --limit each fold predicts a few images alone: they are not joined")
        return None
    folds = [ended[number] for number in group if number < len(ended)]
    runs = [one.run for one in folds if one.is_well and one.run is not None]
    if len(runs) < len(group):
        line = join_line([one.run for one in folds], len(group), request)
        console.warn(f"not all folds have ended well, so they are not joined; later:  {line}")
        return None
    try:
        join_predictions(
            [str(run) for run in runs], request.data, options.runs_folder(request.runs)
        )
    except HandsegError as error:
        complain(error)
        return error
    return None
