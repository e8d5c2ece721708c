"""`handseg runs show`: one run in full."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from handseg import disk
from handseg.cli import console
from handseg.cli.command import Csv, Force, Json, Runs, check_out, command, runs_folder
from handseg.cli.tables import Column, Table
from handseg.errors import UsageError
from handseg.text import MOVED, NONE, dice_text, difference_text

if TYPE_CHECKING:
    from rich.text import Text

    from handseg.view.run_report import Order, RunReport

EXAMPLES = (
    "handseg runs show last",
    "handseg runs show segformer-2 --against segformer-1",
    "handseg runs show unet-1 --sort class --csv",
    "handseg runs show unet-1 --html unet-1.html",
)
SHOWN = 10
"""Warnings that are said; JSON and page have all."""
TREND_WIDTH = 24
FIGURE = 5
"""Cells of a Dice: it is never cut."""
NAME = 12
"""Cells of a class that the trend and a run's name give way to."""
DIFFERENCE = 8
"""Cells of a difference with its sign."""

Against = Annotated[str | None, typer.Option(metavar="RUN2", help="Hold it against another run.")]
Html = Annotated[
    Path | None, typer.Option("--html", metavar="FILE", help="Write a page with curves.")
]


@command(examples=EXAMPLES)
def show(
    context: typer.Context,
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="A path, a name, a unique prefix, or last.")
    ],
    against: Against = None,
    sort: Annotated[
        Literal["worst", "class"], typer.Option(help="The worst class first, or their order.")
    ] = "worst",
    html: Html = None,
    runs: Runs = None,
    json_: Json = False,
    csv_: Csv = False,
    force: Force = False,
) -> None:
    """Show a run: state, facts, every class, checkpoints, warnings, how to go on.

    With --against also in which values the recipes differ, and each class against the best of RUN2.
    """
    import time

    from handseg.runs.query import find_run
    from handseg.view.run_report import report_run

    if html is not None and (json_ or csv_):
        raise UsageError("--html, --json and --csv are three formats; give one of them")
    check_out(html, force)
    place = runs_folder(runs or context.obj)
    other = None if against is None else find_run(against, place)
    report = report_run(find_run(run, place), time.time(), other)
    if html is not None:
        from handseg.view.run_page import run_page

        disk.replace(html, run_page(report).encode())
        console.out(str(html))
    elif json_:
        console.print_json(report.as_json())
    elif csv_:
        console.print_csv(classes_table(report, sort).to_csv())
    else:
        print_report(report, sort)


def print_report(report: "RunReport", sort: "Order") -> None:
    """Facts and tables; what a person should do next is said."""
    console.print_table(facts_table(report).to_rich())
    if any(row.trend for row in report.class_rows()):
        console.out("")
        console.print_table(classes_table(report, sort).to_rich())
    if report.against is not None:
        console.out("")
        print_differences(report, report.against.summary.name)
    warnings = report.warnings
    for _, message in warnings[-SHOWN:]:
        console.warn(message)
    if len(warnings) > SHOWN:
        console.info(f"{len(warnings) - SHOWN} more warnings: --json has all")


def print_differences(report: "RunReport", other: str) -> None:
    if report.recipe_fault:
        console.warn(f"the recipes cannot be compared: {report.recipe_fault}")
    elif report.differences:
        columns = ("recipe", report.details.summary.name, other)
        rows = [(one.key, one.a or NONE, one.b or NONE) for one in report.differences]
        table = Table([Column(name, fold=place > 0) for place, name in enumerate(columns)], rows)
        console.print_table(table.to_rich())
    else:
        console.out("the recipes are the same")


def facts_table(report: "RunReport") -> Table:
    """What is known of a run, a line each; long ones wrap in their column."""
    from rich.text import Text

    rows = [("run", Text(report.details.summary.name, "bold")), *report.facts()]
    columns = [
        Column("what", lambda name: Text(name, "dim")),
        Column("words", lambda words: words, fold=True),
    ]
    return Table(columns, rows, has_head=False)


def classes_table(report: "RunReport", order: "Order") -> Table:
    """A row for each class, with the difference of the best to that of another run."""
    from handseg.view.curves import sparkline

    other = report.against
    rows = report.class_rows(order)
    longest = min(NAME, max((len(row.name) for row in rows), default=0))
    dice = {"text": dice_text, "right": True, "min_width": FIGURE}
    columns = [Column("class", min_width=longest), Column("last", **dice), Column("best", **dice)]
    if other is not None:
        title = f"to {other.summary.name}"
        columns.append(Column("difference", moved, title=title, min_width=DIFFERENCE))
    columns.append(Column("trend", readers="people"))
    return Table(
        columns,
        [
            [
                row.name,
                row.last,
                row.best,
                *([] if other is None else [row.difference]),
                sparkline(row.trend[-TREND_WIDTH:], TREND_WIDTH),
            ]
            for row in rows
        ],
    )


def moved(difference: float) -> "Text":
    return marked(difference, abs(difference) > MOVED)


def marked(difference: float, matters: bool) -> "Text":
    """A difference of Dice, with an arrow and a colour where it `matters`."""
    from rich.text import Text

    words = difference_text(difference)
    if not matters:
        return Text(f"  {words}")
    return Text(f"▲ {words}", "green") if difference > 0 else Text(f"▼ {words}", "red")
