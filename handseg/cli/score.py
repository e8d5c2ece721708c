"""`handseg score`: Dice of submissions for each class, against the labels."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from handseg.cli import console, options
from handseg.cli.command import command
from handseg.errors import InputError, UsageError

if TYPE_CHECKING:
    from handseg.data.dataset import Dataset
    from handseg.score.predictions import ScoredSubmission


@command(
    examples=[
        "handseg score",
        "handseg score votes/vote-001.csv",
        "handseg score segformer-1 unet-1 votes/vote-001.csv",
        "handseg score last:val --json",
    ]
)
def score(
    preds: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PRED",
            help="CSVs or RUN[:SPLIT] [default: the newest vote that has labels, "
            "else the last run's validation].",
            show_default=False,
        ),
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="A data set whose labels are compared with [default: that of --data].",
            show_default=False,
        ),
    ] = None,
    data: options.Data = None,
    runs: options.Runs = None,
    json_: options.Json = False,
    csv_: options.Csv = False,
) -> None:
    """Say how good submissions are: Dice for each class, side by side."""
    from handseg.data.dataset import open_dataset
    from handseg.rle.submission import read_submission
    from handseg.score.predictions import score_submissions

    if json_ and csv_:
        raise UsageError("--json and --csv are two formats; give one of them")
    runs_folder, data_folder = options.runs_folder(runs), labels or options.data_folder(data)
    if preds:
        paths = named_predictions(preds, runs_folder)
        dataset = open_dataset(data_folder)
    else:
        check_anything(runs_folder)
        dataset = open_dataset(data_folder)
        paths = [default_prediction(dataset, runs_folder)]
    submissions = [read_submission(path) for path in paths]
    with console.progress("drawing labels") as bar:
        scored = score_submissions(submissions, dataset, bar)
    say_notes(scored)
    print_scores(scored, dataset.classes, json_, csv_)


def named_predictions(preds: Sequence[str], runs: Path) -> list[Path]:
    from handseg.runs.predictions import find_prediction

    return [find_prediction(text, runs) for text in preds]


def votes_by_age() -> list[Path]:
    """The votes in `votes/`, newest first."""
    found = [(path.stat().st_mtime_ns, path.name, path) for path in options.VOTES.glob("*.csv")]
    return [path for *_, path in sorted(found, reverse=True)]


def check_anything(runs: Path) -> None:
    """Raise InputError where there is neither a vote nor a run."""
    from handseg.runs.reader import list_runs

    if not votes_by_age() and not list_runs(runs):
        raise InputError(
            "there is nothing to score",
            why=f"no vote in {options.VOTES.absolute()}, no run in {runs.absolute()}",
            hints=[
                "name a submission, as in: handseg score prediction.csv --data DIR",
                "handseg demo   goes the whole way on synthetic hands",
            ],
        )


def default_prediction(dataset: "Dataset", runs: Path) -> Path:
    """The newest vote if its images have labels, else the validation of the last run."""
    from handseg.data.dataset import with_test_labels
    from handseg.rle.submission import read_submission
    from handseg.runs.predictions import find_prediction, newest_predictions
    from handseg.score.samples import has_labels

    for path in votes_by_age()[:1]:
        if has_labels(read_submission(path), with_test_labels(dataset)):
            return path
        console.say(f"the images of {path} have no labels here: the last run's validation instead")
    # A run that is still training, or was stopped, has none yet.
    ended = newest_predictions(runs, "val")
    return ended[0] if ended else find_prediction("last", runs, "val")


def say_notes(scored: "Sequence[ScoredSubmission]") -> None:
    """What a person should know about the figures before reading them."""
    for one in scored:
        path, images = one.submission.path, one.scores.images
        console.say(f"{path}: {len(images)} images")
        if one.without_rows:
            shown = ", ".join(one.without_rows[:3]) + (", …" if len(one.without_rows) > 3 else "")
            console.warn(f"{len(one.without_rows)} images without rows count as empty: {shown}")
        if one.rows_missing:
            console.warn(f"{path}: {one.rows_missing} rows missing count as empty masks")
        if one.trained_on:
            people = ", ".join(one.trained_on[:5]) + (", …" if len(one.trained_on) > 5 else "")
            console.warn(
                f"{path} was trained on {len(one.trained_on)} people of these images "
                f"({people}): its Dice flatters"
            )
    if len({frozenset(one.scores.images) for one in scored}) > 1:
        console.warn("these submissions are of different images: their Dice cannot be compared")


def print_scores(
    scored: "Sequence[ScoredSubmission]", classes: Sequence[str], as_json: bool, as_csv: bool
) -> None:
    from handseg.score.table import score_csv, score_json, score_table

    if as_json:
        console.print_json(score_json([(str(one.submission.path), one.scores) for one in scored]))
        return
    titles = short_titles([one.submission.path for one in scored])
    titled = [(title, one.scores) for title, one in zip(titles, scored, strict=True)]
    if as_csv:
        console.out(score_csv(titled, classes))
    else:
        console.print_table(score_table(titled, classes))


def short_titles(paths: Sequence[Path]) -> list[str]:
    """The name of the run, or the stem of the file; the whole path where that is ambiguous."""
    titles = [
        path.parent.parent.name if path.parent.name == "predictions" else path.stem
        for path in paths
    ]
    counts = Counter(titles)
    return [
        title if counts[title] == 1 else str(path)
        for title, path in zip(titles, paths, strict=True)
    ]
