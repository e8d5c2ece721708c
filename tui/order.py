"""The orders that runs can be shown in."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from handseg.runs.summary import STATES, RunSummary

OrderName = Literal["started", "name", "state", "epoch", "best", "last", "trend", "left", "age"]
ORDERS: tuple[OrderName, ...] = get_args(OrderName)

NUMBERS: Mapping[OrderName, Callable[[RunSummary, float], float]] = {
    "started": lambda run, now: run.started,
    "epoch": lambda run, now: run.epoch if run.state != "broken" else math.nan,
    "best": lambda run, now: run.best_dice,
    "last": lambda run, now: run.last_dice,
    "trend": lambda run, now: climb(run.means),
    "left": lambda run, now: run.eta,
    "age": lambda run, now: run.age(now),
    "state": lambda run, now: float(STATES.index(run.state)),
}
FALLING: frozenset[OrderName] = frozenset(("started", "epoch", "best", "last", "trend"))
"""The orders in which the greatest comes first."""
RECENT = 5
"""Validations over which the trend is told."""


def climb(means: Sequence[float]) -> float:
    """How much the mean Dice has risen over the last validations; NaN before there are two."""
    recent = means[-RECENT - 1 :]
    return recent[-1] - recent[0] if len(recent) > 1 else math.nan


@dataclass(frozen=True)
class RunOrder:
    """A column, and whether its usual direction is turned round."""

    name: OrderName = "started"
    turned: bool = False

    @property
    def falls(self) -> bool:
        """Whether the greatest stands first."""
        return (self.name in FALLING) != self.turned

    @property
    def arrow(self) -> str:
        return "▼" if self.falls else "▲"

    def next(self) -> "RunOrder":
        return RunOrder(ORDERS[(ORDERS.index(self.name) + 1) % len(ORDERS)])

    def reversed(self) -> "RunOrder":
        return RunOrder(self.name, not self.turned)

    def by(self, name: OrderName) -> "RunOrder":
        return self.reversed() if name == self.name else RunOrder(name)

    def sorted(self, runs: Sequence[RunSummary], now: float) -> list[RunSummary]:
        """The runs in this order; those without a value last, equal ones the newest first."""
        if self == RunOrder():
            return list(runs)
        if self.name == "name":
            return sorted(runs, key=lambda run: run.name.lower(), reverse=self.falls)
        number, sign = NUMBERS[self.name], -1.0 if self.falls else 1.0

        def place(run: RunSummary) -> tuple[bool, float]:
            value = number(run, now)
            return not math.isfinite(value), sign * value if math.isfinite(value) else 0.0

        return sorted(runs, key=place)
