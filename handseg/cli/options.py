"""The options that several commands share: one word, one meaning."""

import os
import re
from pathlib import Path
from typing import Annotated

import typer

from handseg.errors import UsageError

PLACES = ("HANDSEG_DATA", "HANDSEG_RUNS")
"""Environment variables that name the data set and the folder of runs."""

_SIZE = re.compile(r"([1-9][0-9]{0,5})[xX×]([1-9][0-9]{0,5})")
STREAM = Path("-")
"""As `--out`: stdout."""

Data = Annotated[
    Path | None,
    typer.Option("--data", metavar="DIR", help="The data set [default: HANDSEG_DATA, else data]."),
]
Runs = Annotated[
    Path | None,
    typer.Option(
        "--runs", metavar="DIR", help="The folder of runs [default: HANDSEG_RUNS, else runs]."
    ),
]
Out = Annotated[Path | None, typer.Option("--out", metavar="PATH", help="Where it goes.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Csv = Annotated[bool, typer.Option("--csv", help="Print CSV.")]
Force = Annotated[bool, typer.Option("--force", help="Replace what exists.")]
ImageSize = Annotated[
    str | None,
    typer.Option(
        "--image-size",
        metavar="HxW",
        help="Pixels of images whose size nothing else says [default: 2048x2048].",
    ),
]
Workers = Annotated[
    int | None,
    typer.Option("--workers", metavar="N", min=1, help="Processes [default: one a core]."),
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="A.B=V", help="Change a value of the recipe; may be repeated."),
]


def data_folder(given: Path | None) -> Path:
    return given or Path(os.environ.get("HANDSEG_DATA") or "data")


def is_data_named(given: Path | None) -> bool:
    return given is not None or bool(os.environ.get("HANDSEG_DATA"))


def runs_folder(given: Path | None) -> Path:
    return given or Path(os.environ.get("HANDSEG_RUNS") or "runs")


def pixels(given: str | None) -> tuple[int, int]:
    """(height, width) of an `--image-size`; the competition's where none was given.

    Raises:
        UsageError: it is not two numbers.
    """
    from handseg.rle.aligned import DEFAULT_SIZE

    if given is None:
        return DEFAULT_SIZE
    match = _SIZE.fullmatch(given.strip())
    if match is None:
        raise UsageError(
            f"--image-size {given} is no height and width", hints=["--image-size 2048x2048"]
        )
    return int(match[1]), int(match[2])


def check_out(out: Path | None, force: bool) -> None:
    """Before any work: raise UsageError where `--out` cannot be written."""
    if out is None or out == STREAM:
        return
    if out.is_dir():
        raise UsageError(f"--out {out} is a folder; name a file in it")
    if out.exists() and not out.is_file():
        # A file would take the place of a device or a pipe.
        raise UsageError(f"--out {out} is no file", hints=["--out - writes to stdout"])
    if out.suffix == ".gz":
        raise UsageError(f"--out {out}: what is written is not packed", hints=["--out - | gzip"])
    if out.exists() and not force:
        raise UsageError(f"{out} exists", hints=["--force replaces it", "or choose another --out"])
