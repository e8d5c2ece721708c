"""The columns of the table of runs: which of them fit, and what a run has in each."""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple

from handseg.runs.history import eta_range
from handseg.runs.summary import RunSummary
from handseg.text import epochs_text
from handseg.view.curves import sparkline
from tui import palette
from tui.dice_scale import LEAST_TREND
from tui.order import OrderName, RunOrder
from tui.state import State
from tui.wording import NOTHING, Cells, dice, fitted, span, without_middle

SIGNS = 4
"""Cells of cursor, mark, state and a blank."""
LEAST_NAME, ROOMY_NAME = 12, 20

Optional = Literal["epoch", "last", "trend", "age"]
WIDTHS: dict[Optional, int] = {"epoch": 8, "last": 6, "trend": 7, "age": 6}
BEST, LEFT, SPREAD = 7, 8, 3


@dataclass(frozen=True)
class RunColumns:
    """Which columns fit; what does not is left out, the last of `WIDTHS` first."""

    name: int
    shown: tuple[Optional, ...]
    trend: int
    left: int

    @property
    def has_spread(self) -> bool:
        """Whether the time left is told with its spread."""
        return self.left > LEFT

    def heads(self, order: RunOrder) -> list[tuple[str, int, OrderName]]:
        """Name, width and order of each column, from the left; an arrow where it is sorted."""
        found: list[tuple[str, int, OrderName]] = [("", SIGNS, "state"), ("run", self.name, "name")]
        if "epoch" in self.shown:
            found.append(("epoch", WIDTHS["epoch"], "epoch"))
        found.append(("best", BEST, "best"))
        if "last" in self.shown:
            found.append(("last", WIDTHS["last"], "last"))
        if "trend" in self.shown:
            found.append(("trend", self.trend + 1, "trend"))
        found.append(("left", self.left, "left"))
        if "age" in self.shown:
            found.append(("age", WIDTHS["age"], "age"))
        return [(_with_arrow(head, name, order), width, name) for head, width, name in found]


def _with_arrow(head: str, name: OrderName, order: RunOrder) -> str:
    return head + order.arrow if name == order.name else head


@lru_cache(maxsize=8)
def columns_for(width: int) -> RunColumns:
    """The columns of a table of this width; sign, name, best Dice and what is left are in all."""
    room = width - SIGNS - BEST - LEFT
    shown: list[Optional] = []
    for name, needed in WIDTHS.items():
        if room - needed < (ROOMY_NAME if name == "age" else LEAST_NAME):
            break
        room -= needed
        shown.append(name)
    trend, left = WIDTHS["trend"] - 1, LEFT
    if "trend" in shown and room - 2 >= LEAST_NAME:
        trend, room = trend + 2, room - 2
    if room - SPREAD >= ROOMY_NAME:
        left, room = left + SPREAD, room - SPREAD
    return RunColumns(max(1, room), tuple(shown), trend, left)


class Moving(NamedTuple):
    """What of a line is not the run's own: it changes with time and with what a person does."""

    under: bool
    """Whether the cursor is on it."""
    mark: str
    own: str
    """Its colour among the marked ones; empty where it is none."""
    left: tuple[str, str]
    age: str
    theme: str


def moving(state: State, run: RunSummary, columns: RunColumns, *, under: bool) -> Moving:
    """What a line depends on beside the run."""
    is_marked = under or run.name in state.selected or run.name == state.pinned
    return Moving(
        under,
        mark(state, run.name),
        state.colour_of(run.name) if is_marked else "",
        left_over(state, run, columns),
        span(run.age(state.now())) if "age" in columns.shown else "",
        palette.NAME,
    )


def run_cells(run: RunSummary, columns: RunColumns, now: Moving) -> Cells:
    """The line of one run."""
    sign, colour = palette.SIGNS[run.state]
    quiet = palette.DIM if run.state in ("stopped", "broken") else ""
    own = now.own
    parts = [
        ("▸" if now.under else " ", own),
        (now.mark, own),
        (f"{sign} ", colour),
        (fitted(without_middle(run.name, columns.name), columns.name), own or quiet),
    ]
    if "epoch" in columns.shown:
        parts.append((fitted(epochs(run), WIDTHS["epoch"], "right"), quiet))
    parts.append((fitted(dice(run.best_dice), BEST, "right"), quiet))
    if "last" in columns.shown:
        parts.append((fitted(dice(run.last_dice), WIDTHS["last"], "right"), palette.DIM))
    if "trend" in columns.shown:
        trend = sparkline(run.means, columns.trend, LEAST_TREND)
        parts.append((fitted(" " + trend, columns.trend + 1), palette.ACCENT))
    left, style = now.left
    parts.append((fitted(left, columns.left, "right"), style))
    if "age" in columns.shown:
        parts.append((fitted(now.age, WIDTHS["age"], "right"), palette.DIM))
    return tuple(parts)


def mark(state: State, name: str) -> str:
    """★ pinned, + selected."""
    if name == state.pinned:
        return "★"
    return "+" if name in state.selected else " "


def epochs(run: RunSummary) -> str:
    """Epochs done of those to do: `61/100`."""
    return NOTHING if run.epochs is None else epochs_text(run.known_epoch, run.epochs)


def left_over(state: State, run: RunSummary, columns: RunColumns) -> tuple[str, str]:
    """Time left of a running run, what is wrong with another, else its age; and its colour."""
    age = span(run.age(state.now()))
    if run.state == "running":
        spread = spread_of(state, run) if columns.has_spread else ""
        return f"{span(run.eta)}{spread}", ""
    if run.state == "quiet":
        return f"q {age}", palette.WARN
    if run.state in ("dead", "failed"):
        word = "oom" if "out of memory" in run.message else run.state
        return word, palette.BAD
    if run.state == "broken":
        return "broken", palette.WARN
    return (NOTHING if "age" in columns.shown else f"{age} ago"), palette.DIM


def spread_of(state: State, run: RunSummary) -> str:
    """` ±4m` where the pace of the last validations is known."""
    details = state.details.get(run.name)
    low, high = eta_range(details) if details is not None else (math.nan, math.nan)
    half = (high - low) / 2
    return f" ±{span(half)}" if half >= 1 else ""
