"""`handseg stats`: what is in a data set."""

import json
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, astuple, fields
from difflib import SequenceMatcher
from itertools import product
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from handseg.cli import console
from handseg.cli.command import STREAM, Csv, Data, Force, Json, command, data_folder
from handseg.cli.tables import Column, Table
from handseg.errors import FailedError, UsageError, did_you_mean
from handseg.text import NONE, counted, listed, people_text, pixels_text, size_text

if TYPE_CHECKING:
    from handseg.data.dataset import Dataset
    from handseg.statistics import ClassRow, Intensity, MaskStatistics, Split, Statistics
    from handseg.view.statistics_page import LabelledPicture

VERSION = 1
"""Of the JSON."""
SHOWN = 3
"""Labels at fault that are named."""
PICTURES = 6
"""Images that a page shows with `--with-images`."""
PAIRS = 20
"""Overlapping pairs that a terminal lists; JSON and page have all."""
SIZES = 5
SHADES = " ░▒▓█"
ROWS_OF_A_CELL = 2
"""A character is about twice as high as wide."""
BARS_OF_GREY = 28
SHOWN_PERCENTILES = (1, 50, 99)
"""Those that a terminal has room for."""


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
    data: Data = None,
    cls: Annotated[
        str | None, typer.Option("--class", metavar="NAME", help="Show where this class lies.")
    ] = None,
    json_: Json = False,
    csv_: Csv = False,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a page with plots.")
    ] = None,
    with_images: Annotated[
        bool, typer.Option("--with-images", help="Show images of the data on the page.")
    ] = False,
    force: Force = False,
) -> None:
    """Say what is in a data set: sizes of bones, overlaps, positions, hands, grey values, people.

    Side and pose of a hand are told by its bones. Areas, overlaps and positions are those of the
    training labels; `--csv` prints the table of classes.
    """
    from handseg.data.dataset import open_dataset
    from handseg.data.storage import cache_root
    from handseg.statistics import gather, label_bytes

    check_options(html, with_images, force)
    dataset = open_dataset(data_folder(data))
    if cls is not None:
        check_class(dataset, cls)
    console.info(dataset.recognised)
    size = label_bytes(dataset)
    if size:
        console.info(
            f"labels become run lengths, once: about {size_text(size)} in {cache_root()}/labels"
        )
    found = gather(dataset, console.progress)
    report_faults(found)
    if json_:
        console.print_json(statistics_json(found))
    elif csv_:
        console.print_csv(classes_table(found.classes).to_csv())
    else:
        for title, table in tables(found):
            console.out(title)
            console.print_table(table.to_rich())
            console.out("")
        if cls is not None and found.masks is not None:
            print_map(found.masks, cls)
    if html is not None:
        write_page(found, html, with_images)


def check_options(html: Path | None, with_images: bool, force: bool) -> None:
    if with_images and html is None:
        raise UsageError("--with-images is for a page", hints=["--html stats.html --with-images"])
    if html is not None and (html == STREAM or html.is_dir()):
        raise UsageError(f"--html {html} is no file", hints=["--html stats.html"])
    if html is not None and html.exists() and not force:
        raise UsageError(f"{html} exists", hints=["--force replaces it, or choose another name"])


def check_class(dataset: "Dataset", cls: str) -> None:
    if cls not in dataset.classes:
        raise UsageError(
            f"--class {cls}: there is no such class{did_you_mean(cls, dataset.classes)}",
            details="classes: " + ", ".join(dataset.classes),
        )


def report_faults(found: "Statistics") -> None:
    """What is left out, and what else a person should know."""
    if found.faults:
        console.warn(f"{len(found.faults)} labels cannot be read and are left out")
        for fault in list(found.faults.values())[:SHOWN]:
            console.warn(fault.message)
        root = shlex.quote(str(found.dataset.root))
        console.info(f"handseg check {root}   finds what is wrong with labels")
    for note in found.notes:
        console.warn(note)
    if found.masks is None:
        console.info("no label can be read: areas, overlaps, positions and hands are not known")
    elif not found.have_hands:
        report_unknown_bones(found.dataset)
    for split in found.splits:
        if split.misnamed:
            console.warn(
                f"{split.misnamed} {split.name} images are named as the other side than their "
                "bones show"
            )


