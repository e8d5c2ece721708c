"""How the rows of a table are sorted: by one of several keys, its usual way or the other way."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Generic, Self, TypeVar

from handseg.runs.query import FALLING, RISING
from handseg.runs.summary import RunSummary

Row = TypeVar("Row")


@dataclass(frozen=True)
class SortKey(Generic[Row]):
    """What rows are sorted by, in words, and whether the greatest stands first."""

    title: str
    value: Callable[[Row], float | str] | None = None
    """None: the rows as they are given."""
    falls: bool = False


@dataclass(frozen=True)
class Order(Generic[Row]):
    """One of several keys, and whether its usual direction is turned round."""

    keys: Mapping[str, SortKey[Row]]
    name: str
    turned: bool = False

    @property
    def key(self) -> SortKey[Row]:
        return self.keys[self.name]

    @property
    def arrow(self) -> str:
        if self.key.value is None:
            return ""
        return "▼" if self.key.falls != self.turned else "▲"

    def next(self) -> Self:
        names = list(self.keys)
        return replace(self, name=names[(names.index(self.name) + 1) % len(names)], turned=False)

    def reversed(self) -> Self:
        return replace(self, turned=not self.turned)

    def by(self, name: str) -> Self:
        """The order by a key; by the present one the other way round."""
        return self.reversed() if name == self.name else replace(self, name=name, turned=False)

    def sorted(self, rows: Sequence[Row]) -> list[Row]:
        """The rows in this order; those without a value last, equal ones as they are given."""
        if self.key.value is None:
            return list(rows[::-1] if self.turned else rows)
        values = [(self.key.value(row), row) for row in rows]
        known = [pair for pair in values if not _lacks(pair[0])]
        # Turned round like this, equal ones stay in their order.
        known.sort(key=lambda pair: pair[0], reverse=self.key.falls != self.turned)
        return [row for _, row in known] + [row for value, row in values if _lacks(value)]


def _lacks(value: float | str) -> bool:
    return value == "" or (isinstance(value, float) and not math.isfinite(value))


RUN_TITLES = {
    "started": "start",
    "name": "name",
    "state": "state",
    "epoch": "epoch",
    "best": "best Dice",
    "last": "last Dice",
    "trend": "how much it rises",
    "left": "time left",
    "age": "age",
}
RUN_KEYS: Mapping[str, SortKey[RunSummary]] = {
    name: SortKey(title, FALLING.get(name) or RISING[name], name in FALLING)
    for name, title in RUN_TITLES.items()
}
NEWEST_FIRST = Order(RUN_KEYS, "started")


def sort_words(order: Order[RunSummary]) -> list[str]:
    """An order as `handseg runs` takes it; none for the usual one, or one that only we know."""
    if order.name == "trend":
        return []
    words = [] if order.name == "started" else ["--sort", order.name]
    return [*words, "--reverse"] if order.turned else words
