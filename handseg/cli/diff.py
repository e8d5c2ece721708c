"""`handseg diff`: what changed between two submissions."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from handseg.cli import console
from handseg.cli.command import Csv, Json, Runs, command, runs_folder
from handseg.cli.tables import Column, Table
from handseg.errors import UsageError
from handseg.text import counted, shown

if TYPE_CHECKING:
    from handseg.score.diff import Alone, GroupChange, MaskChange, SubmissionDiff

LISTED = 10
"""Masks that are listed where no number is given."""
By = Literal["class", "image", "both", "mask"]
Side = Literal["class", "image"]
OTHER: dict[Side, Side] = {"class": "image", "image": "class"}
"""What the worst mask of a class, or of an image, is named by."""


@command(
    examples=[
        "handseg diff old.csv new.csv",
        "handseg diff unet-1 votes/vote-001.csv --by image --worst 20",
        "handseg diff old.csv new.csv --class Pisiform",
        "handseg diff old.csv new.csv --by mask --csv",
    ]
)
def diff(
    a: Annotated[str, typer.Argument(metavar="A", help="A CSV or RUN[:SPLIT].")],
    b: Annotated[str, typer.Argument(metavar="B", help="Another; gained is what only B has.")],
    by: Annotated[By, typer.Option(help="A row for each of these.")] = "class",
    worst: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=0,
            help="List the N masks that changed most [default: 10; all with --by mask].",
        ),
    ] = None,
    image: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only this image; may be repeated.")
    ] = None,
    cls: Annotated[
        list[str] | None,
        typer.Option("--class", metavar="NAME", help="Only this class; may be repeated."),
    ] = None,
    runs: Runs = None,
    json_: Json = False,
    csv_: Csv = False,
) -> None:
    """Say what changed from A to B, without any label: pixels gained and lost, and Dice.

    They are joined by image and class; the worst come first.
    """
    from handseg.runs.predictions import read_predictions
    from handseg.score.diff import diff_submissions

    if csv_ and by == "both":
        raise UsageError("--csv is one table; give --by class, --by image or --by mask")
    one, other = read_predictions((a, b), runs_folder(runs))
    with console.progress("comparing") as bar:
        found = diff_submissions(one, other, images=image or (), classes=cls or (), progress=bar)
    report_notes(found)
    most = worst if worst is not None or by == "mask" else LISTED
    if json_:
        console.print_json(difference_json(found, found.worst(most)))
    elif csv_:
        console.print_csv(table_of(found, by, most).to_csv())
    elif found.identical == len(found.keys):
        same = "the same content" if found.a.sha256 == found.b.sha256 else "the same masks"
        files = f"{found.a.path} and {found.b.path}"
        console.out(f"{files} hold {same}: {counted(len(found.keys), 'mask')}, none changed")
    else:
        print_tables(found, by, most)


def report_notes(found: "SubmissionDiff") -> None:
    console.info(f"A: {found.a.path}")
    console.info(f"B: {found.b.path}")
    for submission in (found.a, found.b):
        for note in submission.notes:
            console.info(f"{submission.path}: {note}")
    report_alone("A", found.only_in_a())
    report_alone("B", found.only_in_b())
    console.info(f"{found.identical} of {counted(len(found.keys), 'mask')} are identical")


def report_alone(title: str, alone: "Alone") -> None:
    if alone.rows:
        rows = counted(alone.rows, "row")
        console.warn(f"{rows} only in {title} count as empty masks in the other")
    for kind, names in (("images", alone.images), ("classes", alone.classes)):
        if names:
            console.warn(f"{kind} only in {title}: {len(names)} ({shown(names, 3)})")


def table_of(found: "SubmissionDiff", by: By, most: int | None) -> Table:
    if by == "mask":
        return masks_table(found.worst(most))
    if by == "image":
        return groups_table(found.by_image(), "image")
    return groups_table(found.by_class(), "class")


def print_tables(found: "SubmissionDiff", by: By, most: int | None) -> None:
    total = found.total()
    if by in ("class", "both"):
        console.print_table(groups_table(found.by_class(), "class", total).to_rich())
    if by in ("image", "both"):
        console.print_table(groups_table(found.by_image(), "image", total).to_rich())
    if masks := found.worst(most):
        console.print_table(masks_table(masks).to_rich())


PIXELS = (
    Column("pixels_a", title="pixels in A", right=True),
    Column("pixels_b", readers="programs"),
    Column("gained", "+{}".format, right=True),
    Column("lost", "−{}".format, right=True),
    Column("dice", "{:.4f}".format, title="Dice", right=True),
)


def groups_table(
    groups: "Sequence[GroupChange]", by: Side, total: "GroupChange | None" = None
) -> Table:
    """A row for each class or image, in their order, and one for all."""

    def row(group: "GroupChange") -> list[Any]:
        worst = group.worst or ("", None)
        changed = f"{group.changed} of {group.masks}"
        figures = (group.masks, group.changed, changed, *group.pixels, group.dice)
        return [group.name, *figures, *worst]

    columns = [
        Column(by, fold=True),
        Column("masks", readers="programs"),
        Column("changed", readers="programs"),
        Column("changed", right=True, readers="people"),
        *PIXELS,
        Column(f"worst_{OTHER[by]}", title=f"worst {OTHER[by]}", fold=True),
        Column(
            "worst_dice",
            lambda dice: "" if dice is None else f"{dice:.4f}",
            title="its Dice",
            right=True,
        ),
    ]
    footers = [] if total is None else [row(total)]
    return Table(columns, list(map(row, groups)), footers, look="boxed")


def masks_table(masks: "Sequence[MaskChange]") -> Table:
    columns = [Column("image", fold=True), Column("class", fold=True), *PIXELS]
    rows = [[mask.image, mask.cls, *mask.pixels, mask.dice] for mask in masks]
    return Table(columns, rows, look="boxed")


def difference_json(difference: "SubmissionDiff", masks: "Sequence[MaskChange]") -> dict[str, Any]:
    """All of it; `masks` are those that are listed one by one."""
    total = difference.total()
    sides = {
        "a": (difference.a, difference.only_in_a()),
        "b": (difference.b, difference.only_in_b()),
    }
    return {
        **{
            side: {
                "path": str(submission.path),
                "sha256": submission.sha256,
                "rows": len(submission),
                "only_here": {
                    "rows": alone.rows,
                    "images": list(alone.images),
                    "classes": list(alone.classes),
                },
            }
            for side, (submission, alone) in sides.items()
        },
        "masks": total.masks,
        "identical": difference.identical,
        **_pixels(total),
        "dice": total.dice,
        "classes": [_group(group, "class") for group in difference.by_class()],
        "images": [_group(group, "image") for group in difference.by_image()],
        "worst": [
            {"image": mask.image, "class": mask.cls, **_pixels(mask), "dice": mask.dice}
            for mask in masks
        ],
    }


def _pixels(change: "GroupChange | MaskChange") -> dict[str, int]:
    in_a, in_b, gained, lost = change.pixels
    return {"pixels_a": in_a, "pixels_b": in_b, "gained": gained, "lost": lost}


def _group(group: "GroupChange", by: Side) -> dict[str, Any]:
    counts = {"masks": group.masks, "changed": group.changed}
    worst = group.worst and {OTHER[by]: group.worst[0], "dice": group.worst[1]}
    return {by: group.name, **counts, **_pixels(group), "dice": group.dice, "worst": worst}
