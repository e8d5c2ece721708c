"""`handseg score`: Dice and its relatives of submissions, against the labels."""

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from handseg.cli import console, options
from handseg.cli.command import command
from handseg.cli.score_words import say_assumed_sizes, say_labels, say_notes, say_poses
from handseg.errors import InputError, UsageError
from handseg.reporter import Progress, silent

if TYPE_CHECKING:
    from handseg.data.dataset import Sample
    from handseg.hand.hands import Hands
    from handseg.rle.submission import Submission
    from handseg.score.comparison import Comparison
    from handseg.score.pose import Reweight
    from handseg.score.predictions import ScoredSubmission
    from handseg.score.truth import Truth

Judged = tuple["Submission", tuple[str, ...]]
"""A submission and the images that it is scored on."""
By = Literal["class", "image", "person"]


@command(
    examples=[
        "handseg score",
        "handseg score votes/vote-001.csv --worst 3",
        "handseg score segformer-1 unet-1 votes/vote-001.csv",
        "handseg score a.csv b.csv --labels labels.csv --metrics hd95,nsd,overlap",
        "handseg score last:val --by person --reweight pose=0.576",
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
            metavar="DIR|CSV",
            help="A data set or a submission to compare with [default: the data set of --data].",
            show_default=False,
        ),
    ] = None,
    metrics: Annotated[
        str,
        typer.Option(
            metavar="NAMES",
            help="Beside dice, with commas: iou, precision, recall; hd95 and nsd of the outlines "
            "(slower); overlap, Dice inside the overlaps of bones.",
        ),
    ] = "dice",
    by: Annotated[
        By,
        typer.Option(help="What the rows are; images and people come worst first."),
    ] = "class",
    worst: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=1, help="The N worst images of each class too.", show_default=False
        ),
    ] = None,
    reweight: Annotated[
        str | None,
        typer.Option(
            metavar="pose=SHARE",
            help="The mean too as it would be if this share of people had bent wrists.",
            show_default=False,
        ),
    ] = None,
    image_size: options.ImageSize = None,
    data: options.Data = None,
    runs: options.Runs = None,
    json_: options.Json = False,
    csv_: options.Csv = False,
) -> None:
    """Say how good submissions are: Dice for each class, side by side.

    Several are compared, the last with the best of the others: is the difference more than noise?
    """
    from handseg.score.comparison import Comparison
    from handseg.score.metrics import needs_sizes, parse_metrics
    from handseg.score.predictions import score_submission

    if json_ and csv_:
        raise UsageError("--json and --csv are two formats; give one of them")
    names, size = parse_metrics(metrics), options.pixels(image_size)
    asked = None if reweight is None else read_reweight(reweight)
    runs_folder, data_folder = options.runs_folder(runs), options.data_folder(data)
    paths = named_predictions(preds, runs_folder)
    if labels is not None and is_csv(labels):
        truth, judged = against_csv(paths, labels, data_folder, runs_folder)
    else:
        truth, judged = against_data_set(paths, labels or data_folder, runs_folder)
    if image_size is None and (asked or needs_sizes(names)):
        truth = sized(truth, judged, data_folder, size)
    with bar_of(names) as bar:
        scored = [
            score_submission(submission, truth, images, names, image_size=size, progress=bar)
            for submission, images in judged
        ]
    say_notes(scored)
    if image_size is None and (asked or needs_sizes(names)):
        say_assumed_sizes(scored, size)
    hands = poses_of_all(scored, asked)
    titles = short_titles([submission.path for submission, _ in judged])
    show(Comparison(scored, titles, names, asked, hands), by, worst, json_, csv_)


def sized(
    truth: "Truth",
    judged: "Sequence[Judged]",
    data: Path,
    size: tuple[int, int],
) -> "Truth":
    """The labels with the sizes that a data set knows of their images.

    Raises:
        InputError: nothing says a size, and the masks do not fit the one that would be assumed.
    """
    from handseg.data.image_sizes import check_assumed_size
    from handseg.score.truth import with_sizes

    truth = with_sizes(truth, {image for _, images in judged for image in images}, data)
    for submission, images in judged:
        known = truth.sizes.keys() | truth.labels.sizes.keys() | submission.sizes.keys()
        check_assumed_size(truth.labels, [image for image in images if image not in known], size)
    return truth


def bar_of(metrics: Sequence[str]) -> AbstractContextManager[Progress]:
    """A bar where a metric takes its time; what only areas tell is there at once."""
    from handseg.score.metrics import OF_AREAS

    return nullcontext(silent) if set(metrics) <= set(OF_AREAS) else console.progress("comparing")


def read_reweight(text: str) -> "Reweight":
    from handseg.score.pose import parse_reweight

    return parse_reweight(text)


def is_csv(labels: Path) -> bool:
    """Whether labels are a submission and no data set; raises InputError where nothing is."""
    if not labels.exists():
        raise InputError(f"there are no labels at {labels}", details=f"looked in {Path.cwd()}")
    return not labels.is_dir()


