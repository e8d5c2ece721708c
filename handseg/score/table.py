"""The table of Dice for each class, a column for each submission, and the same as CSV and JSON."""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from handseg.score.dice import Scores

if TYPE_CHECKING:
    from rich.table import Table

MEAN = "mean"
WORST = "◂"
"""Marks the worst class of a column, for terminals and pipes without colour too."""

Titled = Sequence[tuple[str, Scores]]


def best_other(scores: Titled) -> int | None:
    """Which of all but the last has the best mean; None where there is only one."""
    others = range(len(scores) - 1)
    return max(others, key=lambda index: _or_nothing(scores[index][1].mean()), default=None)


def score_table(scores: Titled, classes: Sequence[str]) -> "Table":
    """Dice for each class and their mean, with a column for each (title, scores).

    With several, the last column is the last submission minus the one of the others whose mean is
    best. The worst class of each column is marked.
    """
    from rich.table import Table
    from rich.text import Text

    # Titles and classes come from data: as Text they are never read as markup.
    table = Table()
    table.add_column("class")
    for title, _ in scores:
        table.add_column(Text(title), justify="right")
    if len(scores) > 1:
        table.add_column(Text(_difference_title(scores)), justify="right")
    worst = [_marked(one) for _, one in scores]
    for name, values, difference in score_rows(scores, classes):
        if name == MEAN:
            table.add_section()
        cells = [_cell(value, name == mark) for value, mark in zip(values, worst, strict=True)]
        if difference is not None:
            cells.append(Text(signed(difference)))
        table.add_row(Text(name), *cells, style="bold" if name == MEAN else None)
    return table


def score_rows(
    scores: Titled, classes: Sequence[str]
) -> list[tuple[str, list[float], float | None]]:
    """(class, Dice of each submission, difference or None) for each class, then for the mean."""
    columns = [{**one.by_class(), MEAN: one.mean()} for _, one in scores]
    other = best_other(scores)
    rows: list[tuple[str, list[float], float | None]] = []
    for name in (*classes, MEAN):
        values = [column[name] for column in columns]
        rows.append((name, values, None if other is None else values[-1] - values[other]))
    return rows


def score_csv(scores: Titled, classes: Sequence[str]) -> str:
    """The table as CSV text; an empty field where nothing was labelled."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    header = ["class", *(title for title, _ in scores)]
    writer.writerow(header if len(scores) == 1 else [*header, _difference_title(scores)])
    for name, values, difference in score_rows(scores, classes):
        figures = values if difference is None else [*values, difference]
        writer.writerow([name, *("" if math.isnan(value) else repr(value) for value in figures)])
    return text.getvalue().rstrip("\n")


def score_json(scores: Sequence[tuple[str, Scores]]) -> dict[str, Any]:
    """{"predictions": [{"path", "mean", "images", "classes": {class: Dice}}]}; null for NaN."""
    return {
        "predictions": [
            {
                "path": path,
                "mean": _or_none(one.mean()),
                "images": len(one.images),
                "classes": _without_nan(one.by_class()),
            }
            for path, one in scores
        ]
    }


def signed(difference: float) -> str:
    """A difference with its sign, four decimals; a dash where there is none."""
    return "–" if math.isnan(difference) else f"{difference:+.4f}"


def _marked(scores: Scores) -> str | None:
    """The worst class; None where all are alike."""
    known = {value for value in scores.by_class().values() if not math.isnan(value)}
    return scores.worst_class() if len(known) > 1 else None


def _cell(value: float, is_worst: bool) -> Any:
    from rich.text import Text

    if math.isnan(value):
        return Text("–  ")
    return Text(f"{value:.4f} {WORST}", style="bold red") if is_worst else Text(f"{value:.4f}  ")


def _difference_title(scores: Titled) -> str:
    other = best_other(scores)
    return "" if other is None else f"{scores[-1][0]} − {scores[other][0]}"


def _or_nothing(value: float) -> float:
    return -math.inf if math.isnan(value) else value


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else value


def _without_nan(values: Mapping[str, float]) -> dict[str, float | None]:
    return {name: _or_none(value) for name, value in values.items()}
