"""All statistics of a data set: images, people, hands and grey values of its splits, its masks."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from handseg.data.dataset import Dataset, Sample, with_test_labels
from handseg.data.hands import hands_of
from handseg.data.images import image_size, read_image
from handseg.data.label_runs import bytes_to_draw, readable_labels
from handseg.data.people import Balance, Fact, balance_of, finite, metadata_of, people_of
from handseg.data.statistics.masks import ClassRow, MaskStatistics, class_rows, measure_masks
from handseg.errors import InputError
from handseg.formats.documents import Size
from handseg.hand.hands import Hands
from handseg.reporter import Progress, silent
from handseg.threads import threads

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
                masks[name] = measure_masks(readable.labels, known.classes, bar)
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
