"""Which submissions vote when nobody says which: the newest of each recipe and fold."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from handseg.errors import InputError
from handseg.rle.submission import Submission, read_submission
from handseg.runs.predictions import (
    ENDED,
    is_smoke_run,
    newest_predictions,
    prediction_path,
)
from handseg.runs.reader import RunSummary, list_runs


@dataclass(frozen=True)
class Choice:
    """The submissions that vote, and those left out because their images or classes differ."""

    members: tuple[Submission, ...]
    others: tuple[Submission, ...]


def newest_members(runs: Path, split: str = "test") -> Choice:
    """The newest predictions per recipe and fold in `runs` that share images and classes.

    Of several groups the largest, then the newest. Raises InputError, with the lines to type, if
    no two submissions go together.
    """
    newest = [read_submission(path) for path in newest_predictions(runs, split)]
    groups: dict[tuple[frozenset[str], frozenset[str]], list[Submission]] = {}
    for submission in newest:
        group = frozenset(submission.images), frozenset(submission.classes)
        groups.setdefault(group, []).append(submission)
    members = max(groups.values(), key=len, default=[])
    if len(members) < 2:
        raise _too_few(runs, split, newest)
    others = tuple(submission for submission in newest if submission not in members)
    return Choice(tuple(members), others)


def _too_few(runs: Path, split: str, newest: Sequence[Submission]) -> InputError:
    unpredicted = [
        run
        for run in list_runs(runs)
        if run.state in ENDED
        and not prediction_path(run.folder, split).exists()
        and not is_smoke_run(run.folder)
    ]
    if newest:
        listed = "\n".join(f"found: {one.path} ({len(one.images)} images)" for one in newest)
    else:
        listed = f"looked for */predictions/{split}.csv in {runs.absolute()}"
    return InputError(
        f"a vote needs at least two {split} predictions of the same images and classes",
        details=listed,
        hints=_hints(unpredicted, bool(newest)),
    )


def _hints(unpredicted: Sequence[RunSummary], any_prediction: bool) -> list[str]:
    if unpredicted:
        return [f"handseg predict {run.name}" for run in unpredicted]
    if any_prediction:
        return ["train another recipe, then: handseg predict last"]
    return [
        "name submissions yourself, as in: handseg vote a.csv b.csv c.csv",
        "handseg demo   goes the whole way on synthetic hands",
    ]
