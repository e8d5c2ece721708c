"""`handseg runs`: what has been trained, and what became of it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from handseg.cli import console
from handseg.cli.command import Csv, Json, Runs, command, epilog, runs_folder
from handseg.cli.runs import compare, rm, show
from handseg.cli.tables import Column, Table
from handseg.errors import InputError, UsageError, did_you_mean
from handseg.text import counted

if TYPE_CHECKING:
    from handseg.runs.query import Filter
    from handseg.runs.summary import RunSummary

EXAMPLES = (
    "handseg runs",
    "handseg runs segformer state:running,quiet",
    "handseg runs 'dice>0.9' 'age<2d' '!fold:0' --sort best",
    "handseg runs --json",
    "handseg runs show last",
    "handseg runs compare unet-1 segformer-2",
    "handseg runs rm unet-1 --checkpoints",
)
NEWEST = "started"
VERBS = ("show", "compare", "rm")


class FiltersOrVerb(TyperGroup):
    """A group whose words are filters unless the first is one of its verbs."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Keep the filters from swallowing a verb, and let options follow filters."""
        if self._first_word(args) not in self.commands:
            ctx.allow_interspersed_args = True
            return super().parse_args(ctx, args)
        params = self.params
        self.params = [param for param in params if param.name != "words"]
        try:
            return super().parse_args(ctx, args)
        finally:
            self.params = params

    def _first_word(self, args: list[str]) -> str | None:
        with_value = {
            word
            for param in self.params
            if param.param_type_name == "option" and not getattr(param, "is_flag", False)
            for word in param.opts
        }
        words = iter(args)
        for word in words:
            if word in with_value:
                next(words, None)
            elif not word.startswith("-"):
                return word
        return None


app = typer.Typer(cls=FiltersOrVerb, invoke_without_command=True, epilog=epilog(EXAMPLES))


@app.callback()
@command(examples=EXAMPLES)
def runs(
    context: typer.Context,
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="[FILTER]...", help="Show only runs that hold all of these."),
    ] = None,
    sort: Annotated[
        str, typer.Option(metavar="BY", help="best, last, name, age, left, worst, ...")
    ] = NEWEST,
    reverse: Annotated[bool, typer.Option("--reverse", help="The other way round.")] = False,
    folder: Runs = None,
    json_: Json = False,
    csv_: Csv = False,
) -> None:
    """List runs, the newest first; show, compare or remove them.

    A FILTER is a part of a name or a recipe, or a field: state:running,quiet, fold:0, recipe:,
    model:, host:, worst:Pisiform, dice>0.9, best<.8, epoch>=10, age<2d, left<1h. Before it, ! turns
    it round. Quote < > and ! for the shell.
    """
    import time

    from handseg.runs.index import list_runs
    from handseg.runs.query import COLUMNS, SORTS, Filter, run_row, run_rows, sort_runs

    if context.invoked_subcommand is not None:
        context.obj = folder
        return
    if sort not in SORTS:
        raise UsageError(
            f"runs cannot be sorted by {sort!r}{did_you_mean(sort, SORTS)}",
            details=f"by: {', '.join(SORTS)}",
        )
    wanted = Filter.parse(" ".join(words or ()))
    place = runs_folder(folder)
    every = list_runs(place)
    if not every:
        raise no_runs(place)
    now = time.time()
    found = sort_runs((run for run in every if wanted.matches(run, now)), sort, reverse=reverse)
    report_count(place, len(found), len(every), wanted)
    if words and not found and (meant := did_you_mean(words[0], VERBS)):
        # What looks like a command was not taken for one.
        console.info(f"{words[0]} is a filter here{meant}")
    if json_:
        console.print_json(run_rows(found, now))
    elif csv_:
        rows = [list(run_row(run, now).values()) for run in found]
        console.print_csv(Table([Column(name) for name in COLUMNS], rows).to_csv())
    else:
        print_list(found, now)


def no_runs(place: Path) -> InputError:
    return InputError(
        f"there are no runs in {place}",
        hints=[
            "handseg train recipes/segformer.toml",
            "handseg demo",
            "handseg runs --runs DIR   # or HANDSEG_RUNS",
        ],
    )


def report_count(place: Path, shown: int, of: int, wanted: "Filter") -> None:
    """How many runs there are, and how many the filter shows."""
    if wanted.text:
        console.info(f"{place}: {shown} of {of} runs hold {wanted.text}")
    else:
        console.info(f"{place}: {counted(of, 'run')}")


def print_list(found: "list[RunSummary]", now: float) -> None:
    """The table, and how to look closer."""
    from handseg.cli.runs.lines import runs_lines
    from handseg.runs.control import run_command

    console.print_lines(runs_lines(found, now, console.table_width()))
    counted_too = sorted({name for run in found for name in run.counted_no_bones})
    if counted_too:
        console.info(f"* an older mean: of all classes, {', '.join(counted_too)} too")
    if found:
        line = run_command(["runs", "show"], found[0].folder)
        console.info(f"{line}   # bones, checkpoints, recipe")


app.command("show", epilog=epilog(show.EXAMPLES))(show.show)
app.command("compare", epilog=epilog(compare.EXAMPLES))(compare.compare)
app.command("rm", epilog=epilog(rm.EXAMPLES))(rm.rm)
