"""The table of the bones of the highlighted run: now, best, trend; in as many columns as fit."""

import math
from collections.abc import Mapping

from rich.text import Text

from handseg.view.curves import sparkline
from tui import palette
from tui.state import State
from tui.widgets.lines import Lines
from tui.wording import cell, dice, joined, rule

MARK, DICE, TREND, GAP = 1, 6, 6, 1
LEAST_NAME, MOST_NAME = 10, 20
WORST, BEST = 3, 2

Marks = dict[str, tuple[str, str]]


class Bones(Lines):
    """Every class with its Dice; the worst and the best are marked by sign and colour."""

    def __init__(self, state: State) -> None:
        super().__init__()
        self._state = state

    @property
    def rows(self) -> int:
        """Lines needed: title, heads and the classes in columns."""
        run = self._state.run
        classes = len(run.classes) if run else 0
        return 2 + -(-classes // column_count(self.size.width, classes))

    def lines(self, width: int, height: int) -> list[Text]:
        """Title, heads, then the classes down the first column, the second, ..."""
        run = self._state.run
        if run is None:
            return []
        title = f"bones, epoch {run.validated_epoch:g}" if run.dice else "bones"
        head = [rule(title, width, palette.FAINT)]
        if not run.classes:
            return [*head, cell(" no class known yet", width, palette.DIM)]
        number = column_count(width, len(run.classes))
        each = -(-len(run.classes) // number)
        name = min(MOST_NAME, width // number - MARK - 2 * DICE - TREND - 2 - GAP)
        marks, trends = marked(run.dice), self._trends()
        cells = [
            bone(label, run.dice, run.best_by_class, trends.get(label, ""), marks, name)
            for label in run.classes
        ]
        rows = [joined(*cells[index::each]) for index in range(each)]
        return [*head, joined(*[heading(name)] * number), *rows]

    def _trends(self) -> Mapping[str, str]:
        details = self._state.run_details
        if details is None:
            return {}
        recent = details.dice[-40:]
        return {
            label: sparkline([float(value) for value in recent[:, index]], TREND)
            for index, label in enumerate(details.summary.classes)
        }


def column_count(width: int, classes: int) -> int:
    """How many columns of classes fit side by side, at most three."""
    least = MARK + LEAST_NAME + 2 * DICE + TREND + 2 + GAP
    return max(1, min(3, width // least, classes or 1))


def heading(name: int) -> Text:
    """The heads of one column."""
    text = cell("", MARK) + cell("bone", name) + cell("now", DICE, align="right")
    text += cell("best", DICE, align="right") + cell("  trend", TREND + 2 + GAP)
    return Text(text.plain, palette.FAINT)


def bone(
    label: str,
    now: Mapping[str, float],
    best: Mapping[str, float],
    trend: str,
    marks: Marks,
    name: int,
) -> Text:
    """The cells of one class."""
    sign, colour = marks.get(label, (" ", ""))
    value = now.get(label, math.nan)
    return joined(
        cell(sign, MARK, colour),
        cell(label, name, colour),
        cell(dice(value, 3), DICE, colour, "right"),
        cell(dice(best.get(label, math.nan), 3), DICE, palette.DIM, "right"),
        cell("  " + trend, TREND + 2 + GAP, palette.ACCENT),
    )


def marked(dices: Mapping[str, float]) -> Marks:
    """Sign and colour of the worst and the best classes; none where there is but one."""
    finite = {name: value for name, value in dices.items() if math.isfinite(value)}
    order = sorted(finite, key=finite.__getitem__)
    marks: Marks = {}
    if len(order) > 1:
        worst = order[: min(WORST, max(1, len(order) // 4))]
        best = order[-min(BEST, max(1, len(order) // 8)) :]
        marks.update(dict.fromkeys(best, ("*", palette.GOOD)))
        marks.update(dict.fromkeys(worst, ("!", palette.BAD)))
    return marks