def report_unknown_bones(dataset: "Dataset") -> None:
    """Which bones tell side and pose, and the line that makes a class of another name one."""
    bones = dataset.bones
    lacking = [bone for bone in ("Radius", "Ulna", "finger-11") if bone not in bones.values()]
    others = [name for name in dataset.classes if name not in bones]
    words = f": no class is the {listed(lacking)}" if lacking else ""
    console.info(f"side and pose are not known{words}")
    if lacking and others:
        name, bone = max(product(others, lacking), key=likeness)
        line = f"aliases.{json.dumps(name, ensure_ascii=False)} = {json.dumps(bone)}"
        console.info(f"a class of another name is one by a line in dataset.toml, as in:  {line}")


def likeness(names: tuple[str, str]) -> float:
    name, bone = names
    return SequenceMatcher(None, name.casefold(), bone.casefold()).ratio()


def tables(found: "Statistics") -> "Iterator[tuple[str, Table]]":
    """(title, table) of all that is known."""
    yield "Images and people", images_table(found)
    if found.have_hands:
        yield "Labelled hands by side and pose", hands_table(found)
    if found.masks is not None:
        count = len(found.masks.images)
        title = f"Areas in pixels, {counted(count, 'labelled image')} of {found.masks_of}"
        yield title, areas_table(found.classes)
        yield overlaps_title(found.masks), overlaps_table(found.masks)
    grey = [(split.name, split.intensity) for split in found.splits if split.intensity]
    if grey:
        yield "Grey values, 0 to 255", grey_table(grey)
    if found.facts:
        yield "Metadata of people", facts_table(found)


def images_table(found: "Statistics") -> Table:
    splits = found.splits
    rows: list[list[object]] = [
        ["images", *(split.images for split in splits)],
        ["labelled", *(split.labelled for split in splits)],
        ["people", *(split.balance.people for split in splits)],
        ["images a person", *(images_a_person(split) for split in splits)],
        ["width × height", *(sizes(split) for split in splits)],
    ]
    if any(split.balance.age is not None for split in splits):
        rows.append(["mean age", *(tenth(split.balance.age) for split in splits)])
    for sex in sorted({sex for split in splits for sex in split.balance.sex}):
        rows.append([sex, *(split.balance.sex.get(sex, 0) for split in splits)])
    if any(split.unreadable for split in splits):
        rows.append(["unreadable", *(split.unreadable for split in splits)])
    return by_split(splits, rows)


def images_a_person(split: "Split") -> str:
    counts = split.images_a_person
    if len(counts) == 1:
        return str(next(iter(counts)))
    return ", ".join(f"{images} ({people_text(people)})" for images, people in counts.items())


def sizes(split: "Split") -> str:
    shown = [
        pixels_text(size) + (f" ({count})" if len(split.sizes) > 1 else "")
        for size, count in list(split.sizes.items())[:SIZES]
    ]
    more = len(split.sizes) - SIZES
    return ", ".join([*shown, f"{more} more"] if more > 0 else shown) or NONE


def hands_table(found: "Statistics") -> Table:
    """Counts of images, and how many people are bent."""
    import numpy as np

    splits = [split for split in found.splits if split.hands]
    kinds = sorted({kind for split in splits for kind in split.hands})
    rows: list[list[object]] = [
        [" ".join(kind), *(split.hands.get(kind, 0) for split in splits)] for kind in kinds
    ]
    rows.append(["bent people", *(bent_people(split) for split in splits)])
    for percent in (50, 90):
        degrees = [np.percentile(split.degrees, percent) for split in splits if len(split.degrees)]
        if len(degrees) == len(splits):
            rows.append([f"angle, {percent} % below", *(f"{value:.1f}°" for value in degrees)])
    return by_split(splits, rows)


def bent_people(split: "Split") -> str | None:
    share = split.balance.bent_share
    return None if share is None else f"{split.balance.bent} ({share:.1%})"


def by_split(splits: "Sequence[Split]", rows: Sequence[Sequence[object]]) -> Table:
    columns = [Column(split.name, right=True) for split in splits]
    return Table([Column(""), *columns], rows)


