"""What a person may type for a prediction: a CSV, or RUN[:SPLIT]."""

import shlex
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from handseg.errors import InputError, UsageError
from handseg.formats.foreign import refuse_foreign
from handseg.rle.csv_records import STDIN
from handseg.rle.submission import Fault, Submission, read_submission
from handseg.runs import layout

VOTES = Path("votes")
"""Where votes go, and where they are looked for."""
SPLITS = ("train", "val", "test", "all")
ENDED = ("finished", "stopped")


def prediction_path(run: Path, split: str) -> Path:
    return run / layout.PREDICTIONS / f"{split}.csv"


def find_prediction(text: str, runs: Path, split: str = "test") -> Path:
    """The CSV that the text means: a path, or a run with its split (`unet-1`, `last:val`).

    Raises:
        InputError: there is none; says the line to type.
        UsageError: there is no such split.
    """
    path = Path(text)
    # `-` is stdin; `<(command)` of a shell is a pipe, which is no file.
    refuse_foreign(path)
    if path.suffix.lower() == ".json" and path.is_file():
        raise InputError(
            f"{text} is JSON, no CSV of masks",
            hints=[
                f"handseg check {shlex.quote(str(path.parent))}   # if it labels a data set",
                f"handseg convert {shlex.quote(text)} --to csv",
            ],
        )
    if path == STDIN or (path.exists() and not path.is_dir()):
        return path
    if path.is_dir() and not (path / layout.RUN).is_file() and not (runs / text).is_dir():
        raise InputError(f"{text} is a folder, but no run: a prediction is a CSV or RUN[:SPLIT]")
    if text.endswith(".csv"):
        raise InputError(f"there is no CSV {text}", details=f"looked in {Path.cwd()}")
    name, _, suffix = text.rpartition(":")
    if name and suffix in SPLITS:
        text, split = name, suffix
    elif name and not Path(text).exists():
        raise UsageError(f"there is no split {suffix!r}", details=f"splits: {', '.join(SPLITS)}")
    # Runs are read only where one is named: a vote on CSVs starts faster without.
    from handseg.runs.query import find_run

    run = find_run(text, runs)
    path = prediction_path(run, split)
    if not path.is_file():
        raise InputError(
            f"the run {run.name} has no predictions of the split {split}",
            details=f"looked for {path}",
            hints=[f"handseg predict {text} --split {split}"],
        )
    return path


def read_predictions(
    texts: Iterable[str], runs: Path, split: str = "test", faults: list[Fault] | None = None
) -> list[Submission]:
    return [read_submission(find_prediction(text, runs, split), faults) for text in texts]


def is_smoke_run(run: Path) -> bool:
    """Whether a run was trained on a few images only (`--limit`), to see whether all works."""
    from handseg.runs.summary import read_run_file

    try:
        return read_run_file(run).get("limit") is not None
    except (OSError, ValueError):
        return False


def newest_predictions(runs: Path, split: str) -> list[Path]:
    """The predictions of a split by the newest ended run of each recipe and fold, newest first.

    Smoke runs are passed over: they count only where they are named.
    """
    from handseg.runs.index import list_runs

    found: dict[tuple[str, int | None], Path] = {}
    for run in list_runs(runs):
        path = prediction_path(run.folder, split)
        if run.state in ENDED and path.is_file() and not is_smoke_run(run.folder):
            found.setdefault((run.recipe, run.fold), path)
    return list(found.values())


class DefaultPrediction(NamedTuple):
    """What is scored where nothing is named, and the newest vote if its images have no labels."""

    path: Path
    passed_over: Path | None = None


def default_prediction(runs: Path, covers: Callable[[Submission], bool]) -> DefaultPrediction:
    """The newest vote if its images have labels (`covers`), else the last run's validation.

    Raises InputError where there is neither.
    """
    newest = newest_vote()
    if newest is not None and covers(read_submission(newest)):
        return DefaultPrediction(newest)
    # A run that is still training, or was stopped, has none yet.
    ended = newest_predictions(runs, "val")
    path = ended[0] if ended else find_prediction("last", runs, "val")
    return DefaultPrediction(path, newest)


def newest_vote() -> Path | None:
    found = [(path.stat().st_mtime_ns, path.name, path) for path in VOTES.glob("*.csv")]
    return max(found)[-1] if found else None


def check_anything_to_score(runs: Path) -> None:
    """Raise InputError where there is neither a vote nor a run."""
    from handseg.runs.index import list_runs

    if newest_vote() is None and not list_runs(runs):
        raise InputError(
            "there is nothing to score",
            details=f"no vote in {VOTES.absolute()}, no run in {runs.absolute()}",
            hints=[
                "name a submission, as in: handseg score prediction.csv --data DIR",
                "handseg demo   goes the whole way on synthetic hands",
            ],
        )
