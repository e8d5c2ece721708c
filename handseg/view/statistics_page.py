"""The statistics of a data set as a page with plots."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from handseg import anatomy
from handseg.data.dataset import Sample
from handseg.data.images import read_image
from handseg.data.labels import label_runs
from handseg.data.planes import pack
from handseg.errors import InputError
from handseg.hand.hands import LIMIT
from handseg.rle import to_mask
from handseg.statistics import PERCENTILES, MaskStatistics, Split, Statistics
from handseg.text import pixels_text
from handseg.view import charts
from handseg.view.charts import SERIES, Bar
from handseg.view.overlay import compose, fitted
from handseg.view.page import Section, beside, key, page, picture, table

BIN = 2
"""Degrees, and grey values, of a column of a histogram."""
_MAP = 96
"""Pixels a side of a heat map."""
SIDE = 420
"""Pixels of the longer side of a picture."""
_HEAT = (31, 111, 178)
"""Readable on light and dark paper."""


class LabelledPicture(NamedTuple):
    """A picture, uint8[height, width, 3], and what stands beneath it."""

    image: NDArray[np.uint8]
    caption: str


def labelled_pictures(samples: Sequence[Sample], classes: tuple[str, ...]) -> list[LabelledPicture]:
    """A picture of each sample that can be read."""
    shown: list[LabelledPicture] = []
    for sample in samples:
        try:
            image, label = read_image(sample.image), label_runs(sample, classes)
        except InputError:  # what cannot be read is said elsewhere
            continue
        masks = (to_mask(runs, label.size) for runs in label.runs)
        planes = pack(masks, label.size, len(classes))
        size = fitted(label.size, (SIDE, SIDE))
        picture = compose(image, planes, anatomy.colours(classes), size)
        shown.append(LabelledPicture(picture, sample.image_name))
    return shown


def statistics_page(found: Statistics, pictures: Sequence[LabelledPicture] = ()) -> str:
    """The page; it shows images of the data only where they are handed over."""
    sections = _of_hands(found)
    if (masks := found.masks) is not None:
        sections += [_of_areas(found, masks), _of_overlaps(masks), _of_places(masks)]
    sections += [_of_grey_values(found), _of_images(found)]
    if found.facts:
        sections.append(_of_facts(found))
    if pictures:
        shown = "".join(picture(one.image, one.caption) for one in pictures)
        sections.append(Section("Images", "Some images with their labels.", _grid(shown)))
    name = found.dataset.root.resolve().name
    return page(f"Statistics of {name}", found.dataset.recognised, _tiles(found), sections)


def _tiles(found: Statistics) -> list[tuple[str, str]]:
    tiles: list[tuple[str, str]] = []
    for split in found.splits:
        tiles.append((f"{split.images}", f"images in {split.name}"))
        tiles.append((f"{split.balance.people}", f"people in {split.name}"))
        if split.balance.bent_share is not None:
            tiles.append((f"{split.balance.bent_share:.1%}", f"bent wrists in {split.name}"))
    if found.masks is not None:
        tiles.append((f"{found.masks.foreground:.1%}", "of the image is labelled"))
        tiles.append((f"{found.masks.deep_share(2):.1%}", "of that in two classes or more"))
    return tiles


def _of_hands(found: Statistics) -> list[Section]:
    if not found.have_hands:
        return []
    splits = [split for split in found.splits if split.hands]
    kinds = sorted({kind for split in splits for kind in split.hands})
    counts = table(
        ["side", "pose", *(split.name for split in splits)],
        [[*kind, *(str(split.hands.get(kind, 0)) for split in splits)] for kind in kinds],
        words=2,
    )
    largest = max(40.0, *(float(split.degrees.max(initial=0)) for split in splits))
    edges = np.arange(0, largest + BIN, BIN, dtype=np.float64)
    angles = charts.histogram(
        edges, [_shares(split.degrees, edges) for split in splits], "°", LIMIT
    )
    sentence = (
        "Side by Radius and Ulna, pose by the angle between the forearm's and the third "
        f"metacarpal's axis: bent above {LIMIT:g}° (dashed)."
    )
    body = beside(_keys(splits) + angles, counts)
    return [Section("Hands", sentence, body)]


def _of_areas(found: Statistics, masks: MaskStatistics) -> Section:
    rows = [
        Bar(
            row.name,
            float("nan") if row.share is None else row.share,
            (row.share or 0) * (row.relative_spread or 0),
            "absent" if row.share is None else f"{row.share:.3%}",
        )
        for row in found.classes
    ]
    header = ["class", "images", "mean", "median", "spread", "smallest", "largest"]
    figures = [
        [
            row.name,
            f"{row.images}/{row.of_images}",
            *(
                "–" if value is None else f"{value:,.0f}"
                for value in (row.mean, row.median, row.spread, row.smallest, row.largest)
            ),
        ]
        for row in found.classes
    ]
    sentence = (
        f"Share of the image, mean and standard deviation over {len(masks.images)} labelled images "
        f"of {found.masks_of}; the table is in pixels, of the images that show the class."
    )
    return Section("Areas", sentence, beside(charts.bars(rows), table(header, figures)))


def _of_overlaps(masks: MaskStatistics) -> Section:
    names = masks.classes
    place = {name: number for number, name in enumerate(names)}
    values = np.zeros((len(names), len(names)))
    titles = [[f"{one}, {other}: apart" for other in names] for one in names]
    for pair in masks.pairs:
        one, other = sorted((place[pair.classes[0]], place[pair.classes[1]]), reverse=True)
        values[one, other] = pair.mean_share
        titles[one][other] = f"{' ∩ '.join(pair.classes)}: {pair.mean_share:.1%} of the smaller"
    rows = [
        [
            " ∩ ".join(pair.classes),
            f"{pair.images}/{pair.of_images}",
            f"{pair.mean_pixels:,.0f}",
            f"{pair.max_pixels:,}",
            f"{pair.mean_share:.1%}",
            f"{pair.max_share:.1%}",
        ]
        for pair in masks.pairs
    ]
    header = ["pair", "images", "mean px", "most px", "of the smaller", "at most"]
    sentence = (
        f"{masks.deep_share(2):.2%} of the labelled pixels belong to two classes or more, "
        f"{masks.deep_share(3):.3%} to three. Means are over the images in which two overlap."
        + (f" Without {', '.join(masks.not_bones)}: no bones." if masks.not_bones else "")
    )
    triangle = charts.matrix(names, values, titles)
    return Section("Overlaps", sentence, beside(triangle, table(header, rows)))


def _of_places(masks: MaskStatistics) -> Section:
    strongest = masks.heat.max(axis=(1, 2))
    maps = "".join(
        picture(_heat_map(heat), f"{name}: at most {share:.0%}")
        for name, heat, share in zip(masks.classes, masks.heat, strongest.tolist(), strict=True)
    )
    sentence = "How often each place of the image is covered; each map by its own maximum."
    return Section("Positions", sentence, _grid(maps))


def _of_grey_values(found: Statistics) -> Section:
    splits = [split for split in found.splits if split.intensity is not None]
    edges = np.arange(0, 257, BIN, dtype=np.float64)
    header = ["split", "images", "mean", "spread", "darkest", "brightest"]
    header += [f"{percent} %" for percent in PERCENTILES]
    rows: list[list[str]] = []
    series: list[NDArray[np.float64]] = []
    for split in splits:
        grey = split.intensity
        if grey is None:
            continue
        series.append(grey.histogram.reshape(-1, BIN).sum(axis=1))
        figures = (grey.mean, grey.spread, grey.darkest, grey.brightest)
        rows.append(
            [
                split.name,
                f"{grey.images}/{grey.of_images}",
                *(f"{value:.1f}" for value in figures),
                *(str(grey.percentile(percent)) for percent in PERCENTILES),
            ]
        )
    read = ", ".join(f"{row[1]} of {row[0]}" for row in rows) or "none"
    sentence = (
        f"Shares of pixels by grey value, 0 to 255; images that were read: {read}. Pure black and "
        "white are drawn at most as high as the rest."
    )
    body = _keys(splits) + charts.histogram(edges, [_levelled(one) for one in series], "")
    return Section("Grey values", sentence, body + table(header, rows))


def _of_images(found: Statistics) -> Section:
    sizes = table(
        ["split", "width × height", "images"],
        [
            [split.name, pixels_text(size), str(count)]
            for split in found.splits
            for size, count in split.sizes.items()
        ],
        words=2,
    )
    people = table(
        ["split", "images a person", "people"],
        [
            [split.name, str(images), str(count)]
            for split in found.splits
            for images, count in split.images_a_person.items()
        ],
        words=2,
    )
    sentence = "Sizes by the files' headers; people by the data set's layout."
    return Section("Images and people", sentence, beside(sizes, people))


def _of_facts(found: Statistics) -> Section:
    def figure(value: float | None) -> str:
        return "" if value is None else f"{value:,.1f}"

    rows = [
        [
            row.name,
            f"{row.people}/{row.of_people}",
            ", ".join(f"{name} {count}" for name, count in (row.values or {}).items()),
            *map(figure, (row.mean, row.spread, row.smallest, row.largest)),
        ]
        for row in found.facts
    ]
    header = ["", "people", "values", "mean", "spread", "smallest", "largest"]
    return Section("Metadata", "What is known of people.", table(header, rows, words=3))


def _keys(splits: Sequence[Split]) -> str:
    names = [split.name for split in splits]
    return key(list(zip(SERIES, names, strict=False)))


def _shares(values: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.float64]:
    counts = np.histogram(values, edges)[0].astype(np.float64)
    return counts / max(1.0, float(counts.sum()))


def _levelled(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """The first and the last column no higher than the others: a black border hides the rest."""
    return np.minimum(shares, float(shares[1:-1].max(initial=0)) or 1.0)


def _heat_map(heat: NDArray[np.float64]) -> NDArray[np.uint8]:
    """uint8[_MAP, _MAP, 4]: one colour, the more opaque the oftener a place is covered."""
    from PIL import Image

    strongest = float(heat.max(initial=0.0))
    alpha = np.rint(255 * np.sqrt(heat / strongest)) if strongest else np.zeros_like(heat)
    smooth = Image.fromarray(alpha.astype(np.uint8)).resize((_MAP, _MAP), Image.Resampling.BILINEAR)
    opaque = np.asarray(smooth, np.uint8)[:, :, None]
    colour = np.broadcast_to(np.array(_HEAT, np.uint8), (_MAP, _MAP, 3))
    return np.concatenate((colour, opaque), axis=2)


def _grid(figures: str) -> str:
    return f'<div class="maps">{figures}</div>'
