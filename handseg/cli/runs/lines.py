"""The list of runs as a table that fits its terminal: columns give way, lines never wrap."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from handseg.runs.layout import State
from handseg.runs.query import worst_dice
from handseg.runs.summary import RunSummary
from handseg.text import NONE, STATE_SIGNS, dice_text, epochs_text, one_line, short_duration

GAP = 2
NARROWEST = 6
"""Cells of a name, at least."""
STYLES: Mapping[State, str] = {
    "running": "green",
    "quiet": "yellow",
    "dead": "red",
    "failed": "red",
    "broken": "yellow",
    "stopped": "dim",
    "finished": "",
}


@dataclass(frozen=True)
class LineColumn:
    """A column: what it says of a run, and in which order it is left out where room lacks
    (0: never)."""

    title: str
    words: Callable[[RunSummary, float], str]
    gives_way: int = 0
    right: bool = False


def when_text(run: RunSummary, now: float) -> str:
    """What is left of a live run, and how long ago any other wrote last."""
    if run.is_live:
        left = short_duration(run.eta)
        return NONE if left == NONE else f"{left} left"
    age = short_duration(run.age(now))
    return NONE if age == NONE else f"{age} ago"


def best_text(run: RunSummary, now: float) -> str:
    return dice_text(run.best_dice) + ("*" if run.counted_no_bones else "")


def worst_text(run: RunSummary, now: float) -> str:
    """The worst class of the last validation and its Dice."""
    if run.worst_class is None:
        return NONE
    return f"{run.worst_class} {dice_text(worst_dice(run), 3)}"


COLUMNS = (
    LineColumn("state", lambda run, now: f"{STATE_SIGNS[run.state]} {run.state}"),
    LineColumn("run", lambda run, now: run.name),
    LineColumn("recipe", lambda run, now: run.recipe or NONE, 1),
    LineColumn("fold", lambda run, now: NONE if run.fold is None else str(run.fold), 3, right=True),
    LineColumn("epoch", lambda run, now: epochs_text(run.known_epoch, run.epochs), 6, right=True),
    LineColumn("best", best_text, 0, right=True),
    LineColumn("last", lambda run, now: dice_text(run.last_dice), 4, right=True),
    LineColumn("worst bone", worst_text, 5),
    LineColumn("when", when_text, 7, right=True),
    LineColumn("why", lambda run, now: run.message, 2),
)


def runs_lines(runs: Sequence[RunSummary], now: float, width: int) -> Text:
    """A line for each run below a head, none wider than `width` cells.

    Not a table of rich's: that takes as long for a thousand runs as reading them.
    """
    cells = {column.title: [one_line(column.words(run, now)) for run in runs] for column in COLUMNS}
    shown, widths = fitting(cells, width)
    found = Text()
    found.append(_line([(column, column.title) for column in shown], widths), "bold")
    for row, run in enumerate(runs):
        line = _line([(column, cells[column.title][row]) for column in shown], widths)
        found.append("\n")
        found.append(line[: widths["state"]], STYLES[run.state])
        found.append(line[widths["state"] :])
    return found


def _line(cells: Sequence[tuple[LineColumn, str]], widths: dict[str, int]) -> str:
    parts = [_cell(words, widths[column.title], column.right) for column, words in cells]
    return (" " * GAP).join(parts).rstrip()


def _cell(words: str, width: int, right: bool) -> str:
    """Words in exactly `width` cells; what is too long ends in `…`."""
    length = cell_len(words)
    if length > width:
        return set_cell_size(words, width - 1) + "…"
    blank = " " * (width - length)
    return blank + words if right else words + blank


def fitting(cells: dict[str, list[str]], width: int) -> tuple[list[LineColumn], dict[str, int]]:
    """The columns that there is room for and their widths; the name is cut when none is left."""
    widths = {
        title: max([cell_len(title), *map(cell_len, texts)]) for title, texts in cells.items()
    }
    shown = [column for column in COLUMNS if column.title != "why" or any(cells["why"])]
    leaving = sorted((column for column in shown if column.gives_way), key=lambda c: c.gives_way)

    def missing() -> int:
        return sum(widths[column.title] + GAP for column in shown) - GAP - width

    widest_why = widths["why"]
    if missing() > 0 and any(column.title == "why" for column in shown):
        # A reason is cut before a figure goes.
        widths["why"] = max(min(widest_why, 12), widest_why - missing())
    while missing() > 0 and leaving:
        shown.remove(leaving.pop(0))
    widths["run"] = max(NARROWEST, widths["run"] - max(0, missing()))
    return shown, widths
