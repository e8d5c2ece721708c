"""All statistics of a data set."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from handseg.data.dataset import Dataset, with_test_labels
from handseg.data.hands import hands_of
from handseg.data.statistics.classes import ClassRow, class_rows
from handseg.data.statistics.facts import FactRow, fact_rows
from handseg.data.statistics.intensity import intensity_of
from handseg.data.statistics.kept_labels import kept_labels
from handseg.data.statistics.masks import MaskFigures, measure_masks
from handseg.data.statistics.splits import Split, split_of
from handseg.data.training_people import facts_of
from handseg.errors import InputError
from handseg.reporter import Progress

Bars = Callable[[str], AbstractContextManager[Progress]]
"""Gives a bar with a title."""

SAMPLED = 48
"""Images of a split whose grey values are read by default."""


@dataclass(frozen=True)
class Statistics:
    """What is in a data set. Masks are those of one split: training's, else those of the test."""

    dataset: Dataset
    splits: tuple[Split, ...]
    masks_of: str
    masks: MaskFigures | None
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
    facts = facts_of(dataset)
    splits: list[Split] = []
    masks: dict[str, MaskFigures] = {}
    faults: dict[str, InputError] = {}
    for name, samples in (("train", known.train), ("test", known.test)):
        if not samples:
            continue
        with bars(f"labels of {name}") as bar:
            kept = kept_labels(samples, known.classes, bar)
        faults |= kept.faults
        hands = hands_of(kept.labels, known.classes, known.bones) if kept.labels else None
        if kept.labels and not masks:
            with bars("masks") as bar:
                masks[name] = measure_masks(kept.labels, known.classes, bar)
        with bars(f"images of {name}") as bar:
            intensity = intensity_of(samples, sampled, bar) if sampled else None
        splits.append(split_of(name, samples, hands, facts.of_people, intensity))
    [(masks_of, figures)] = masks.items() or [("", None)]
    people = sorted({sample.person for sample in known.split("all")})
    return Statistics(
        dataset,
        tuple(splits),
        masks_of,
        figures,
        tuple(class_rows(figures)) if figures else (),
        tuple(fact_rows(people, facts.of_people)),
        faults,
        facts.notes,
    )
