"""`handseg runs rm`: give room back."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from handseg.cli import console
from handseg.cli.command import Runs, command, runs_folder
from handseg.errors import UsageError

if TYPE_CHECKING:
    from handseg.runs.summary import RunSummary

EXAMPLES = (
    "handseg runs rm unet-1",
    "handseg runs rm unet-1 unet-2 --checkpoints",
    "handseg runs rm segformer-3 --yes",
)


@command(examples=EXAMPLES)
def rm(
    context: typer.Context,
    which: Annotated[list[str], typer.Argument(metavar="RUN...", help="The runs to remove.")],
    only_checkpoints: Annotated[
        bool,
        typer.Option(
            "--checkpoints",
            help="Keep the runs and their best checkpoint; remove the other checkpoints.",
        ),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    runs: Runs = None,
) -> None:
    """Remove runs with all that they hold; never one that is being trained.

    With --checkpoints curves, scores, predictions and the best checkpoint stay, so that the run can
    still predict; of a run that can be resumed the last checkpoint stays too.
    """
    from handseg.runs.control import removable
    from handseg.runs.query import find_run

    place = runs_folder(runs or context.obj)
    folders = dict.fromkeys(find_run(text, place) for text in which)
    # All are looked at before any is touched.
    found = [removable(folder) for folder in folders]
    if only_checkpoints:
        remove_checkpoints_of(found, yes)
    else:
        remove(found, yes)


def remove(found: "Sequence[RunSummary]", yes: bool) -> None:
    from handseg.runs.control import remove_run, size_of
    from handseg.text import size_text

    sizes = [size_of(run.folder) for run in found]
    for run, size in zip(found, sizes, strict=True):
        state = f"{run.state} ({run.message})" if run.message else run.state
        console.info(f"{run.folder}  {state}, {size_text(size)}")
    what = f"remove {found[0].name}" if len(found) == 1 else f"remove these {len(found)} runs"
    if not is_wanted(f"{what} for ever?", yes):
        return
    for run in found:
        remove_run(run)
    console.info(f"freed {size_text(sum(sizes))}")


def remove_checkpoints_of(found: "Sequence[RunSummary]", yes: bool) -> None:
    from handseg.runs.checkpoints import spare_checkpoints
    from handseg.runs.control import remove_spare
    from handseg.text import size_text

    total = 0
    for run in found:
        spare = spare_checkpoints(run)
        size = sum(one.bytes for one in spare)
        total += size
        steps = ", ".join(str(one.step) for one in spare)
        what = f"steps {steps}: {size_text(size)}" if spare else "nothing to spare"
        console.info(f"{run.folder}  {what}")
    if not total or not is_wanted("remove these checkpoints for ever?", yes):
        return
    for run in found:
        remove_spare(run)
    console.info(f"freed {size_text(total)}")


def is_wanted(question: str, yes: bool) -> bool:
    """Whether a person says yes; raises UsageError where there is none to ask."""
    if yes:
        return True
    if not sys.stdin.isatty():
        raise UsageError("nobody can be asked: nothing is removed", hints=["add --yes"])
    if typer.confirm(question, err=True):
        return True
    console.info("nothing is removed")
    return False
