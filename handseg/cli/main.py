"""The command `handseg`: its verbs, in the order in which a person meets them."""

import os
import sys
from collections.abc import Callable, Sequence
from functools import cache
from importlib import import_module
from typing import Annotated

import typer

from handseg import __version__
from handseg.cli.command import epilog
from handseg.cli.console import open_streams
from handseg.errors import ExitCode

VERBS = (
    "demo",
    "phantom",
    "crop",
    "preview",
    "train",
    "predict",
    "vote",
    "score",
    "check",
    "diff",
    "stats",
    "folds",
    "convert",
    "tui",
    "runs",
    "recipes",
)
"""In the order of the help; each is a function of its name in the module of its name."""
MODULES = {"train": "train.command", "runs": "runs.list"}
"""Where the module has another name."""
GROUPS = ("runs", "recipes")
"""Verbs that have verbs of their own: the module has an `app`."""
WITHOUT_ALGEBRA = ("vote", "score", "check", "diff", "stats", "folds", "convert", "runs")
"""Verbs whose arithmetic needs no linear algebra."""


def show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"handseg {__version__}")
        raise typer.Exit


def handseg(
    version: Annotated[
        bool,
        typer.Option("--version", callback=show_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """Hand radiographs to a mask for each of 29 bones, from the terminal."""


@cache
def application(only: str | None = None) -> typer.Typer:
    """The command with all its verbs, or with one: then nothing of the others is imported."""
    app = typer.Typer(
        name="handseg",
        help="Hand radiographs to a mask for each of 29 bones, from the terminal.",
        epilog="Begin with: handseg demo",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(handseg)
    for verb in VERBS if only is None else [only]:
        add(app, verb)
    return app


def add(app: typer.Typer, verb: str) -> None:
    """Give the command a verb; its help ends with its examples."""
    module = import_module(f"handseg.cli.{MODULES.get(verb, verb)}")
    if verb in GROUPS:
        app.add_typer(module.app, name=verb)
        return
    function: Callable[..., None] = getattr(module, verb)
    examples: tuple[str, ...] = function.examples  # type: ignore[attr-defined]
    app.command(verb, epilog=epilog(examples))(function)


def run(arguments: Sequence[str]) -> int:
    """Run one command line in this process and give its exit code."""
    return int(application()(list(arguments), standalone_mode=False) or 0)


def main() -> None:
    """The console script."""
    open_streams()
    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
    verb = sys.argv[1] if len(sys.argv) > 1 else None
    if verb in WITHOUT_ALGEBRA:
        # OpenBLAS starts a thread a core when numpy is imported: half of that import's time.
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        application(verb if verb in VERBS else None)()
    except KeyboardInterrupt:
        raise SystemExit(ExitCode.INTERRUPTED) from None
