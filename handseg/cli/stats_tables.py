"""The tables that `handseg stats` prints."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from handseg.data.statistics.gather import Statistics
    from handseg.data.statistics.masks import MaskFigures
    from handseg.data.statistics.splits import Split

PAIRS = 20
"""Overlapping pairs that a terminal lists; JSON and page have all."""
SIZES = 5
SHADES = " ░▒▓█"
ROWS_OF_A_CELL = 2
"""A character is about twice as high as wide."""
BARS_OF_GREY = 28
PERCENTILES = (1, 50, 99)
"""Those that a terminal has room for."""
NONE = "–"


def tables(found: "Statistics", cls: str | None) -> Iterator[tuple[str, Table]]:
    """(title, table) of all that is known; the map of a class where one is named."""
    yield "Images and people", images(found)
    if found.have_hands:
        yield "Labelled hands by side and pose", hands(found)
    if found.masks is not None:
        yield (
            f"Areas in pixels, {len(found.masks.images)} labelled images of {found.masks_of}",
            areas(found),
        )
        yield overlaps_title(found.masks), overlaps(found.masks)
    if any(split.intensity for split in found.splits):
        yield "Grey values, 0 to 255", grey_values(found)
    if found.facts:
        yield "Metadata of people", facts(found)
    if found.masks is not None and cls is not None:
        heat = found.masks.heat[found.masks.classes.index(cls)]
        yield (
            f"Where {cls} lies: █ is {heat.max():.0%} of the images, blank is never",
            block_map(found.masks, cls),
        )


def areas(found: "Statistics") -> Table:
    """A row for each class."""
    rows = [
        [
            row.name,
            f"{row.images}/{row.of_images}",
            *map(whole, (row.mean, row.median, row.spread, row.smallest, row.largest)),
            per_cent(row.share, 3),
            per_cent(row.relative_spread, 0),
        ]
        for row in found.classes
    ]
    header = ["class", "images", "mean", "median", "spread", "smallest", "largest"]
    return table([*header, "of image", "±"], rows)


def overlaps_title(masks: "MaskFigures") -> str:
    """What the pairs add up to."""
    pairs = len(masks.pairs)
    listed = f", the {PAIRS} largest" if pairs > PAIRS else ""
    return (
        f"Overlaps: {pairs} pairs{listed}; {masks.deep_share(2):.2%} of the foreground in two "
        f"classes or more, {masks.deep_share(3):.3%} in three"
    )


def overlaps(masks: "MaskFigures") -> Table:
    """A row for each pair, of the images in which it overlaps."""
    rows = [
        [
            " ∩ ".join(pair.classes),
            f"{pair.images}/{pair.of_images}",
            whole(pair.mean_pixels),
            whole(pair.max_pixels),
            per_cent(pair.mean_share, 1),
            per_cent(pair.max_share, 1),
        ]
        for pair in masks.pairs[:PAIRS]
    ]
    return table(["pair", "images", "mean px", "most px", "of smaller", "at most"], rows)


def images(found: "Statistics") -> Table:
    """A column for each split."""
    rows = [
        ["images", *(str(split.images) for split in found.splits)],
        ["labelled", *(str(split.labelled) for split in found.splits)],
        ["people", *(str(split.balance.people) for split in found.splits)],
        ["images a person", *(a_person(split) for split in found.splits)],
        ["height × width", *(sizes(split) for split in found.splits)],
    ]
    if any(split.balance.age is not None for split in found.splits):
        rows.append(["mean age", *(tenth(split.balance.age) for split in found.splits)])
    for sex in sorted({sex for split in found.splits for sex in split.balance.sex}):
        rows.append([sex, *(str(split.balance.sex.get(sex, 0)) for split in found.splits)])
    if any(split.unreadable for split in found.splits):
        rows.append(["unreadable", *(str(split.unreadable) for split in found.splits)])
    return table(["", *(split.name for split in found.splits)], rows)


def a_person(split: "Split") -> str:
    """How many images people have."""
    counts = split.images_a_person
    if len(counts) == 1:
        return str(next(iter(counts)))
    return ", ".join(f"{images} ({people} people)" for images, people in counts.items())


def sizes(split: "Split") -> str:
    """The most frequent sizes."""
    shown = [
        f"{height} × {width}" + (f" ({count})" if len(split.sizes) > 1 else "")
        for (height, width), count in list(split.sizes.items())[:SIZES]
    ]
    more = len(split.sizes) - SIZES
    return ", ".join([*shown, f"{more} more"] if more > 0 else shown) or NONE


def hands(found: "Statistics") -> Table:
    """Counts of images, and how many people are bent."""
    import numpy as np

    splits = [split for split in found.splits if split.hands]
    kinds = sorted({kind for split in splits for kind in split.hands})
    rows = [
        [" ".join(kind), *(str(split.hands.get(kind, 0)) for split in splits)] for kind in kinds
    ]
    rows.append(["bent people", *(bent(split) for split in splits)])
    for percent in (50, 90):
        degrees = [np.percentile(split.degrees, percent) for split in splits if len(split.degrees)]
        if len(degrees) == len(splits):
            rows.append([f"angle, {percent} % below", *(f"{value:.1f}°" for value in degrees)])
    return table(["", *(split.name for split in splits)], rows)


def bent(split: "Split") -> str:
    """People with a bent wrist, of those whose pose is known."""
    share = split.balance.bent_share
    return NONE if share is None else f"{split.balance.bent} ({share:.1%})"


def grey_values(found: "Statistics") -> Table:
    """A row for each split; the drawing goes from black to white."""
    from handseg.view.curves import sparkline

    rows: list[list[str]] = []
    for split in found.splits:
        grey = split.intensity
        if grey is not None:
            rows.append(
                [
                    split.name,
                    f"{grey.images}/{grey.of_images}",
                    f"{grey.mean:.1f}",
                    f"{grey.spread:.1f}",
                    *(str(grey.percentile(percent)) for percent in PERCENTILES),
                    sparkline((grey.histogram[1:-1] ** 0.5).tolist(), BARS_OF_GREY),
                ]
            )
    percents = [f"{percent} %" for percent in PERCENTILES]
    return table(["split", "images read", "mean", "spread", *percents, "0 … 255"], rows)


def facts(found: "Statistics") -> Table:
    """A row for each kind of metadata."""
    rows = [
        [
            row.name,
            f"{row.people}/{row.of_people}",
            *map(tenth, (row.mean, row.spread, row.smallest, row.largest)),
            ", ".join(f"{name} {count}" for name, count in (row.values or {}).items()),
        ]
        for row in found.facts
    ]
    return table(["", "people", "mean", "spread", "smallest", "largest", "values"], rows)


def block_map(masks: "MaskFigures", cls: str) -> Table:
    """The image as characters, the darker the oftener a place is covered."""
    heat = masks.heat[masks.classes.index(cls)]
    cells = heat.reshape(-1, ROWS_OF_A_CELL, heat.shape[1]).mean(axis=1)
    strongest = float(cells.max(initial=0)) or 1.0
    lines = ["".join(SHADES[shade(value / strongest)] for value in row) for row in cells.tolist()]
    framed = Table(show_header=False, padding=0)
    framed.add_column()
    framed.add_row(Text("\n".join(lines), no_wrap=True))
    return framed


def shade(share: float) -> int:
    """0 for nothing; what is covered at all is never blank."""
    return 0 if share <= 0 else 1 + min(len(SHADES) - 2, int(share * (len(SHADES) - 1)))


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """A plain table; the first column is words, the others figures. Text is never markup."""
    made = Table(box=None, pad_edge=False)
    for place, title in enumerate(header):
        made.add_column(Text(title), justify="right" if place else "left", no_wrap=True)
    for row in rows:
        made.add_row(*map(Text, row))
    return made


def whole(value: float | None) -> str:
    return NONE if value is None else f"{value:,.0f}"


def tenth(value: float | None) -> str:
    return "" if value is None else f"{value:,.1f}"


def per_cent(value: float | None, digits: int) -> str:
    return NONE if value is None else f"{value:.{digits}%}"
