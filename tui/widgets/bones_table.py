"""The bones of the highlighted run, now, at their best and against the pinned run."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical

from handseg.runs.history import RunDetails
from handseg.runs.query import climb
from handseg.runs.summary import RunSummary
from handseg.text import MOVED, dice_text
from handseg.view.curves import sparklines
from tui.order import Order, SortKey
from tui.state import State
from tui.theme import Theme
from tui.widgets.lines import DICE_TREND, Lines, difference, joined, rule, without_middle
from tui.widgets.table import Cell, DataTable, TableColumn

WORST, BEST = 3, 2
RECENT = 40
"""Validations that the trend is drawn from."""
MARK, DICE, SECOND, TREND, GAP = 1, 6, 7, 7, 1
LEAST_NAME, MOST_NAME = 10, 20
MOST_ACROSS = 3
REST = MARK + DICE + SECOND + TREND + GAP
LEGENDS = ("* best  ! worst", f"▲▼ moved > {dice_text(MOVED, 3)}")

Mark = Literal["", "!", "*"]


@dataclass(frozen=True)
class Bone:
    """One class: Dice now and at its best, and against the pinned run; NaN where not known."""

    label: str
    now: float
    best: float
    against: float | None
    """Now less that of the pinned run; None where no other run is pinned."""
    trend: str
    climb: float
    mark: Mark

    @property
    def second(self) -> float:
        """What stands beside its Dice now, and sorts it."""
        return self.best if self.against is None else self.against


BONE_KEYS: Mapping[str, SortKey[Bone]] = {
    "data": SortKey("data order"),
    "bone": SortKey("name", lambda bone: bone.label.lower()),
    "now": SortKey("Dice now", lambda bone: bone.now),
    "second": SortKey("best Dice, or the difference to the pinned run", lambda bone: bone.second),
    "trend": SortKey("how much it rises", lambda bone: bone.climb),
}
DATA_ORDER = Order(BONE_KEYS, "data")


def bones_of(state: State, order: Order[Bone] = DATA_ORDER) -> list[Bone]:
    """The bones of the highlighted run; those without a value last."""
    run, pinned = state.run, state.baseline
    if run is None:
        return []
    marks, trends = marked(run.dice), _trends(state.run_details)
    nothing = ("", math.nan)
    bones = [
        Bone(
            label=label,
            now=run.dice.get(label, math.nan),
            best=run.best_by_class.get(label, math.nan),
            against=None if pinned is None else _difference(run, pinned, label),
            trend=trends.get(label, nothing)[0],
            climb=trends.get(label, nothing)[1],
            mark=marks.get(label, ""),
        )
        for label in run.classes
    ]
    return order.sorted(bones)


def _difference(run: RunSummary, pinned: RunSummary, label: str) -> float:
    return run.dice.get(label, math.nan) - pinned.dice.get(label, math.nan)


def _trends(details: RunDetails | None) -> dict[str, tuple[str, float]]:
    """Of each class its last validations as bars, and how much it has risen."""
    if details is None:
        return {}
    recent = details.dice[-RECENT:]
    lines = sparklines(recent, TREND - 1, DICE_TREND)
    climbs = map(climb, recent.T.tolist())
    found = zip(details.summary.classes, lines, climbs, strict=True)
    return {label: (line, risen) for label, line, risen in found}


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


class BonesTable(DataTable[Bone]):
    """The classes, in as many columns side by side as fit; the cursor is the chosen class."""

    CURSOR_IS_STATE = True

    def __init__(self, state: State) -> None:
        super().__init__(id="bones")
        self._state = state
        self.order = DATA_ORDER
        self._made_of: object = None

    @property
    def across(self) -> int:
        return across(self.text_width, len(self.keys))

    @property
    def lines_needed(self) -> int:
        """Lines of header and classes."""
        run = self._state.run
        classes = len(run.classes) if run else 0
        return 1 + -(-classes // across(self.text_width, classes))

    @property
    def columns(self) -> Sequence[TableColumn[Bone]]:
        name = max(1, min(MOST_NAME, self.row_width - REST))
        return columns_for(name, against=self._state.baseline is not None)

    def update(self) -> bool:
        """Show the classes as they are now; whether they are others."""
        state, run = self._state, self._state.run
        # The summary of a live run is another object each second; its Dice are not.
        made_of = (
            *(
                (run.name, run.dice, run.best_by_class, run.classes) if run else None
                for run in (run, state.baseline)
            ),
            len(state.run_details.epochs) if state.run_details else -1,
            (self.order, self.theme.name),
        )
        chosen = state.chosen_class if run and state.chosen_class in run.classes else None
        if made_of == self._made_of:
            self.show_keys(self.keys, chosen)
            return False
        self._made_of = made_of
        self.show({bone.label: bone for bone in bones_of(state, self.order or DATA_ORDER)}, chosen)
        return True


def across(width: int, classes: int) -> int:
    return max(1, min(MOST_ACROSS, width // (REST + LEAST_NAME), classes or 1))


@lru_cache(maxsize=8)
def columns_for(name: int, *, against: bool) -> Sequence[TableColumn[Bone]]:
    second = "Δ ★" if against else "best"
    return (
        TableColumn(MARK, mark_cell, sort="data"),
        TableColumn(name, name_cell, "bone", sort="bone"),
        TableColumn(DICE, now_cell, "now", "right", "now"),
        TableColumn(SECOND, second_cell, second, "right", "second"),
        TableColumn(TREND, trend_cell, " trend", sort="trend"),
    )


def colour_of(bone: Bone, theme: Theme) -> str:
    return {"!": theme.bad, "*": theme.good, "": ""}[bone.mark]


def mark_cell(bone: Bone, width: int, theme: Theme) -> Cell:
    return bone.mark or " ", colour_of(bone, theme)


def name_cell(bone: Bone, width: int, theme: Theme) -> Cell:
    return without_middle(bone.label, width), colour_of(bone, theme)


def now_cell(bone: Bone, width: int, theme: Theme) -> Cell:
    return dice_text(bone.now, 3), colour_of(bone, theme)


def second_cell(bone: Bone, width: int, theme: Theme) -> Cell:
    if bone.against is None:
        return dice_text(bone.best, 3), theme.dim
    return difference(bone.against, theme)


def trend_cell(bone: Bone, width: int, theme: Theme) -> Cell:
    return " " + bone.trend, theme.accent


class Bones(Vertical):
    """Title, header and classes."""

    def __init__(self, state: State) -> None:
        super().__init__()
        self.table = BonesTable(state)
        self._title = BonesTitle(state)

    def compose(self) -> ComposeResult:
        yield self._title
        yield self.table.header
        yield self.table

    def update(self) -> None:
        if self.table.update():
            self._title.refresh()

    @on(DataTable.Ordered)
    def reorder(self, event: DataTable.Ordered) -> None:
        event.stop()
        self.table.order = event.order
        self.update()


class BonesTitle(Lines):
    """Whose bones these are, at which epoch, compared with which run; a legend where it fits."""

    def __init__(self, state: State) -> None:
        super().__init__()
        self._state = state

    def lines(self, width: int, height: int) -> list[Text]:
        run, pinned, faint = self._state.run, self._state.baseline, self.theme.faint
        if run is None:
            return [rule("bones", width, faint)]
        parts = [f"bones of {run.name}" if width >= 60 else "bones"]
        if math.isfinite(run.validated_epoch):
            parts.append(f"epoch {run.validated_epoch:g}")
        if pinned is not None:
            parts.append(f"Δ to ★ {pinned.name}")
        line = rule(", ".join(parts), width, faint)
        legend = "  ".join(LEGENDS if pinned is not None else LEGENDS[:1])
        used = line.plain.rstrip("─").rstrip()
        if len(used) + len(legend) + 6 > width:
            return [line]
        rest = width - len(legend) - 4
        return [joined(line[:rest], Text(f" {legend} ──", faint))]
