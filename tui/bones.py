"""What the table of the bones shows of the highlighted run, in the order that is wanted."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from handseg.runs.history import RunDetails
from handseg.runs.query import climb
from handseg.runs.summary import RunSummary
from handseg.view.curves import sparklines
from tui.dice_scale import LEAST_TREND
from tui.state import State

BoneColumn = Literal["data", "bone", "now", "best", "trend"]
BONE_COLUMNS: tuple[BoneColumn, ...] = get_args(BoneColumn)
"""`data` is the order of the classes; `best` is the difference where a run is pinned."""

WORST, BEST = 3, 2
TREND = 6
RECENT = 40
"""Validations that the trend is drawn from."""

Mark = Literal["", "!", "*"]


@dataclass(frozen=True)
class Bone:
    """One class: Dice now and at its best, and against the pinned run; NaN where not known."""

    label: str
    now: float
    best: float
    against: float
    """Now less that of the pinned run."""
    trend: str
    climb: float
    mark: Mark


@dataclass(frozen=True)
class BoneOrder:
    """A column, and whether its usual direction is turned round: the worst first."""

    name: BoneColumn = "data"
    turned: bool = False

    @property
    def arrow(self) -> str:
        return "▼" if self.turned else "▲"

    def next(self) -> "BoneOrder":
        return BoneOrder(BONE_COLUMNS[(BONE_COLUMNS.index(self.name) + 1) % len(BONE_COLUMNS)])

    def reversed(self) -> "BoneOrder":
        return BoneOrder(self.name, not self.turned)

    def by(self, name: BoneColumn) -> "BoneOrder":
        return self.reversed() if name == self.name else BoneOrder(name)


def bones_of(state: State, order: BoneOrder) -> list[Bone]:
    """The bones of the highlighted run; those without a value last."""
    run = state.run
    if run is None:
        return []
    pinned = rival(state)
    marks, trends = marked(run.dice), _trends(state.run_details)
    found = [
        Bone(
            label=label,
            now=run.dice.get(label, math.nan),
            best=run.best_by_class.get(label, math.nan),
            against=_against(run, pinned, label),
            trend=trends[label][0] if label in trends else "",
            climb=trends[label][1] if label in trends else math.nan,
            mark=marks.get(label, ""),
        )
        for label in run.classes
    ]
    return _sorted(found, order, pinned is not None)


def rival(state: State) -> RunSummary | None:
    """The pinned run, if it is another than the highlighted one and has been validated."""
    pinned = state.pinned_run
    return pinned if pinned is not None and pinned.name != state.highlighted else None


def _against(run: RunSummary, pinned: RunSummary | None, label: str) -> float:
    if pinned is None:
        return math.nan
    return run.dice.get(label, math.nan) - pinned.dice.get(label, math.nan)


def _trends(details: RunDetails | None) -> dict[str, tuple[str, float]]:
    """Of each class its last validations as bars, and how much it has risen."""
    if details is None:
        return {}
    recent = details.dice[-RECENT:]
    lines = sparklines(recent, TREND, LEAST_TREND)
    climbs = map(climb, recent.T.tolist())
    found = zip(details.summary.classes, lines, climbs, strict=True)
    return {label: (line, risen) for label, line, risen in found}


def _sorted(bones: list[Bone], order: BoneOrder, against: bool) -> list[Bone]:
    if order.name == "data":
        return bones[::-1] if order.turned else bones
    if order.name == "bone":
        return sorted(bones, key=lambda bone: bone.label.lower(), reverse=order.turned)
    sign = -1.0 if order.turned else 1.0

    def place(bone: Bone) -> tuple[bool, float]:
        best = bone.against if against else bone.best
        values = {"now": bone.now, "best": best, "trend": bone.climb}
        value = values[order.name]
        return not math.isfinite(value), sign * value if math.isfinite(value) else 0.0

    return sorted(bones, key=place)


def marked(dices: Mapping[str, float]) -> dict[str, Mark]:
    """The worst and the best classes; none where they are no worse than the best."""
    finite = {name: value for name, value in dices.items() if math.isfinite(value)}
    order = sorted(finite, key=finite.__getitem__)
    marks: dict[str, Mark] = {}
    if order and finite[order[0]] < finite[order[-1]]:
        worst = order[: min(WORST, max(1, len(order) // 4))]
        best = order[-min(BEST, max(1, len(order) // 8)) :]
        marks.update(dict.fromkeys(best, "*"))
        marks.update(dict.fromkeys(worst, "!"))
    return marks
