"""Statistics of a data set: images, people, hands and grey values of its splits, every mask once.

Masks are measured on runs in one reading of the labels: areas, overlaps, positions.
"""

import math
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from handseg import rle
from handseg.data.dataset import Dataset, Sample, with_test_labels
from handseg.data.images import image_size, read_image
from handseg.data.label_runs import (
    ImageMasks,
    bytes_to_draw,
    hands_of,
    image_masks,
    readable_labels,
)
from handseg.data.people import Balance, Fact, balance_of, finite, metadata_of, people_of
from handseg.errors import InputError
from handseg.formats.documents import Size
from handseg.formats.submission import labelled_classes
from handseg.hand.hands import Hands
from handseg.rle.geometry import Segments, segments
from handseg.rle.set_operations import weighted_vote
from handseg.rle.submission import Submission
from handseg.work import Progress, silent, threads

CELLS = 48
"""Cells a side of a heat map, whatever the size of the image."""

Heat = NDArray[np.float64]
"""float64 [classes, CELLS, CELLS]: the share of a cell's area that a class covers on average."""
DEEPEST = 3
"""So many bones at one pixel are counted apart."""


class Shared(NamedTuple):
    """Two masks of an image that have pixels in common: classes by their places, and pixels."""

    image: int
    one: int
    other: int
    pixels: int


@dataclass(frozen=True)
class Pair:
    """How two classes overlap in the images in which they do."""

    classes: tuple[str, str]
    images: int
    of_images: int
    """Images that show both."""
    mean_pixels: float
    max_pixels: int
    mean_share: float
    """Of the smaller of the two masks."""
    max_share: float


@dataclass(frozen=True)
class MaskStatistics:
    """What the masks of labelled images are like; arrays are [images, classes]."""

    images: tuple[str, ...]
    classes: tuple[str, ...]
    pixels: NDArray[np.int64]
    """int64 [images]: of the whole image."""
    areas: NDArray[np.float64]
    """In pixels; NaN where there is no mask."""
    labelled: NDArray[np.bool_]
    depths: NDArray[np.int64]
    """int64 [images, 3]: pixels that belong to at least one, two, three bones."""
    pairs: tuple[Pair, ...]
    heat: Heat
    """The mean over the images in which a class was labelled."""
    not_bones: tuple[str, ...] = ()
    """Classes that `depths` and `pairs` leave out."""

    @property
    def shares(self) -> NDArray[np.float64]:
        return self.areas / self.pixels[:, None]

    @property
    def foreground(self) -> float:
        """The share of the image that is bone, mean over images; NaN without images."""
        return float((self.depths[:, 0] / self.pixels).mean()) if len(self.images) else math.nan

    def deep_share(self, classes: int) -> float:
        """The share of all foreground pixels that belong to at least so many bones, 1 to 3."""
        whole = int(self.depths[:, 0].sum())
        return int(self.depths[:, classes - 1].sum()) / whole if whole else 0.0


def measure_masks(
    labels: Submission,
    classes: Sequence[str],
    progress: Progress = silent,
    not_bones: Collection[str] = (),
) -> MaskStatistics:
    """Read each mask once; raises InputError for run lengths at fault.

    Bones come first; overlaps and foreground are those of bones.
    """
    classes = sorted(classes, key=lambda cls: cls in not_bones)
    bones = np.array([cls not in not_bones for cls in classes], dtype=np.bool_)
    images = tuple(labels.sizes)
    shape = len(images), len(classes)
    areas = np.full(shape, np.nan)
    depth = np.zeros((len(images), DEEPEST), dtype=np.int64)
    heat = np.zeros((len(classes), CELLS, CELLS))
    shared: list[Shared] = []
    first = 0
    for part in image_masks(labels, labels.sizes, classes, progress):
        rows = slice(first, first + len(part.images))
        cut = segments(part.batch.masks(), np.repeat(part.widths, len(classes)).tolist())
        pixels = np.bincount(cut.owner, cut.end - cut.start, areas[rows].size)
        areas[rows] = np.where(pixels > 0, pixels, np.nan).reshape(areas[rows].shape)
        depth[rows] = depths(part, bones)
        heat += heat_of(part, cut, labels.sizes, len(classes))
        shared += [
            one._replace(image=one.image + first)
            for one in shared_pixels(part, cut, len(classes))
            if bones[one.one] and bones[one.other]
        ]
        first = rows.stop
    known = labelled_classes(labels, images, classes)
    whole = np.array([height * width for height, width in labels.sizes.values()], dtype=np.int64)
    heat /= np.maximum(1, known.sum(axis=0))[:, None, None]
    pairs = tuple(pairs_of(shared, areas, classes))
    left_out = tuple(classes[int(bones.sum()) :])
    return MaskStatistics(images, tuple(classes), whole, areas, known, depth, pairs, heat, left_out)


