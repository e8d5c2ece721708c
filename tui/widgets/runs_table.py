"""The table of runs: state, name, epoch, best and last Dice, trend, what is left."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical

from handseg.runs.summary import RunSummary
from handseg.view.curves import sparkline
from tui import palette
from tui.widgets.lines import Lines
from tui.widgets.rows import Rows
from tui.wording import NOTHING, cell, dice, joined, span

TREND = 6
LEAST_NAME = 12
TAIL = 5
"""Of a name, what always stays."""


@dataclass(frozen=True)
class Columns:
    """Which columns fit: what does not is left out, the trend first."""

    name: int
    epoch: bool
    last: bool
    trend: bool

    @classmethod
    def for_width(cls, width: int) -> "Columns":
        """The columns of a table of this width; sign, name and best Dice are always there."""
        room = width - 3 - 6 - 7
        epoch = room - 8 >= LEAST_NAME
        room -= 8 * epoch
        last = epoch and room - 6 >= LEAST_NAME
        room -= 6 * last
        trend = last and room - TREND - 1 >= LEAST_NAME
        room -= (TREND + 1) * trend
        return cls(max(1, room), epoch, last, trend)


class Heads(Lines):
    """The names of the columns."""

    def lines(self, width: int, height: int) -> list[Text]:
        """One line."""
        columns = Columns.for_width(width)
        text = cell("", 3) + cell("run", columns.name)
        if columns.epoch:
            text += cell("epoch", 8, align="right")
        text += cell("best", 6, align="right")
        if columns.last:
            text += cell("last", 6, align="right")
        if columns.trend:
            text += cell(" trend", TREND + 1)
        return [Text(joined(text, cell("eta", 7, align="right")).plain, palette.FAINT)]


class RunsTable(Vertical):
    """The runs with a cursor; posts `Rows.Moved` and `Rows.Chosen` with the name of a run."""

    def compose(self) -> ComposeResult:
        """Heads above rows."""
        yield Heads(id="heads")
        yield Rows(id="runs")

    def show(self, runs: Sequence[RunSummary], highlighted: str | None) -> None:
        """Show the runs as they are now."""
        rows = self.query_one("#runs", Rows)
        columns = Columns.for_width(rows.text_width)
        now = time.time()
        rows.show([(run.name, row(run, columns, now)) for run in runs], highlighted)


def row(run: RunSummary, columns: Columns, now: float) -> Text:
    """The line of one run."""
    sign, colour = palette.SIGNS[run.state]
    quiet = palette.DIM if run.state in ("stopped", "broken") else ""
    parts = [
        cell(f" {sign} ", 3, colour),
        cell(run_name(run.name, columns.name), columns.name, quiet),
    ]
    if columns.epoch:
        parts.append(cell(epochs(run), 8, quiet, "right"))
    parts.append(cell(dice(run.best_dice), 6, quiet, "right"))
    if columns.last:
        parts.append(cell(dice(run.last_dice), 6, palette.DIM, "right"))
    if columns.trend:
        parts.append(cell(" " + sparkline(run.means, TREND), TREND + 1, palette.ACCENT))
    text, style = left_over(run, now)
    return joined(*parts, cell(text, 7, style, "right"))


def run_name(name: str, width: int) -> str:
    """A name that is too long loses its middle: its number tells runs apart."""
    if len(name) <= width or width <= TAIL + 1:
        return name
    return f"{name[: width - TAIL - 1]}…{name[-TAIL:]}"


def epochs(run: RunSummary) -> str:
    """Epochs done of those to do: `61/100`."""
    if run.state == "broken" or run.epochs is None:
        return NOTHING
    return f"{int(run.epoch)}/{run.epochs:g}"


def left_over(run: RunSummary, now: float) -> tuple[str, str]:
    """Time left of a running run, what is wrong with another, else its age; and its colour."""
    age = span(now - run.updated)
    if run.state == "running":
        return span(run.eta), ""
    if run.state == "quiet":
        return f"q {age}", palette.WARN
    if run.state in ("dead", "failed"):
        word = "oom" if "out of memory" in run.message else run.state
        return word, palette.BAD
    return ("broken", palette.WARN) if run.state == "broken" else (age, palette.DIM)