def areas_table(rows: "Sequence[ClassRow]") -> Table:
    areas = ("mean", "median", "spread", "smallest", "largest")
    columns = [
        Column("class"),
        Column("images", right=True),
        *(Column(name, whole, right=True) for name in areas),
        Column("of image", per_cent(3), right=True),
        Column("±", per_cent(0), right=True),
    ]
    values = attrgetter(*areas, "share", "relative_spread")
    shown = [[row.name, f"{row.images}/{row.of_images}", *values(row)] for row in rows]
    return Table(columns, shown)


def classes_table(rows: "Sequence[ClassRow]") -> Table:
    from handseg.statistics import ClassRow

    names = [field.name for field in fields(ClassRow)][1:]
    return Table([Column(name) for name in ("class", *names)], [astuple(row) for row in rows])


def overlaps_title(masks: "MaskStatistics") -> str:
    pairs = len(masks.pairs)
    largest = f", the {PAIRS} largest" if pairs > PAIRS else ""
    return (
        f"Overlaps: {counted(pairs, 'pair')}{largest}; {masks.deep_share(2):.2%} of the "
        f"foreground in two classes or more, {masks.deep_share(3):.3%} in three{without(masks)}"
    )


def without(masks: "MaskStatistics") -> str:
    return f" (without {', '.join(masks.not_bones)}: no bones)" if masks.not_bones else ""


def overlaps_table(masks: "MaskStatistics") -> Table:
    """A row for each pair, of the images in which it overlaps."""
    columns = [
        Column("pair"),
        Column("images", right=True),
        Column("mean px", whole, right=True),
        Column("most px", whole, right=True),
        Column("of smaller", per_cent(1), right=True),
        Column("at most", per_cent(1), right=True),
    ]
    values = attrgetter("mean_pixels", "max_pixels", "mean_share", "max_share")
    rows = [
        [" ∩ ".join(pair.classes), f"{pair.images}/{pair.of_images}", *values(pair)]
        for pair in masks.pairs[:PAIRS]
    ]
    return Table(columns, rows)


def grey_table(splits: "Sequence[tuple[str, Intensity]]") -> Table:
    """A row for each split; the drawing goes from black to white."""
    from handseg.view.curves import sparkline

    columns = [
        Column("split"),
        Column("images read", right=True),
        Column("mean", tenth, right=True),
        Column("spread", tenth, right=True),
        *(Column(f"{percent} %", right=True) for percent in SHOWN_PERCENTILES),
        Column("0 … 255", right=True),
    ]
    rows = [
        [
            name,
            f"{grey.images}/{grey.of_images}",
            grey.mean,
            grey.spread,
            *(grey.percentile(percent) for percent in SHOWN_PERCENTILES),
            sparkline((grey.histogram[1:-1] ** 0.5).tolist(), BARS_OF_GREY),
        ]
        for name, grey in splits
    ]
    return Table(columns, rows)


def facts_table(found: "Statistics") -> Table:
    figures = ("mean", "spread", "smallest", "largest")
    columns = [
        Column(""),
        Column("people", right=True),
        *(Column(name, tenth, right=True) for name in figures),
        Column("values", counts_text, right=True),
    ]
    values = attrgetter(*figures, "values")
    rows = [[row.name, f"{row.people}/{row.of_people}", *values(row)] for row in found.facts]
    return Table(columns, rows)


def counts_text(counts: Mapping[str, int] | None) -> str:
    return ", ".join(f"{name} {count}" for name, count in (counts or {}).items())


def whole(value: float | None) -> str:
    return NONE if value is None else f"{value:,.0f}"


def tenth(value: float | None) -> str:
    return "" if value is None else f"{value:,.1f}"


def per_cent(digits: int) -> Callable[[float | None], str]:
    return lambda share: NONE if share is None else f"{share:.{digits}%}"


def print_map(masks: "MaskStatistics", cls: str) -> None:
    """Where a class lies: the image as characters, the darker the oftener a place is covered."""
    from rich.text import Text

    heat = masks.heat[masks.classes.index(cls)]
    cells = heat.reshape(-1, ROWS_OF_A_CELL, heat.shape[1]).mean(axis=1)
    strongest = float(cells.max(initial=0)) or 1.0
    rows = ["".join(SHADES[shade(value / strongest)] for value in row) for row in cells.tolist()]
    edge = "─" * heat.shape[1]
    lines = [f"┌{edge}┐", *(f"│{row}│" for row in rows), f"└{edge}┘"]
    console.out(f"Where {cls} lies: █ is {heat.max():.0%} of the images, blank is never")
    console.print_lines(Text("\n".join(lines)))
    console.out("")