def named_predictions(preds: Sequence[str] | None, runs: Path) -> list[Path]:
    """What the person named; none where it is the default, which must then be there."""
    from handseg.runs.predictions import find_prediction

    if not preds:
        check_anything(runs)
    return [find_prediction(text, runs) for text in preds or ()]


def against_data_set(
    paths: Sequence[Path], folder: Path, runs: Path
) -> "tuple[Truth, list[Judged]]":
    """The labels of a data set as run lengths, and each submission with its images."""
    from handseg.data.dataset import open_dataset, with_test_labels
    from handseg.rle.submission import read_submission
    from handseg.score.predictions import chosen_samples, names_of, united
    from handseg.score.samples import has_labels
    from handseg.score.truth import truth_of_samples

    dataset = open_dataset(folder)
    if not paths:
        known = with_test_labels(dataset)
        paths = [default_prediction(lambda submission: has_labels(submission, known), runs)]
    submissions = [read_submission(path) for path in paths]
    chosen = chosen_samples(submissions, dataset)
    samples = united(chosen)
    truth = truth_of_samples(drawn_labels(samples, dataset.classes), samples, dataset.aliases)
    return truth, list(zip(submissions, map(names_of, chosen), strict=True))


def drawn_labels(samples: "Sequence[Sample]", classes: Sequence[str]) -> "Submission":
    """The labels of samples as run lengths; drawn now, and that is said, or before."""
    from handseg.data.label_runs import label_file
    from handseg.text import size_text

    file = label_file(samples, classes)
    if file.found() is None:
        size = size_text(file.expected_bytes)
        console.info(
            f"the labels of {len(samples)} images become run lengths, once: "
            f"about {size} in {file.path.parent}"
        )
    with console.progress("drawing labels") as bar:
        return file.submission(bar)


def against_csv(
    paths: Sequence[Path], labels: Path, data: Path, runs: Path
) -> "tuple[Truth, list[Judged]]":
    """The masks of a submission as labels, and each other submission with its images."""
    from handseg.rle.submission import read_submission
    from handseg.score.truth import images_to_score, read_truth

    truth = read_truth(labels, data)
    known = set(truth.labels.images)
    if not paths:
        paths = [default_prediction(lambda submission: known.issuperset(submission.images), runs)]
    submissions = [read_submission(path) for path in paths]
    say_labels(truth)
    return truth, [(one, images_to_score(one, truth)) for one in submissions]


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
            details=f"no vote in {options.VOTES.absolute()}, no run in {runs.absolute()}",
            hints=[
                "name a submission, as in: handseg score prediction.csv --data DIR",
                "handseg demo   goes the whole way on synthetic hands",
            ],
        )


def default_prediction(has_labels: "Callable[[Submission], bool]", runs: Path) -> Path:
    """The newest vote if its images have labels, else the validation of the last run."""
    from handseg.rle.submission import read_submission
    from handseg.runs.predictions import find_prediction, newest_predictions

    for path in votes_by_age()[:1]:
        if has_labels(read_submission(path)):
            return path
        console.info(f"the images of {path} have no labels here: the last run's validation instead")
    # A run that is still training, or was stopped, has none yet.
    ended = newest_predictions(runs, "val")
    return ended[0] if ended else find_prediction("last", runs, "val")


def poses_of_all(
    scored: "Sequence[ScoredSubmission]", reweight: "Reweight | None"
) -> "list[Hands]":
    """The poses of the images of each submission, where means are reweighted."""
    if reweight is None:
        return []
    from handseg.score.pose import hands_of_truth

    hands: list[Hands] = []
    for one in scored:
        with console.progress("poses") as bar:
            hands.append(hands_of_truth(one.truth, one.images, one.sizes, bar))
        say_poses(one, hands[-1])
    return hands


def show(comparison: "Comparison", by: By, worst: int | None, as_json: bool, as_csv: bool) -> None:
    """Print what was asked for: JSON, CSV or tables."""
    from handseg.score.blocks import blocks_by
    from handseg.score.worst import worst_images

    if as_json:
        from handseg.score.as_json import comparison_json

        console.print_json(comparison_json(comparison, worst))
        return
    lists = [
        (title, worst_images(one, worst))
        for title, one in zip(comparison.titles, comparison.scored, strict=True)
        if worst is not None
    ]
    if as_csv:
        from handseg.score.as_csv import blocks_csv, worst_csv

        found = worst_csv((title, image) for title, images in lists for image in images)
        console.out(found if worst is not None else blocks_csv(blocks_by(comparison, by)))
        return
    from handseg.score.table import block_table, worst_table

    for block in blocks_by(comparison, by):
        console.print_table(block_table(block))
        for remark in block.remarks:
            console.out(remark)
    for title, images in lists:
        console.print_table(worst_table(images, f"{title}: worst {worst} of each class"))


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
