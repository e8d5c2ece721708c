"""One curve of the highlighted run in braille."""

import numpy as np
from numpy.typing import NDArray
from rich.text import Text

from handseg.runs.reader import RunDetails
from handseg.view.curves import Frame, curve, value_range
from tui import palette
from tui.state import State
from tui.widgets.lines import Lines
from tui.wording import cell, dice, joined, quantity, rule

AXIS = 7
MEAN = "validation Dice"


class Chart(Lines):
    """Mean Dice over epochs, or a value logged every step."""

    def __init__(self, state: State) -> None:
        super().__init__()
        self._state = state
        self.value = MEAN

    def values(self) -> list[str]:
        """What can be drawn."""
        details = self._state.run_details
        return [MEAN, *(sorted(details.steps) if details else [])]

    def next_value(self) -> bool:
        """Draw the next value; whether that was a step on and not back to the first."""
        values = self.values()
        place = values.index(self.value) + 1 if self.value in values else 0
        self.value = values[place % len(values)]
        self.refresh()
        return place < len(values)

    def lines(self, width: int, height: int) -> list[Text]:
        """Title, the curve with the ends of its range at its left, the ends of its axis below."""
        details = self._state.run_details
        head = rule(self.value, width, palette.FAINT)
        if details is None:
            return [head, cell(self._state.fault or " reading ...", width, palette.DIM)]
        x, y = points(details, self.value)
        if not np.isfinite(y).any():
            return [head, cell(" nothing logged yet", width, palette.DIM)]
        return [head, *drawing(details, self.value, x, y, width, height - 1)]


def points(details: RunDetails, value: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where and what: epochs for the mean Dice, steps for what is logged every step."""
    if value == MEAN:
        return details.epochs, details.means
    series = details.steps.get(value)
    if series is None:
        return np.empty(0), np.empty(0)
    return series.steps.astype(np.float64), series.values


def drawing(
    details: RunDetails,
    value: str,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    width: int,
    height: int,
) -> list[Text]:
    """The curve and its axes in so many lines."""
    end = float(x[-1])
    if value == MEAN and details.summary.epochs:
        end = max(end, float(details.summary.epochs))
    frame = Frame((min(0.0, float(x[0])), end), value_range(y), width - AXIS - 1, height - 1)
    rows = curve(x, y, frame)
    worded = dice if value == MEAN else quantity
    labels = {0: worded(frame.y[1]), len(rows) - 1: worded(frame.y[0])}
    if len(rows) > 6:
        labels[(len(rows) - 1) // 2] = worded(sum(frame.y) / 2)
    found = [
        joined(
            cell(labels.get(index, ""), AXIS - 1, palette.DIM, "right"),
            Text("┤" if index in labels else "│", palette.FAINT),
            Text(row, palette.ACCENT),
        )
        for index, row in enumerate(rows)
    ]
    return [*found, axis(value, frame, width)]


def axis(value: str, frame: Frame, width: int) -> Text:
    """The ends of the axis below."""
    word = "epoch" if value == MEAN else "step"
    right = f"{word} {frame.x[1]:,.0f}".replace(",", " ")
    left = " " * AXIS + f"{frame.x[0]:.0f}"
    return cell(left + right.rjust(max(0, width - len(left) - 1)), width, palette.DIM)
