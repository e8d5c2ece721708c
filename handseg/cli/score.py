"""`handseg score`: Dice and its relatives of submissions, against the labels."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from handseg.cli import console
from handseg.cli.command import (
    Csv,
    Data,
    ImageSize,
    Json,
    Runs,
    command,
    data_folder,
    pixels,
    runs_folder,
    say_if_unused,
)
from handseg.cli.tables import Column, Table, json_value
from handseg.text import counted, people_text, pixels_text, shown, size_text
from handseg.work import Progress, silent

if TYPE_CHECKING:
    from handseg.rle.submission import Submission
    from handseg.score.ground_truth import ChosenLabels, CsvLabels, DatasetLabels, GroundTruth
    from handseg.score.means import Interval, Summary
    from handseg.score.scoring import (
        Comparison,
        ReportColumn,
        ReportRows,
        ScoredSubmission,
        WorstImage,
    )

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
        ),
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR|CSV",
            help="A data set or a submission to compare with [default: the data set of --data].",
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
        By, typer.Option(help="What the rows are; images and people come worst first.")
    ] = "class",
    worst: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=1, help="The N worst images of each class too; with --csv only them."
        ),
    ] = None,
    reweight: Annotated[
        str | None,
        typer.Option(
            metavar="pose=SHARE",
            help="The mean too as it would be if this share of people had bent wrists.",
        ),
    ] = None,
    mean: Annotated[
        Literal["bones", "classes"],
        typer.Option(
            help="What means and overlaps are of: bones, or all classes (SoftTissue … too)."
        ),
    ] = "bones",
    image_size: ImageSize = None,
    data: Data = None,
    runs: Runs = None,
    json_: Json = False,
    csv_: Csv = False,
) -> None:
    """Say how good submissions are: Dice for each class, side by side.

    Several are compared, the last with the best of the others: is the difference more than noise?
    """
    from handseg.runs.predictions import check_anything_to_score, find_prediction
    from handseg.score.ground_truth import CsvLabels, open_labels, with_sizes
    from handseg.score.metrics import needs_sizes, parse_metrics
    from handseg.score.scoring import Comparison, parse_reweight, score_submission

    names, size = parse_metrics(metrics), pixels(image_size)
    asked = None if reweight is None else parse_reweight(reweight)
    runs_path, data_path = runs_folder(runs), data_folder(data)
    if not preds:
        check_anything_to_score(runs_path)
    paths = [find_prediction(text, runs_path) for text in preds or ()]
    known = open_labels(labels, data_path)
    submissions = read_submissions(paths, known, runs_path)
    chosen = known.choose(submissions)
    truth = replace(draw_labels(chosen), counts_all=mean == "classes")
    if isinstance(known, CsvLabels):
        report_labels(truth)
    sizes_matter = asked is not None or needs_sizes(names)
    if sizes_matter:
        is_given = image_size is not None
        truth = with_sizes(truth, submissions, chosen.images, data_path, size, is_given=is_given)
    with bar_of(names) as bar:
        scored = [
            score_submission(submission, truth, images, names, image_size=size, progress=bar)
            for submission, images in zip(submissions, chosen.images, strict=True)
        ]
    with console.progress("poses") as bar:
        hands = [one.truth.hands(one.images, one.sizes, bar) for one in scored if asked]
    comparison = Comparison(
        scored, short_titles([one.path for one in submissions]), names, asked, hands
    )
    report_notes(scored)
    if sizes_matter and image_size is None:
        report_assumed_sizes(scored, size)
    for one in scored:
        say_if_unused(image_size, said_sizes(one), one.images)
    report_poses(comparison)
    if json_:
        console.print_json(comparison_json(comparison, worst))
    elif csv_:
        print_csv(comparison, by, worst)
    else:
        print_tables(comparison, by, worst)


def read_submissions(
    paths: "Sequence[Path]", known: "DatasetLabels | CsvLabels", runs: Path
) -> "list[Submission]":
    """What is named, else the newest vote or validation that has labels."""
    from handseg.rle.submission import read_submission
    from handseg.runs.predictions import default_prediction

    if not paths:
        default = default_prediction(runs, known.covers)
        if default.passed_over is not None:
            console.info(
                f"the images of {default.passed_over} have no labels here: "
                "the last run's validation instead"
            )
        paths = [default.path]
    return [read_submission(path) for path in paths]


def draw_labels(chosen: "ChosenLabels") -> "GroundTruth":
    """The labels as run lengths; where they are drawn now, that is said: it takes a while."""
    file = chosen.to_draw
    if file is not None:
        console.info(
            f"the labels of {counted(len(file.samples), 'image')} become run lengths, once: "
            f"about {size_text(file.expected_bytes)} in {file.path.parent}"
        )
    with console.progress("drawing labels") as bar:
        return chosen.ground_truth(bar)


def bar_of(metrics: Sequence[str]) -> AbstractContextManager[Progress]:
    """A bar where a metric takes its time; those of areas are there at once."""
    from handseg.score.metrics import OF_AREAS

    return nullcontext(silent) if set(metrics) <= set(OF_AREAS) else console.progress("comparing")


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


def report_labels(truth: "GroundTruth") -> None:
    """What a person should know of labels that are a submission."""
    labels = truth.labels
    images = (
        f"{counted(len(labels.images), 'image')}, {counted(len(truth.classes), 'class', 'classes')}"
    )
    console.info(f"labels: {labels.path}, {images}")
    if truth.rows_missing:
        console.warn(
            f"{labels.path}: {counted(truth.rows_missing, 'row')} missing, counted as empty labels"
        )
    unknown = sum(image not in truth.people for image in labels.images)
    if unknown:
        console.info(
            f"people not known of {counted(unknown, 'image')} (--data DIR tells them): "
            "each image counts as a person"
        )


def report_notes(scored: "Sequence[ScoredSubmission]") -> None:
    for one in scored:
        report_rows_of(one)
        for metric in one.values:
            undefined = one.undefined(metric)
            if undefined:
                console.warn(
                    f"{one.submission.path}: {counted(undefined, 'mask')} without {metric} "
                    f"({one.empty.missed} missed, {one.empty.extra} where nothing is labelled): "
                    "the means leave them out"
                )
        if one.trained_on:
            console.warn(
                f"{one.submission.path} was trained on {people_text(len(one.trained_on))} of these "
                f"images ({shown(one.trained_on)}): its Dice flatters"
            )
    if len({frozenset(one.images) for one in scored}) > 1:
        console.warn("these submissions are of different images: their Dice cannot be compared")


def report_rows_of(one: "ScoredSubmission") -> None:
    """The images of a submission, and what its rows lack or have too often."""
    from handseg.formats.submission import unreadable_images

    path = one.submission.path
    console.info(f"{path}: {counted(len(one.images), 'image')} of {people_text(len(one.people))}")
    bare = len(set(one.submission.images).difference(one.images))
    if bare:
        console.info(f"{path}: {counted(bare, 'more image')} without a label: no part of the score")
    if unreadable := unreadable_images(one.submission):
        console.warn(
            f"{path}: {counted(len(unreadable), 'image')} that could not be read when it was "
            f"predicted: no part of the score: {shown(unreadable, 3)}"
        )
    for note in one.submission.notes:
        console.info(f"{path}: {note}")
    if one.submission.repeated_rows:
        console.info(
            f"{path}: {counted(one.submission.repeated_rows, 'row')} repeated, with the same masks"
        )
    if one.without_rows:
        console.warn(
            f"{counted(len(one.without_rows), 'image')} without rows counted as empty: "
            f"{shown(one.without_rows, 3)}"
        )
    if one.rows_missing:
        console.warn(f"{path}: {counted(one.rows_missing, 'row')} missing, counted as empty masks")


def report_assumed_sizes(scored: "Sequence[ScoredSubmission]", size: tuple[int, int]) -> None:
    """A warning where values rest on assumed sizes."""
    for one in scored:
        said = said_sizes(one)
        assumed = sum(image not in said for image in one.images)
        if assumed:
            console.warn(
                f"{one.submission.path}: no sidecar says the size of "
                f"{counted(assumed, 'image')}, taken as {pixels_text(size)} (--image-size)"
            )


def said_sizes(one: "ScoredSubmission") -> dict[str, tuple[int, int]]:
    return {**one.submission.sizes, **one.truth.labels.sizes, **one.truth.sizes}


def report_poses(comparison: "Comparison") -> None:
    """How many wrists are bent, where means are reweighted."""
    if not comparison.hands:
        return
    from handseg.hand.hands import LIMIT

    for one, hands in zip(comparison.scored, comparison.hands, strict=True):
        unknown = hands.unknown_poses
        bent, known = int(hands.bent.sum()), len(one.images) - unknown
        share = f" ({bent / known:.1%})" if known else ""
        lost = f"; of {unknown} images the pose is not known" if unknown else ""
        console.info(
            f"{one.submission.path}: {bent} of {known} wrists are bent by more than {LIMIT:g}°"
            f"{share}{lost}"
        )


def print_tables(comparison: "Comparison", by: By, worst: int | None) -> None:
    from handseg.score.scoring import report_rows, worst_images

    for rows in report_rows(comparison, by):
        console.print_table(rows_table(rows).to_rich())
        for remark in rows.remarks:
            console.out(remark)
    if worst is None:
        return
    for title, one in zip(comparison.titles, comparison.scored, strict=True):
        table = worst_table(worst_images(one, worst), f"{title}: worst {worst} of each class")
        console.print_table(table.to_rich())


def print_csv(comparison: "Comparison", by: By, worst: int | None) -> None:
    from handseg.score.scoring import report_rows, worst_images

    if worst is None:
        console.print_csv(rows_csv(report_rows(comparison, by)))
        return
    lists = [worst_images(one, worst) for one in comparison.scored]
    console.print_csv(worst_csv(dict(zip(comparison.titles, lists, strict=True))))


def rows_table(rows: "ReportRows") -> Table:
    """Rows as people read them; the worst of each column is marked where they are not ranked."""
    marked = {
        (row, place + 1)
        for place, column in enumerate(rows.columns)
        if not rows.is_ranked and (row := worst_row(column)) is not None
    }
    return Table(
        [
            Column(rows.heading, fold=True),
            *(
                Column(
                    one.title,
                    one.metric.signed if one.is_signed else one.metric.words,
                    right=True,
                    fold=True,
                )
                for one in rows.columns
            ),
        ],
        _lines(rows.names, [one.values for one in rows.columns]),
        _lines(rows.footers, [one.footers for one in rows.columns]),
        rows.title,
        "boxed",
        marked=frozenset(marked),
    )


def worst_row(column: "ReportColumn") -> int | None:
    """The row with the worst value; None where it is not worth a mark."""
    known = [(value, row) for row, value in enumerate(column.values) if not math.isnan(value)]
    if not column.is_marked or len({value for value, _ in known}) < 2:
        return None
    return (min if column.metric.more_is_better else max)(known)[1]


def worst_table(worst: "Sequence[WorstImage]", title: str) -> Table:
    """The worst images of each class, with their lines in the CSV; a class is named once."""
    begins = [
        place for place, one in enumerate(worst) if not place or one.cls != worst[place - 1].cls
    ]
    return Table(
        [
            Column("class", fold=True),
            Column("image", fold=True),
            Column("dice", "{:.4f}".format, right=True),
            Column("line", lambda line: "no row" if line is None else str(line), right=True),
        ],
        [
            (one.cls if place in begins else "", one.image, one.dice, one.line)
            for place, one in enumerate(worst)
        ],
        title=title,
        look="boxed",
        sections=frozenset(begins[1:]),
    )


def rows_csv(found: "Sequence[ReportRows]") -> str:
    """All as one CSV: side by side where they have the same rows, else beneath each other.

    A column is named by its title, and by its metric where that is not Dice. Intervals are left
    out: they stand in the JSON.
    """
    from handseg.score.scoring import FROM, TO

    tables: list[Table] = []
    for _, alike in groupby(found, lambda rows: (rows.heading, *rows.names)):
        first, *others = alike
        columns = [column for rows in (first, *others) for column in rows.columns]
        rows = _lines(first.names, [column.values for column in columns])
        footers = _lines(first.footers, [column.footers for column in columns])
        rows += [footer for footer in footers if footer[0] not in (FROM, TO)]
        names = [first.heading, *(_csv_name(column) for column in columns)]
        tables.append(Table([Column(name) for name in names], rows))
    return "\n".join(table.to_csv() for table in tables)


def worst_csv(lists: "Mapping[str, Sequence[WorstImage]]") -> str:
    """The worst images of each class by title; the line is empty where there is no row."""
    names = ("prediction", "class", "image_name", "dice", "line")
    rows = [(title, *image) for title, images in lists.items() for image in images]
    return Table([Column(name) for name in names], rows).to_csv()


def _lines(names: Sequence[str], columns: Sequence[Sequence[float]]) -> list[list[Any]]:
    return [[name, *(values[place] for values in columns)] for place, name in enumerate(names)]


def _csv_name(column: "ReportColumn") -> str:
    metric = column.metric.name
    return column.title if metric in ("dice", column.title) else f"{column.title} {metric}"


def comparison_json(comparison: "Comparison", worst: int | None = None) -> dict[str, Any]:
    """Predictions, and with several the difference that the table shows.

    A prediction has its path, its Dice (`mean`, `interval`, `classes`), all `metrics`, each image
    (`by_image`) and person; and where they are asked for `pairs`, `pose` and `worst`.
    """
    from handseg.score.means import LEVEL, RESAMPLES

    document: dict[str, Any] = {
        "labels": str(comparison.scored[0].truth.labels.path),
        "bootstrap": {"of": "people", "resamples": RESAMPLES, "level": LEVEL / 100},
        "predictions": [
            _prediction(comparison, index, worst) for index in range(len(comparison.scored))
        ],
    }
    if comparison.other is not None:
        document["difference"] = _difference(comparison, comparison.other)
    return document


def _prediction(comparison: "Comparison", index: int, worst: int | None) -> dict[str, Any]:
    from handseg.score.scoring import rows_by, worst_images

    one = comparison.compared[index]
    dice = comparison.summaries[index, "dice"]
    document: dict[str, Any] = {
        "path": str(one.submission.path),
        "mean": json_value(dice.mean),
        "interval": _ends(dice.interval),
        "images": len(one.images),
        "people": len(one.people),
        "not_bones": sorted(one.truth.not_bones),
        "empty_masks": one.empty._asdict(),
        "classes": _json_values(one.scores.by_class()),
        "metrics": {name: _metric(comparison, index, name) for name in comparison.metrics},
        "by_person": {
            name: _json_values(rows_by(one, name, "person")) for name in comparison.metrics
        },
        "by_image": _images(comparison, index),
    }
    if one.overlaps is not None:
        document["pairs"] = [
            {"classes": list(pair), "dice": json_value(found.dice), "images": found.images}
            for pair, found in one.overlaps.by_pair().items()
        ]
    if comparison.reweight is not None:
        document["pose"] = _pose(comparison, index)
    if worst is not None:
        document["worst"] = [
            {"class": row.cls, "image_name": row.image, "dice": row.dice, "line": row.line}
            for row in worst_images(one, worst)
        ]
    return document


def _metric(comparison: "Comparison", index: int, name: str) -> dict[str, Any]:
    import numpy as np

    from handseg.score.metrics import OVERLAP
    from handseg.score.scoring import counted_values, rows_by

    one, found = comparison.compared[index], _summary(comparison.summaries[index, name])
    if name != OVERLAP:
        found["classes"] = _json_values(rows_by(one, name, "class"))
        found["undefined"] = comparison.scored[index].undefined(name)
        found["masks"] = int((~np.isnan(counted_values(one, name))).sum())
    return found


def _images(comparison: "Comparison", index: int) -> list[dict[str, Any]]:
    """Each image with its means over the classes, and its Dice of each class."""
    from handseg.score.scoring import rows_by

    one = comparison.compared[index]
    means = {name: rows_by(one, name, "image") for name in comparison.metrics}
    return [
        {
            "image_name": image,
            "person": one.truth.person(image),
            **{name: json_value(values[image]) for name, values in means.items()},
            **({} if comparison.reweight is None else {"bend": json_value(bend)}),
            "classes": _json_values(dict(zip(one.truth.classes, dice, strict=True))),
        }
        for image, dice, bend in zip(
            one.images, one.scores.dice.tolist(), comparison.bends(index), strict=True
        )
    ]


def _pose(comparison: "Comparison", index: int) -> dict[str, Any]:
    from handseg.hand.hands import LIMIT

    assert comparison.reweight is not None
    hands = comparison.hands[index]
    return {
        "share": comparison.reweight.share,
        "limit": LIMIT,
        "bent": int(hands.bent.sum()),
        "straight": int(hands.straight.sum()),
        "unknown": hands.unknown_poses,
    }


def _difference(comparison: "Comparison", other: int) -> dict[str, Any]:
    return {
        "of": str(comparison.scored[-1].submission.path),
        "minus": str(comparison.scored[other].submission.path),
        "same_images": comparison.comparable,
        "metrics": {
            name: {
                **_summary(found),
                "verdict": found.verdict,
                "more_than_noise": found.is_more_than_noise,
            }
            for name, found in comparison.differences.items()
        },
    }


def _summary(summary: "Summary") -> dict[str, Any]:
    found: dict[str, Any] = {"mean": json_value(summary.mean), "interval": _ends(summary.interval)}
    if not math.isnan(summary.reweighted):
        found["reweighted"] = {
            "mean": summary.reweighted,
            "interval": _ends(summary.reweighted_interval),
        }
    return found


def _ends(interval: "Interval | None") -> list[float] | None:
    return None if interval is None else [interval.low, interval.high]


def _json_values(values: Mapping[str, float]) -> dict[str, float | None]:
    return {name: json_value(value) for name, value in values.items()}