def heat_of(
    part: ImageMasks, cut: Segments, sizes: Mapping[str, tuple[int, int]], classes: int
) -> Heat:
    """The sum over the images of a part."""
    heights = np.repeat([sizes[image][0] for image in part.images], classes)
    covered = coverage(cut, len(part.images) * classes, heights)
    return covered.reshape(len(part.images), classes, CELLS, CELLS).sum(axis=0)


def shared_pixels(part: ImageMasks, cut: Segments, classes: int) -> list[Shared]:
    """All pairs of masks of each image that overlap; `cut` are the segments of all masks."""
    masks = part.batch.masks()
    boxes = boxes_of(cut, len(masks))
    found: list[Shared] = []
    for image in range(len(part.images)):
        first = image * classes
        for one, other in touching(boxes[first : first + classes]):
            pixels = rle.overlap(masks[first + one], masks[first + other])
            if pixels:
                found.append(Shared(image, one, other, pixels))
    return found


def boxes_of(cut: Segments, masks: int) -> NDArray[np.int64]:
    """int64 [masks, 4]: top, left, bottom, right of each mask; of an empty one, nothing."""
    boxes = np.zeros((masks, 4), dtype=np.int64)
    if not len(cut.owner):
        return boxes
    first = np.flatnonzero(np.diff(cut.owner, prepend=-1))
    boxes[cut.owner[first]] = np.stack(
        (
            np.minimum.reduceat(cut.row, first),
            np.minimum.reduceat(cut.start, first),
            np.maximum.reduceat(cut.row, first) + 1,
            np.maximum.reduceat(cut.end, first),
        ),
        axis=1,
    )
    return boxes


