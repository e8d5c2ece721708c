"""`handseg runs show`: one run in full."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from handseg.cli import console, options
from handseg.cli.command import command
from handseg.errors import UsageError

if TYPE_CHECKING:
    from handseg.view.run_report import RunReport

EXAMPLES = (
    "handseg runs show last",
    "handseg runs show segformer-2 --against segformer-1",
    "handseg runs show unet-1 --sort class --csv",
    "handseg runs show unet-1 --html unet-1.html",
)
SHOWN = 10
"""Warnings that are told; JSON and page have all."""


class Order(StrEnum):
    """What `--sort` may be."""

    WORST = "worst"
    CLASS = "class"


Against = Annotated[
    str | None,
    typer.Option(metavar="RUN2", help="Hold it against another run.", show_default=False),
]
Html = Annotated[
    Path | None,
    typer.Option("--html", metavar="FILE", help="Write a page with curves.", show_default=False),
]


@command(examples=EXAMPLES)
def show(
    context: typer.Context,
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="A path, a name, a unique prefix, or last.")
    ],
    against: Against = None,
    sort: Annotated[
        Order, typer.Option(help="The worst class first, or their order.")
    ] = Order.WORST,
    html: Html = None,
    runs: options.Runs = None,
    json_: options.Json = False,
    csv_: options.Csv = False,
    force: options.Force = False,
) -> None:
    """Show a run: state, facts, every class, checkpoints, warnings, how to go on.

    With --against also in which values the recipes differ, and each class against the best of RUN2.
    """
    import time

    from handseg.runs.find import find_run
    from handseg.view.run_report import report_run

    check(html, force, json_, csv_)
    place = options.runs_folder(runs or context.obj)
    other = None if against is None else find_run(against, place)
    report = report_run(find_run(run, place), time.time(), other)
    if html is not None:
        from handseg.view.run_page import run_page

        html.write_text(run_page(report), encoding="utf-8")
        console.out(str(html))
    elif json_:
        console.print_json(report.as_json())
    elif csv_:
        console.out(classes_csv(report, sort))
    else:
        print_report(report, sort)


def check(html: Path | None, force: bool, as_json: bool, as_csv: bool) -> None:
    if sum((html is not None, as_json, as_csv)) > 1:
        raise UsageError("--html, --json and --csv are three formats; give one of them")
    options.check_out(html, force)


def classes_csv(report: "RunReport", sort: Order) -> str:
    import csv
    import io

    from handseg.runs.jsonl import plain

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("class", "last", "best", *(("difference",) if report.against else ())))
    for row in report.class_rows(sort.value):
        figures = [row.last, row.best, *((row.difference,) if report.against else ())]
        writer.writerow((row.name, *map(plain, figures)))
    return text.getvalue().removesuffix("\n")


def print_report(report: "RunReport", sort: Order) -> None:
    """Facts and tables; what a person should do next is said."""
    from handseg.cli.runs_show_tables import classes_table, facts_table

    console.print_table(facts_table(report))
    if any(row.trend for row in report.class_rows()):
        console.out("")
        console.print_table(classes_table(report, sort.value))
    if report.against is not None:
        console.out("")
        print_differences(report)
    warnings = report.warnings
    for _, message in warnings[-SHOWN:]:
        console.warn(message)
    if len(warnings) > SHOWN:
        console.info(f"{len(warnings) - SHOWN} more warnings: --json has all")


def print_differences(report: "RunReport") -> None:
    from handseg.cli.runs_show_tables import differences_table

    if report.recipe_fault:
        console.warn(f"the recipes cannot be compared: {report.recipe_fault}")
    elif report.differences:
        console.print_table(differences_table(report))
    else:
        console.out("the recipes are the same")
