"""`handseg tui`: the dashboard."""

import re
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from handseg.cli import console, options
from handseg.cli.command import command
from handseg.errors import UsageError

SCREENS = ("runs", "viewer")
DEFAULT_CELLS = "120x40"


@command(
    examples=[
        "handseg tui",
        "handseg tui --once --cells 80x24",
        "handseg tui --once --screen viewer --out frame.svg",
    ]
)
def tui(
    runs: options.Runs = None,
    data: options.Data = None,
    once: Annotated[
        bool, typer.Option("--once", help="Print one frame and end; needs no terminal.")
    ] = False,
    screen: Annotated[
        str | None,
        typer.Option(metavar="SCREEN", help=f"Begin with {' or '.join(SCREENS)}."),
    ] = None,
    cells: Annotated[
        str, typer.Option(metavar="WxH", help="Size of that frame in columns and rows.")
    ] = DEFAULT_CELLS,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write that frame to a .svg or .txt file instead."),
    ] = None,
) -> None:
    """Show runs, bones and pictures in the terminal."""
    name = screen_name(screen)
    size = parse_cells(cells)
    form = "text" if out is None else form_of(out)
    if out is not None and not once:
        raise UsageError("--out writes the frame of --once", hints=["handseg tui --once --out ..."])
    if not once:
        check_terminals()
    from tui.app import Dashboard

    app = Dashboard(options.runs_folder(runs), options.data_folder(data), name)
    if not once:
        app.run()
        return
    from tui.once import render

    frame = render(app, size, form)
    if out is None:
        console.out(frame.rstrip("\n"))
    else:
        out.write_text(frame, encoding="utf-8")
        console.out(str(out))


def screen_name(text: str | None) -> Literal["runs", "viewer"] | None:
    """The screen to begin with.

    Raises:
        UsageError: there is no such screen.
    """
    if text is None or text == "runs" or text == "viewer":
        return text
    raise UsageError(f"there is no screen {text!r}", why=f"there are: {', '.join(SCREENS)}")


def parse_cells(text: str) -> tuple[int, int]:
    """Columns and rows from `120x40`.

    Raises:
        UsageError: it is no such size.
    """
    found = re.fullmatch(r"(\d{1,4})[x×](\d{1,4})", text)
    if found is None or "0" in (found[1].lstrip("0") or "0", found[2].lstrip("0") or "0"):
        raise UsageError(f"{text!r} is no size in cells", hints=["--cells 120x40"])
    return int(found[1]), int(found[2])


def form_of(out: Path) -> Literal["text", "svg"]:
    """How a frame is written to this file.

    Raises:
        UsageError: the file's ending tells neither.
    """
    if out.suffix == ".svg":
        return "svg"
    if out.suffix == ".txt":
        return "text"
    raise UsageError(f"{out} ends in neither .svg nor .txt", hints=["--out frame.svg"])


def check_terminals() -> None:
    """Textual reads stdin, draws on stderr and asks stdout for its size.

    Raises:
        UsageError: one of the three is no terminal.
    """
    streams = {"stdin": sys.stdin, "stdout": sys.stdout, "stderr": sys.stderr}
    missing = [name for name, stream in streams.items() if not stream.isatty()]
    if missing:
        raise UsageError(
            "the dashboard needs a terminal",
            why=f"not one: {', '.join(missing)}",
            hints=["handseg tui --once   # prints one frame, on a pipe too"],
        )