def touching(boxes: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Pairs of boxes, int64 [boxes, 4], that have an area in common."""
    top, left, bottom, right = boxes.T
    rows = np.minimum(bottom[:, None], bottom) > np.maximum(top[:, None], top)
    columns = np.minimum(right[:, None], right) > np.maximum(left[:, None], left)
    return [(one, other) for one, other in np.argwhere(np.triu(rows & columns, 1)).tolist()]


def depths(part: ImageMasks, bones: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Pixels that belong to at least 1, 2, … DEEPEST of the `bones`, int64 [images, DEEPEST].

    `bones` is bool [classes].
    """
    images = len(part.images)
    # Masks of one class stand together for the vote, in the order of images; what is no bone votes
    # on a row of its own behind them.
    rows = np.where(bones, np.arange(images)[:, None], images).ravel()
    weights = np.ones(len(rows), dtype=np.int64)
    found = [
        weighted_vote(part.batch, rows, weights, np.full(images + 1, depth, np.int64)).areas()
        for depth in range(DEEPEST)
    ]
    return np.stack(found, axis=1)[:images]


def pairs_of(
    shared: Sequence[Shared], areas: NDArray[np.float64], classes: Sequence[str]
) -> list[Pair]:
    """What all images have in common, the largest mean overlap first.

    `areas` float64 [images, classes], NaN where there is no mask.
    """
    grouped: dict[tuple[int, int], list[Shared]] = {}
    for one in shared:
        grouped.setdefault((one.one, one.other), []).append(one)
    there = np.isfinite(areas)
    pairs: list[Pair] = []
    for (a, b), found in grouped.items():
        pixels = np.array([one.pixels for one in found])
        smaller = np.array([min(areas[one.image, a], areas[one.image, b]) for one in found])
        pairs.append(
            Pair(
                (classes[a], classes[b]),
                len(found),
                int((there[:, a] & there[:, b]).sum()),
                float(pixels.mean()),
                int(pixels.max()),
                float((pixels / smaller).mean()),
                float((pixels / smaller).max()),
            )
        )
    return sorted(pairs, key=lambda pair: (-pair.mean_pixels * pair.images, pair.classes))


def coverage(cut: Segments, masks: int, heights: NDArray[np.int64]) -> Heat:
    """The covered share of each cell, float64 [masks, CELLS, CELLS].

    `heights` int64 [masks] are those of the masks' images. Columns are shared out exactly; a row of
    pixels belongs to the cell that holds its middle.
    """
    height = heights[cut.owner]
    row = ((cut.row + 0.5) * CELLS / height).astype(np.int64)
    line = cut.owner * CELLS + row
    edges = np.zeros(masks * CELLS * (CELLS + 2))
    for columns, sign in ((cut.start, 1.0), (cut.end, -1.0)):
        place = columns * CELLS / cut.width
        cell = place.astype(np.int64)
        inside = place - cell
        # From an edge on, what is to its right is covered: the edge's own cell in part.
        at = line * (CELLS + 2) + cell
        edges += sign * np.bincount(at, 1 - inside, len(edges))
        edges += sign * np.bincount(at + 1, inside, len(edges))
    covered = np.cumsum(edges.reshape(masks, CELLS, CELLS + 2), axis=2)[:, :, :CELLS]
    return covered / rows_of_cells(heights)[:, :, None]


def rows_of_cells(heights: NDArray[np.int64]) -> NDArray[np.float64]:
    """How many rows of pixels belong to each row of cells, at least 1; [masks, CELLS]."""
    found = np.empty((len(heights), CELLS))
    for height in np.unique(heights).tolist():
        rows = ((np.arange(height) + 0.5) * CELLS / height).astype(np.int64)
        found[heights == height] = np.maximum(1, np.bincount(rows, minlength=CELLS))
    return found


@dataclass(frozen=True)
class ClassRow:
    """Areas of a class in pixels over the images that show it; None where none does."""

    name: str
    images: int
    """That show it."""
    of_images: int
    """In which it was labelled."""
    mean: float | None
    median: float | None
    spread: float | None
    """The standard deviation."""
    smallest: float | None
    largest: float | None
    share: float | None
    """Mean share of the image."""
    relative_spread: float | None
    """Standard deviation of the share, as a share of its mean: sizes of images do not count."""


def class_rows(figures: MaskStatistics) -> list[ClassRow]:
    return [_row(figures, column) for column in range(len(figures.classes))]


def _row(figures: MaskStatistics, column: int) -> ClassRow:
    areas, shares = figures.areas[:, column], figures.shares[:, column]
    there = np.isfinite(areas)
    known = int(figures.labelled[:, column].sum())
    name = figures.classes[column]
    if not there.any():
        return ClassRow(name, 0, known, *[None] * 7)
    areas, shares = areas[there], shares[there]
    return ClassRow(
        name,
        len(areas),
        known,
        float(areas.mean()),
        float(np.median(areas)),
        float(areas.std()),
        float(areas.min()),
        float(areas.max()),
        float(shares.mean()),
        float(shares.std() / shares.mean()),
    )


Bars = Callable[[str], AbstractContextManager[Progress]]
"""Gives a bar with a title."""

SAMPLED = 48
"""Images of a split whose grey values are read by default."""
UNKNOWN = "unknown"
PERCENTILES = (1, 5, 25, 50, 75, 95, 99)
LEVELS = 256


@dataclass(frozen=True)
class Intensity:
    """Grey values, 0 to 255, of the images that were read; every image counts the same."""

    images: int
    of_images: int
    unreadable: int
    histogram: NDArray[np.float64]
    """float64 [256]: the share of pixels of each grey value; adds up to 1."""
    mean: float
    spread: float
    """The standard deviation of pixels."""
    darkest: float
    """The lowest mean of an image."""
    brightest: float

    def percentile(self, percent: float) -> int:
        """The grey value that so many per cent of pixels do not exceed."""
        return int(np.searchsorted(np.cumsum(self.histogram), percent / 100 - 1e-12))


@dataclass(frozen=True)
class Split:
    """What is in one split."""

    name: str
    images: int
    labelled: int
    balance: Balance
    """Of all its people."""
    images_a_person: Mapping[int, int]
    """People by how many images they have."""
    sizes: Mapping[Size, int]
    """Images by (height, width)."""
    unreadable: int
    """Images of which not even the size can be read."""
    hands: Mapping[tuple[str, str], int]
    """Labelled images by side and pose, unknown ones too; empty where no bone can tell."""
    degrees: NDArray[np.float64]
    """The angles between forearm and hand that are known."""
    misnamed: int
    """Images whose file name says another side than the bones do."""
    intensity: Intensity | None


@dataclass(frozen=True)
class FactRow:
    """One kind of metadata; `values` of words, the figures of numbers."""

    name: str
    people: int
    """Of whom it is known."""
    of_people: int
    mean: float | None = None
    spread: float | None = None
    smallest: float | None = None
    largest: float | None = None
    values: Mapping[str, int] | None = None


@dataclass(frozen=True)
class Statistics:
    """What is in a data set. Masks are those of one split: training's, else those of the test."""

    dataset: Dataset
    splits: tuple[Split, ...]
    masks_of: str
    masks: MaskStatistics | None
    """None where no image has a label that can be read."""
    classes: tuple[ClassRow, ...]
    facts: tuple[FactRow, ...]
    faults: dict[str, InputError]
    """What is wrong with labels that are left out, by image name."""
    notes: tuple[str, ...]
    """On the metadata, for a person."""

    @property
    def have_hands(self) -> bool:
        return any(split.hands for split in self.splits)


def label_bytes(dataset: Dataset) -> int:
    """About how many bytes of labels `gather` will write to the cache; 0 where they are there."""
    known = with_test_labels(dataset)
    return sum(bytes_to_draw(split, known.classes) for split in (known.train, known.test))


def gather(dataset: Dataset, bars: Bars, sampled: int = SAMPLED) -> Statistics:
    """Read labels (drawn once, the cache keeps them), headers, and `sampled` images of each split.

    Test labels are looked at where they are there. Raises InputError where nothing can be read.
    """
    known = with_test_labels(dataset)
    metadata = metadata_of(dataset)
    splits: list[Split] = []
    masks: dict[str, MaskStatistics] = {}
    faults: dict[str, InputError] = {}
    for name, samples in (("train", known.train), ("test", known.test)):
        if not samples:
            continue
        with bars(f"labels of {name}") as bar:
            readable = readable_labels(samples, known.classes, bar)
        faults |= readable.faults
        hands = hands_of(readable.labels, known.classes, known.bones) if readable.labels else None
        if readable.labels and not masks:
            with bars("masks") as bar:
                masks[name] = measure_masks(readable.labels, known.classes, bar, known.not_bones)
        with bars(f"images of {name}") as bar:
            intensity = intensity_of(samples, sampled, bar) if sampled else None
        splits.append(split_of(name, samples, hands, metadata.people, intensity))
    [(masks_of, figures)] = masks.items() or [("", None)]
    people = sorted({sample.person for sample in known.split("all")})
    return Statistics(
        dataset,
        tuple(splits),
        masks_of,
        figures,
        tuple(class_rows(figures)) if figures else (),
        tuple(fact_rows(people, metadata.people)),
        faults,
        metadata.notes,
    )


def fact_rows(people: Sequence[str], facts: Mapping[str, Mapping[str, Fact]]) -> list[FactRow]:
    """A row for each kind of metadata that the people have."""
    known = [facts[person] for person in people if person in facts]
    names = dict.fromkeys(name for one in known for name in one)
    return [
        fact_row(name, [one[name] for one in known if name in one], len(people)) for name in names
    ]


def fact_row(name: str, values: Sequence[Fact], people: int) -> FactRow:
    numbers = [found for value in values if (found := finite(value)) is not None]
    if len(numbers) < len(values):
        counts = Counter(str(value) for value in values)
        return FactRow(name, len(values), people, values=dict(counts.most_common()))
    array = np.array(numbers)
    return FactRow(
        name,
        len(numbers),
        people,
        float(array.mean()),
        float(array.std()),
        float(array.min()),
        float(array.max()),
    )


def split_of(
    name: str,
    samples: Sequence[Sample],
    hands: Hands | None,
    facts: Mapping[str, Mapping[str, Fact]],
    intensity: Intensity | None,
) -> Split:
    """Count what there is; `hands` are those of the labelled images."""
    hands = hands if hands is not None and hands.are_hands else None
    known = hands or Hands.unmeasured(())
    people = people_of(samples, known, facts)
    sizes = [size_of(sample) for sample in samples]
    return Split(
        name,
        len(samples),
        sum(sample.labels is not None for sample in samples),
        balance_of(list(people.values())),
        dict(sorted(Counter(person.images for person in people.values()).items())),
        dict(Counter(size for size in sizes if size).most_common()),
        sizes.count(None),
        kinds_of(known),
        known.degrees[np.isfinite(known.degrees)],
        misnamed(samples, known),
        intensity,
    )


def kinds_of(hands: Hands) -> Counter[tuple[str, str]]:
    pairs = zip(hands.sides, hands.poses, strict=True)
    return Counter((side or UNKNOWN, pose or UNKNOWN) for side, pose in pairs)


def misnamed(samples: Sequence[Sample], hands: Hands) -> int:
    """Images whose name says another side than their bones."""
    sides = dict(zip(hands.images, hands.sides, strict=True))
    pairs = ((sample.side, sides.get(sample.image_name)) for sample in samples)
    return sum(said is not None and seen is not None and said != seen for said, seen in pairs)


def size_of(sample: Sample) -> Size | None:
    """(height, width) by the header; None where that cannot be read."""
    try:
        return image_size(sample.image)
    except InputError:
        return None


def intensity_of(
    samples: Sequence[Sample], most: int, progress: Progress = silent
) -> Intensity | None:
    """Read at most `most` images, taken evenly; None where none can be read."""
    chosen = [samples[place * len(samples) // most] for place in range(most)]
    chosen = chosen if len(samples) > most else list(samples)
    found: list[NDArray[np.float64]] = []
    with threads() as pool:
        for done, histogram in enumerate(pool.map(_histogram, chosen), 1):
            if histogram is not None:
                found.append(histogram)
            progress(done, len(chosen), chosen[done - 1].image_name)
    if not found:
        return None
    levels = np.arange(LEVELS)
    means = [float(one @ levels) for one in found]
    whole = np.mean(found, axis=0)
    mean = float(whole @ levels)
    return Intensity(
        len(found),
        len(samples),
        len(chosen) - len(found),
        whole,
        mean,
        float(np.sqrt(whole @ (levels - mean) ** 2)),
        min(means),
        max(means),
    )


def _histogram(sample: Sample) -> NDArray[np.float64] | None:
    try:
        image = read_image(sample.image)
    except InputError:
        return None
    return np.bincount(image.ravel(), minlength=LEVELS) / max(1, image.size)
