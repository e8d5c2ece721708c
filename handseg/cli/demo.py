"""`handseg demo`: the whole way on synthetic radiographs, each stage the command one would type."""

import os
import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Annotated

import typer

from handseg.cli import console
from handseg.cli.command import PLACES, command
from handseg.errors import FailedError, UsageError

FOLDER = "handseg-demo"
RECIPES = ("demo-segformer", "demo-unet", "demo-fpn")
FULL = ("--people", "46", "--test-people", "10", "--size", "512")
QUICK = ("--people", "20", "--test-people", "4", "--size", "384")
QUICK_SETS = ("--set", "train.epochs=12", "--set", "data.size=128")


@command(examples=["handseg demo", "handseg demo --quick", "handseg demo ~/hands-demo"])
def demo(
    folder: Annotated[
        Path | None, typer.Argument(metavar="DIR", help="A new folder [default: handseg-demo].")
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="In at most 90 seconds, whatever the Dice.")
    ] = False,
) -> None:
    """Go the whole way on synthetic radiographs: from data to Dice.

    Makes them, cuts crops, trains three models, predicts, votes and scores.
    """
    begun = time.monotonic()
    place = new_folder(folder)
    console.info(f"everything lands in {place}/")
    with inside(place):
        for line in commands(quick):
            run_line(line)
    farewell(place, time.monotonic() - begun)


def new_folder(given: Path | None) -> Path:
    """The folder of this demo; one that a person named must be new.

    Raises:
        UsageError: it is taken.
    """
    names = (Path(FOLDER if n == 1 else f"{FOLDER}-{n}") for n in count(1))
    folder = given or next(name for name in names if not name.exists())
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} exists and is not empty", hints=["handseg demo ANOTHER"])
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def commands(quick: bool) -> Iterator[list[str]]:
    yield ["phantom", "data", *(QUICK if quick else FULL)]
    yield ["crop", "--regions", "wrist,fingertip"]
    for recipe in RECIPES:
        yield ["train", f"recipes/{recipe}.toml", *(QUICK_SETS if quick else ())]
    yield ["predict"]
    yield ["vote"]
    yield ["score", *(f"{recipe}-1" for recipe in RECIPES), "votes/vote-001.csv"]


@contextmanager
def inside(folder: Path) -> Iterator[None]:
    """Work inside a folder, with the default places of data and runs."""
    before = Path.cwd()
    kept = {name: os.environ.pop(name, None) for name in PLACES}
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
        os.environ.update({name: value for name, value in kept.items() if value is not None})


def run_line(line: list[str]) -> None:
    """Show a command line and run it in this process, so that torch is loaded once.

    Raises:
        FailedError, typer.Exit: it failed; it has said why.
    """
    from handseg.cli.main import run

    console.info(f"\n$ handseg {shlex.join(line)}")
    code = run(line)
    if code > 1:
        raise typer.Exit(code)
    if code:
        raise FailedError(f"the demo stopped at: handseg {shlex.join(line)}")


def farewell(place: Path, seconds: float) -> None:
    console.info(
        f"""
done in {seconds / 60:.1f} minutes. Next:
  cd {place}
  handseg tui                                        watch the runs, every bone, the masks
  handseg train recipes/demo-segformer.toml --set train.epochs=60
  handseg vote demo-segformer-1 demo-unet-1 --threshold 0      the union of two models
  handseg score last:val                             the held-out people of the last run
With your own radiographs (train/DCM, train/outputs_json, test/DCM) and a GPU:
  handseg crop --regions wrist,fingertip --data DIR
  handseg train recipes/segformer.toml --data DIR"""
    )
    console.out(str(place))
