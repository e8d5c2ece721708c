"""`handseg diff`: what changed between two submissions."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from handseg.cli import console, options
from handseg.cli.command import command
from handseg.errors import UsageError

if TYPE_CHECKING:
    from handseg.rle.submission import Submission
    from handseg.score.diff import Alone, Difference

LISTED = 10
"""Masks that are listed where nobody says how many."""


class By(StrEnum):
    """What `--by` may be."""

    CLASS = "class"
    IMAGE = "image"
    BOTH = "both"
    MASK = "mask"


@command(
    examples=[
        "handseg diff old.csv new.csv",
        "handseg diff unet-1 votes/vote-001.csv --by image --worst 20",
        "handseg diff old.csv new.csv --class Pisiform",
        "handseg diff old.csv new.csv --by mask --csv",
    ]
)
def diff(
    a: Annotated[
        str,
        typer.Argument(metavar="A", help="A CSV or RUN[:SPLIT].", show_default=False),
    ],
    b: Annotated[
        str,
        typer.Argument(metavar="B", help="Another; gained is what only B has.", show_default=False),
    ],
    by: Annotated[By, typer.Option(help="A row for each of these.")] = By.CLASS,
    worst: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=0,
            help="List the N masks that changed most [default: 10; all with --by mask].",
            show_default=False,
        ),
    ] = None,
    image: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Only this image; may be repeated.", show_default=False),
    ] = None,
    cls: Annotated[
        list[str] | None,
        typer.Option(
            "--class", metavar="NAME", help="Only this class; may be repeated.", show_default=False
        ),
    ] = None,
    runs: options.Runs = None,
    json_: options.Json = False,
    csv_: options.Csv = False,
) -> None:
    """Say what changed from A to B, without any label: pixels gained and lost, and Dice.

    They are joined by image and class; the worst come first.
    """
    from handseg.score.diff import difference

    check_formats(by, json_, csv_)
    folder = options.runs_folder(runs)
    one, other = (read(text, folder) for text in (a, b))
    with console.progress("comparing") as bar:
        found = difference(one, other, images=image or (), classes=cls or (), progress=bar)
    say_notes(found)
    most = worst if worst is not None or by == By.MASK else LISTED
    if json_:
        print_json(found, most)
    elif csv_:
        print_csv(found, by, most)
    elif found.identical == len(found.keys):
        console.out(same_words(found))
    else:
        print_tables(found, by, most)


def check_formats(by: By, as_json: bool, as_csv: bool) -> None:
    if as_json and as_csv:
        raise UsageError("--json and --csv are two formats; give one of them")
    if as_csv and by == By.BOTH:
        raise UsageError("--csv is one table; give --by class, --by image or --by mask")


def read(text: str, runs: Path) -> "Submission":
    from handseg.rle.submission import read_submission
    from handseg.runs.predictions import find_prediction

    return read_submission(find_prediction(text, runs))


def say_notes(found: "Difference") -> None:
    """What a person should know about the figures before reading them."""
    console.info(f"A: {found.a.path}")
    console.info(f"B: {found.b.path}")
    for submission in (found.a, found.b):
        for note in submission.notes:
            console.info(f"{submission.path}: {note}")
    say_alone("A", found.only_in_a())
    say_alone("B", found.only_in_b())
    console.info(f"{found.identical} of {len(found.keys)} masks are identical")


def say_alone(title: str, alone: "Alone") -> None:
    if alone.rows:
        rows = "1 row" if alone.rows == 1 else f"{alone.rows} rows"
        console.warn(f"{rows} only in {title} count as empty masks in the other")
    for kind, names in (("images", alone.images), ("classes", alone.classes)):
        if names:
            shown = ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
            console.warn(f"{kind} only in {title}: {len(names)} ({shown})")


def same_words(found: "Difference") -> str:
    """One line on files that do not differ."""
    same = "the same content" if found.a.sha256 == found.b.sha256 else "the same masks"
    return f"{found.a.path} and {found.b.path} hold {same}: {len(found.keys)} masks, none changed"


def print_json(found: "Difference", most: int | None) -> None:
    from handseg.score.diff_table import difference_json

    console.print_json(difference_json(found, found.worst(most)))


def print_csv(found: "Difference", by: By, most: int | None) -> None:
    from handseg.score.diff_table import groups_csv, masks_csv

    if by == By.MASK:
        console.out(masks_csv(found.worst(most)))
    elif by == By.IMAGE:
        console.out(groups_csv(found.by_image(), "image"))
    else:
        console.out(groups_csv(found.by_class(), "class"))


def print_tables(found: "Difference", by: By, most: int | None) -> None:
    from handseg.score.diff_table import groups_table, masks_table

    total = found.total()
    if by in (By.CLASS, By.BOTH):
        console.print_table(groups_table(found.by_class(), total, "class"))
    if by in (By.IMAGE, By.BOTH):
        console.print_table(groups_table(found.by_image(), total, "image"))
    if masks := found.worst(most):
        console.print_table(masks_table(masks))
