"""`handseg runs compare`: whether one run is better than another, and where."""

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from handseg.cli import console, options
from handseg.cli.command import command
from handseg.errors import UsageError

if TYPE_CHECKING:
    from handseg.runs.paired import PairedRuns

EXAMPLES = (
    "handseg runs compare unet-1 segformer-2",
    "handseg runs compare unet-1 unet-2 unet-3 --worst 20",
    "handseg runs compare unet-1 unet-2 --by image --csv",
)
LISTED = 10
"""Images that are listed where nobody says how many."""


class By(StrEnum):
    """What `--by` may be."""

    CLASS = "class"
    IMAGE = "image"


@command(examples=EXAMPLES)
def compare(
    context: typer.Context,
    which: Annotated[
        list[str],
        typer.Argument(metavar="A B...", help="The runs; the others are compared with the first."),
    ],
    by: Annotated[By, typer.Option(help="A row for each of these.")] = By.CLASS,
    worst: Annotated[
        int,
        typer.Option(metavar="N", min=0, help="List the N images that differ most."),
    ] = LISTED,
    runs: options.Runs = None,
    json_: options.Json = False,
    csv_: options.Csv = False,
) -> None:
    """Compare runs with the first: Dice of each class and image, and whether it is more than noise.

    Of each run the best validation counts. Differences are paired: the same images in both, people
    drawn anew 2,000 times with all of their images. ▲ and ▼ stand where the 95 % interval leaves
    out 0.
    """
    from handseg.runs.find import find_run
    from handseg.runs.paired import pair_runs, read_scored

    if json_ and csv_:
        raise UsageError("--json and --csv are two formats; give one of them")
    place = options.runs_folder(runs or context.obj)
    folders = list(dict.fromkeys(find_run(text, place) for text in which))
    if len(folders) < 2:
        raise UsageError("a comparison needs two runs", hints=["handseg runs", EXAMPLES[0]])
    first, *others = [read_scored(folder) for folder in folders]
    pairs = [pair_runs(first, other) for other in others]
    say_notes(pairs)
    if json_:
        from handseg.runs.paired_as import pairs_json

        console.print_json(pairs_json(pairs))
    elif csv_:
        from handseg.runs.paired_as import pairs_csv

        console.out(pairs_csv(pairs, by.value))
    else:
        print_tables(pairs, by, worst)


def say_notes(pairs: "Sequence[PairedRuns]") -> None:
    """What a person should know about the figures before reading them."""
    for one in (pairs[0].a, *(pair.b for pair in pairs)):
        which = "best" if one.is_best else "last"
        console.info(f"{one.name}: its {which} validation, step {one.scores.step}, fold {one.fold}")
    for pair in pairs:
        images, people = len(pair.images), len(pair.people)
        console.info(f"{pair.b.name} against {pair.a.name}: {images} images of {people} people")
        most = max(len(pair.a.scores.images), len(pair.b.scores.images))
        if images < most:
            console.warn(f"{most - images} images are in one of the two alone and left out")
        if not pair.knows_people:
            console.info("whose images these are is not known: each counts as a person")


def print_tables(pairs: "Sequence[PairedRuns]", by: By, worst: int) -> None:
    from handseg.cli.runs_compare_tables import classes_table, images_table, means_table

    console.print_table(means_table(pairs))
    console.out("")
    if by == By.CLASS:
        console.print_table(classes_table(pairs))
        say_chance(pairs)
        if not worst:
            return
        console.out("")
    console.print_table(images_table(pairs, worst if by == By.CLASS else None))


def say_chance(pairs: "Sequence[PairedRuns]") -> None:
    """Many intervals: some leave out 0 though nothing differs."""
    from handseg.score.bootstrap import LEVEL

    figures = sum(len(pair.classes) for pair in pairs if pair.overall.interval is not None)
    if figures:
        by_chance = figures * (100 - LEVEL) / 100
        console.info(
            f"▲ ▼: the interval leaves out 0; by chance about {by_chance:.0f} of {figures}"
        )
