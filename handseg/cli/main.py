"""The command `handseg`: its verbs, in the order in which a person meets them."""

import os
import sys
from collections.abc import Callable, Sequence
from typing import Annotated

import typer

from handseg import __version__
from handseg.cli import (
    check,
    convert,
    crop,
    demo,
    diff,
    phantom,
    predict,
    recipes,
    score,
    train,
    tui,
    vote,
)
from handseg.errors import ExitCode

WITHOUT_ALGEBRA = ("vote", "score", "check", "diff", "convert")
"""Verbs whose arithmetic needs no linear algebra."""

app = typer.Typer(
    name="handseg",
    help="Hand radiographs to a mask for each of 29 bones, from the terminal.",
    epilog="Begin with: handseg demo",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"handseg {__version__}")
        raise typer.Exit


@app.callback()
def handseg(
    version: Annotated[
        bool,
        typer.Option("--version", callback=show_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """Hand radiographs to a mask for each of 29 bones, from the terminal."""


def add(verb: str, function: Callable[..., None]) -> None:
    """Make a function a verb; its help ends with its examples."""
    examples: tuple[str, ...] = function.examples  # type: ignore[attr-defined]
    # \b keeps the lines of a paragraph apart.
    epilog = "\b\nExamples:\n" + "\n".join(f"  {line}" for line in examples)
    app.command(verb, epilog=epilog)(function)


add("demo", demo.demo)
add("phantom", phantom.phantom)
add("crop", crop.crop)
add("train", train.train)
add("predict", predict.predict)
add("vote", vote.vote)
add("score", score.score)
add("check", check.check)
add("diff", diff.diff)
add("convert", convert.convert)
add("tui", tui.tui)
app.add_typer(recipes.app, name="recipes")


def run(arguments: Sequence[str]) -> int:
    """Run one command line in this process and give its exit code."""
    return int(app(list(arguments), standalone_mode=False) or 0)


def main() -> None:
    """The console script."""
    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
    if sys.argv[1:2] and sys.argv[1] in WITHOUT_ALGEBRA:
        # OpenBLAS starts a thread a core when numpy is imported: half of that import's time.
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        app()
    except KeyboardInterrupt:
        raise SystemExit(ExitCode.INTERRUPTED) from None
