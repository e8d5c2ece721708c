"""The checkpoints of a run: which is last and best, how good, how big, whether it looks whole."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.text import Text

from handseg.runs.checkpoints import CheckpointFacts
from handseg.text import NONE, dice_text, one_line, short_duration, size_text
from tui.theme import Theme
from tui.widgets.lines import Align, cell, count, joined
from tui.widgets.table import Cell, Column, Table


@dataclass(frozen=True)
class CheckpointRow:
    """A checkpoint, and its age in words."""

    facts: CheckpointFacts
    age: str


def marks_cell(row: CheckpointRow, width: int, theme: Theme) -> Cell:
    marks = (("last", row.facts.is_last), ("best", row.facts.is_best))
    words = " ".join(word for word, holds in marks if holds)
    return joined(" ", cell(words, width - 1, theme.good))


def step_cell(row: CheckpointRow, width: int, theme: Theme) -> Cell:
    return count(row.facts.step), ""


def epoch_cell(row: CheckpointRow, width: int, theme: Theme) -> Cell:
    facts = row.facts
    if facts.fault:
        # What cannot be loaded has no figures worth a look.
        return Text(f"  ! {one_line(facts.fault)}", theme.bad)
    return f"{facts.epoch:.4g}" if math.isfinite(facts.epoch) else NONE, theme.dim


def dice_cell(row: CheckpointRow, width: int, theme: Theme) -> Cell:
    return "" if row.facts.fault else dice_text(row.facts.mean), ""


def figure(title: str, width: int, text: Callable[[CheckpointRow], str]) -> Column[CheckpointRow]:
    """A column of a figure of checkpoints that can be loaded."""

    def make(row: CheckpointRow, width: int, theme: Theme) -> Cell:
        return "" if row.facts.fault else text(row), theme.dim

    right: Align = "right"
    return Column(width, make, title, right)


def weights_text(row: CheckpointRow) -> str:
    return {True: "EMA", False: "raw", None: NONE}[row.facts.uses_ema]


def bytes_text(row: CheckpointRow) -> str:
    return size_text(row.facts.bytes) if row.facts.bytes else NONE


COLUMNS = (
    Column(11, marks_cell),
    Column(9, step_cell, "step", "right"),
    Column(7, epoch_cell, "epoch", "right"),
    Column(6, dice_cell, "Dice", "right"),
    figure("by", 5, weights_text),
    figure("size", 9, bytes_text),
    figure("age", 5, lambda row: row.age),
)


class CheckpointsTable(Table[CheckpointRow]):
    """The checkpoints, the oldest first."""

    def __init__(self, now: Callable[[], float]) -> None:
        super().__init__(placeholder=" no checkpoint yet", id="checkpoints-list")
        self._now = now
        self.header.display = False

    @property
    def columns(self) -> Sequence[Column[CheckpointRow]]:
        return COLUMNS

    def show_checkpoints(self, found: Sequence[CheckpointFacts]) -> None:
        now = self._now()
        rows = {
            one.name: CheckpointRow(one, short_duration(now - one.time) if one.time else NONE)
            for one in found
        }
        self.header.display = bool(rows)
        self.show(rows, self.cursor if self.cursor in rows else None)
