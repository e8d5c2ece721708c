"""All statistics of a data set."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np

from handseg.data.dataset import Dataset, with_test_labels
from handseg.data.hands import hands_of
from handseg.data.label_runs import readable_labels
from handseg.data.people import Fact, finite, metadata_of
from handseg.data.statistics.masks import ClassRow, MaskStatistics, class_rows, measure_masks
from handseg.data.statistics.splits import Split, intensity_of, split_of
from handseg.errors import InputError
from handseg.reporter import Progress

Bars = Callable[[str], AbstractContextManager[Progress]]
"""Gives a bar with a title."""

SAMPLED = 48
"""Images of a split whose grey values are read by default."""


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
        """Whether bones tell a side or a pose."""
        return any(split.hands for split in self.splits)


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
    return [_row(name, [one[name] for one in known if name in one], len(people)) for name in names]


def _row(name: str, values: Sequence[Fact], people: int) -> FactRow:
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
