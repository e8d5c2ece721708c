"""Metadata of people as a table: figures by mean and range, words by how often they are there."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from handseg.data.people import Fact
from handseg.data.strata import number


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


def fact_rows(people: Sequence[str], facts: Mapping[str, Mapping[str, Fact]]) -> list[FactRow]:
    """A row for each kind of metadata that the people have."""
    known = [facts[person] for person in people if person in facts]
    names = dict.fromkeys(name for one in known for name in one)
    return [_row(name, [one[name] for one in known if name in one], len(people)) for name in names]


def _row(name: str, values: Sequence[Fact], people: int) -> FactRow:
    numbers = [found for value in values if (found := number(value)) is not None]
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
