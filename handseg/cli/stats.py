"""`handseg stats`: what is in a data set."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from handseg.cli import console, options
from handseg.cli.command import command
from handseg.errors import FailedError, UsageError

if TYPE_CHECKING:
    from handseg.data.dataset import Dataset
    from handseg.data.statistics.gather import Statistics
    from handseg.view.labelled_pictures import Shown

SHOWN = 3
"""Labels at fault that are named."""
PICTURES = 6
"""Images that a page shows with `--with-images`."""


@command(
    examples=[
        "handseg stats",
        "handseg stats --class Pisiform",
        "handseg stats --html stats.html",
        "handseg stats --csv > classes.csv",
        "handseg stats --data phantoms --json",
    ]
)
def stats(
    data: options.Data = None,
    cls: Annotated[
        str | None,
        typer.Option(
            "--class", metavar="NAME", help="Show where this class lies.", show_default=False
        ),
    ] = None,
    json_: options.Json = False,
    csv_: options.Csv = False,
    html: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write a page with plots.", show_default=False),
    ] = None,
    with_images: Annotated[
        bool, typer.Option("--with-images", help="Show images of the data on the page.")
    ] = False,
    force: options.Force = False,
) -> None:
    """Say what is in a data set: sizes of bones, overlaps, positions, hands, grey values, people.

    Side and pose of a hand are told by its bones. Areas, overlaps and positions are those of the
    training labels; `--csv` prints the table of classes.
    """
    from handseg.data.dataset import open_dataset
    from handseg.data.statistics.gather import gather

    check_words(json_, csv_, html, with_images, force)
    dataset = open_dataset(options.data_folder(data))
    if cls is not None:
        check_class(dataset, cls)
    console.info(dataset.recognised)
    say_drawing(dataset)
    found = gather(dataset, console.progress)
    say_faults(found)
    if json_:
        from handseg.data.statistics.as_json import statistics_json

        console.print_json(statistics_json(found))
    elif csv_:
        from handseg.data.statistics.classes import classes_csv

        console.out(classes_csv(found.classes))
    else:
        print_tables(found, cls)
    if html is not None:
        write_page(found, html, with_images)


def check_words(
    as_json: bool, as_csv: bool, html: Path | None, with_images: bool, force: bool
) -> None:
    """Raise UsageError for words that do not go together, before any work."""
    if as_json and as_csv:
        raise UsageError("--json and --csv are two formats; give one of them")
    if with_images and html is None:
        raise UsageError("--with-images is for a page", hints=["--html stats.html --with-images"])
    if html is not None and (html == options.STREAM or html.is_dir()):
        raise UsageError(f"--html {html} is no file", hints=["--html stats.html"])
    if html is not None and html.exists() and not force:
        raise UsageError(f"{html} exists", hints=["--force replaces it, or choose another name"])


def check_class(dataset: "Dataset", cls: str) -> None:
    from handseg.errors import did_you_mean

    if cls not in dataset.classes:
        raise UsageError(
            f"--class {cls}: there is no such class{did_you_mean(cls, dataset.classes)}",
            details="classes: " + ", ".join(dataset.classes),
        )


def say_drawing(dataset: "Dataset") -> None:
    """What will be written to the cache, before it is."""
    from handseg.data.dataset import with_test_labels
    from handseg.data.statistics.kept_labels import bytes_to_draw
    from handseg.data.storage import cache_root
    from handseg.text import size_text

    known = with_test_labels(dataset)
    size = sum(bytes_to_draw(split, known.classes) for split in (known.train, known.test))
    if size:
        console.info(
            f"labels become run lengths, once: about {size_text(size)} in {cache_root()}/labels"
        )


def say_faults(found: "Statistics") -> None:
    """What is left out, and what else a person should know."""
    if found.faults:
        console.warn(f"{len(found.faults)} labels cannot be read and are left out")
        for fault in list(found.faults.values())[:SHOWN]:
            console.warn(fault.message)
        console.info(f"handseg check {found.dataset.root}   finds what is wrong with labels")
    for note in found.notes:
        console.warn(note)
    if found.masks is None:
        console.info("no label can be read: areas, overlaps, positions and hands are not known")
    elif not found.have_hands:
        console.info(
            "side and pose are not known: no class is the Radius, the Ulna or finger-11 (a class "
            "of another name is one by `aliases` in dataset.toml)"
        )
    for split in found.splits:
        if split.misnamed:
            console.warn(
                f"{split.misnamed} {split.name} images are named as the other side than their "
                "bones show"
            )


def print_tables(found: "Statistics", cls: str | None) -> None:
    from handseg.cli.stats_tables import tables

    for title, table in tables(found, cls):
        console.out(title)
        console.print_table(table)
        console.out("")


def write_page(found: "Statistics", html: Path, with_images: bool) -> None:
    from handseg import disk
    from handseg.view.statistics_page import statistics_page

    pictures = shown_images(found) if with_images else []
    try:
        disk.replace(html, statistics_page(found, pictures).encode())
    except OSError as error:
        raise FailedError(f"{html} cannot be written", details=str(error)) from error
    console.info(f"wrote {html}" + ("; it shows images of the data" if pictures else ""))


def shown_images(found: "Statistics") -> "list[Shown]":
    """Some images with their masks, taken evenly from the labelled ones."""
    from handseg.view.labelled_pictures import labelled_pictures

    samples = [sample for sample in found.dataset.train if sample.labels is not None]
    samples = [sample for sample in samples if sample.image_name not in found.faults]
    count = min(PICTURES, len(samples))
    chosen = [samples[place * len(samples) // count] for place in range(count)]
    return labelled_pictures(chosen, found.dataset.classes)
