"""The orders that runs can be shown in."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from handseg.runs.query import FALLING, sort_runs
from handseg.runs.summary import RunSummary

OrderName = Literal["started", "name", "state", "epoch", "best", "last", "trend", "left", "age"]
ORDERS: tuple[OrderName, ...] = get_args(OrderName)


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

    def sorted(self, runs: Sequence[RunSummary]) -> list[RunSummary]:
        """The runs in this order; those without a value last, equal ones the newest first."""
        return sort_runs(runs, self.name, reverse=self.turned)