def shade(share: float) -> int:
    """0 for nothing; what is covered at all is never blank."""
    return 0 if share <= 0 else 1 + min(len(SHADES) - 2, int(share * (len(SHADES) - 1)))


def statistics_json(found: "Statistics") -> dict[str, Any]:
    """All of it for programs; heat maps are rows of shares, rounded to thousandths."""
    from handseg.hand.hands import LIMIT

    return {
        "v": VERSION,
        "data": str(found.dataset.root),
        "layout": found.dataset.layout,
        "notes": list(found.dataset.notes),
        "splits": {split.name: split_json(split) for split in found.splits},
        "masks_of": found.masks_of or None,
        "classes": [asdict(row) for row in found.classes],
        "overlaps": overlaps_json(found.masks) if found.masks else None,
        "heat": heat_json(found.masks) if found.masks else None,
        "bent_above_degrees": LIMIT if found.have_hands else None,
        "metadata": [asdict(row) for row in found.facts],
        "labels_left_out": {image: fault.message for image, fault in found.faults.items()},
    }


def split_json(split: "Split") -> dict[str, Any]:
    return {
        "images": split.images,
        "labelled": split.labelled,
        "unreadable": split.unreadable,
        **asdict(split.balance),
        "images_a_person": {
            str(images): people for images, people in split.images_a_person.items()
        },
        "sizes": [
            {"height": height, "width": width, "images": count}
            for (height, width), count in split.sizes.items()
        ],
        "hands": [
            {"side": side, "pose": pose, "images": count}
            for (side, pose), count in sorted(split.hands.items())
        ],
        "degrees": [round(value, 2) for value in split.degrees.tolist()],
        "misnamed": split.misnamed,
        "intensity": intensity_json(split.intensity) if split.intensity else None,
    }


def intensity_json(found: "Intensity") -> dict[str, Any]:
    from handseg.statistics import PERCENTILES

    return {
        "images": found.images,
        "of_images": found.of_images,
        "unreadable": found.unreadable,
        "mean": found.mean,
        "spread": found.spread,
        "darkest_image": found.darkest,
        "brightest_image": found.brightest,
        "percentiles": {str(percent): found.percentile(percent) for percent in PERCENTILES},
        "histogram": [round(share, 6) for share in found.histogram.tolist()],
    }


def overlaps_json(masks: "MaskStatistics") -> dict[str, Any]:
    return {
        "not_bones": list(masks.not_bones),
        "foreground_share": masks.foreground,
        "foreground_in_two_or_more": masks.deep_share(2),
        "foreground_in_three_or_more": masks.deep_share(3),
        "pairs": [asdict(pair) for pair in masks.pairs],
    }


def heat_json(masks: "MaskStatistics") -> dict[str, Any]:
    return {
        cls: [[round(share, 3) for share in row] for row in heat.tolist()]
        for cls, heat in zip(masks.classes, masks.heat, strict=True)
    }


def write_page(found: "Statistics", html: Path, with_images: bool) -> None:
    from handseg import disk
    from handseg.view.statistics_page import statistics_page

    pictures = shown_images(found) if with_images else []
    try:
        disk.replace(html, statistics_page(found, pictures).encode())
    except OSError as error:
        raise FailedError(f"{html} cannot be written", details=str(error)) from error
    console.info(f"wrote {html}" + ("; it shows images of the data" if pictures else ""))


def shown_images(found: "Statistics") -> "list[LabelledPicture]":
    """Some images with their masks, taken evenly from the labelled ones."""
    from handseg.view.statistics_page import labelled_pictures

    samples = [sample for sample in found.dataset.train if sample.labels is not None]
    samples = [sample for sample in samples if sample.image_name not in found.faults]
    count = min(PICTURES, len(samples))
    chosen = [samples[place * len(samples) // count] for place in range(count)]
    return labelled_pictures(chosen, found.dataset.classes)
