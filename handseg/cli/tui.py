"""`handseg tui`: the dashboard."""

import asyncio
import os
import re
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar, get_args

import typer

from handseg import disk
from handseg.cli import console
from handseg.cli.command import (
    ENDING,
    Data,
    EndedBySignal,
    Runs,
    command,
    data_folder,
    runs_folder,
)
from handseg.errors import FailedError, UsageError, did_you_mean
from handseg.work import install_handlers, restore_handlers
from tui.registry import SCREENS

if TYPE_CHECKING:
    from tui.app import Dashboard

ThemeName = Literal["dark", "light", "safe"]
THEMES: tuple[ThemeName, ...] = get_args(ThemeName)
View = Literal["prediction", "label", "errors"]
VIEWS: tuple[View, ...] = get_args(View)
DEFAULT_CELLS = "120x40"
_Name = TypeVar("_Name", str, ThemeName, View)


@command(
    examples=[
        "handseg tui",
        "handseg tui --demo",
        "handseg tui --once --cells 80x24",
        "handseg tui --once --screen viewer --run last --bone Lunate --view errors",
        "handseg tui --once --demo --screen run --out frame.svg",
    ]
)
def tui(
    runs: Runs = None,
    data: Data = None,
    run: Annotated[
        str | None, typer.Option("--run", metavar="RUN", help="Begin with this run.")
    ] = None,
    screen: Annotated[
        str | None, typer.Option(metavar="SCREEN", help=f"Begin with {', '.join(SCREENS)}.")
    ] = None,
    bone: Annotated[
        str | None, typer.Option("--bone", metavar="CLASS", help="Begin with this bone chosen.")
    ] = None,
    image: Annotated[
        str | None, typer.Option("--image", metavar="NAME", help="Of the viewer: begin with this.")
    ] = None,
    view: Annotated[
        str | None, typer.Option("--view", metavar="VIEW", help=f"Of it: {', '.join(VIEWS)}.")
    ] = None,
    epoch: Annotated[
        float | None, typer.Option("--epoch", metavar="N", help="Of it: a validation's epoch.")
    ] = None,
    theme: Annotated[
        str, typer.Option(metavar="NAME", help="dark, light, or safe for colour blindness.")
    ] = "dark",
    read_only: Annotated[
        bool, typer.Option("--read-only", help="Nothing can be stopped or resumed.")
    ] = False,
    demo: Annotated[
        bool, typer.Option("--demo", help="Play synthetic runs; needs neither data nor GPU.")
    ] = False,
    once: Annotated[
        bool, typer.Option("--once", help="Print one frame and end; needs no terminal.")
    ] = False,
    cells: Annotated[
        str, typer.Option(metavar="WxH", help="Size of that frame in columns and rows.")
    ] = DEFAULT_CELLS,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write that frame to a .svg or .txt file instead."),
    ] = None,
) -> None:
    """Show runs, bones and pictures in the terminal."""
    first = None if screen is None else one_of(tuple(SCREENS), screen, "screen")
    look = one_of(THEMES, theme, "theme")
    painted = None if view is None else one_of(VIEWS, view, "view")
    size = parse_cells(cells)
    form = "text" if out is None else form_of(out)
    if out is not None and not once:
        raise UsageError("--out writes the frame of --once", hints=["handseg tui --once --out ..."])
    if demo and (runs is not None or data is not None):
        raise UsageError("--demo brings runs of its own: it excludes --runs and --data")
    for option, folder in (("--runs", runs), ("--data", data)):
        if folder is not None and not folder.is_dir():
            raise UsageError(f"{option} {folder}: there is no such folder")
    if not once:
        check_terminals()
    from tui.app import Dashboard

    with shown_runs(runs, demo=demo, frozen=once) as (folder, clock):
        folder, name = named_run(run, folder) if run is not None else (folder, None)
        place = None if demo else data_folder(data)
        app = Dashboard(
            folder,
            place,
            first,
            run=name,
            bone=bone,
            image=image,
            view=painted,
            epoch=epoch,
            theme=look,
            read_only=read_only,
            demo=demo,
            looks_alike="" if once else looks_alike(),
            clock=clock,
        )
        if once:
            write_frame(app, size, form, out)
        else:
            run_until_signal(app)


def run_until_signal(app: "Dashboard") -> None:
    """Run the dashboard; a signal ends it as `q` does, and the terminal is as it was before.

    Raises:
        EndedBySignal: one did.
    """
    ended: list[int] = []

    def end(number: int, frame: object) -> None:
        ended.append(number)
        asyncio.get_running_loop().call_soon_threadsafe(app.exit)

    before = install_handlers(ENDING, end)
    try:
        app.run()
    finally:
        restore_handlers(before)
    if ended:
        raise EndedBySignal(ended[0])
    if app.return_code:
        raise FailedError("the dashboard failed", details="what it said stands above")


@contextmanager
def shown_runs(
    runs: Path | None, *, demo: bool, frozen: bool
) -> "Generator[tuple[Path, Callable[[], float]]]":
    """The folder of runs and the clock; the demo's are removed at the end.

    A frame of the demo is the same each time: its clock stands.
    """
    if not demo:
        yield runs_folder(runs), time.time
        return
    from tui.demo import folder

    opened = folder.frozen_demo() if frozen else folder.live_demo()
    with opened as place:
        # Commands that are shown need not name a folder that will be gone.
        os.environ["HANDSEG_RUNS"] = str(place)
        yield place, folder.frozen_now if frozen else time.time


def looks_alike() -> str:
    """What cannot be told apart in the colours of this terminal; empty where they are enough."""
    from rich.console import Console

    screen = Console()
    if screen.no_color:
        return "no colours: what is painted looks alike"
    return "16 colours: some bones look alike" if screen.color_system == "standard" else ""


def named_run(text: str, runs: Path) -> tuple[Path, str]:
    """The folder of runs that holds the run that is meant, and its name.

    Raises:
        InputError: there is none, or several.
    """
    from handseg.runs.query import find_run

    found = find_run(text, runs)
    return (runs if found.parent == runs else found.resolve().parent), found.resolve().name


def write_frame(
    app: "Dashboard", size: tuple[int, int], form: Literal["text", "svg"], out: Path | None
) -> None:
    """Print one frame, or write it to a file and print its path."""
    from tui.app import frame_of

    frame = frame_of(app, size, form)
    if out is None:
        console.out(frame.rstrip("\n"))
    else:
        disk.replace(out, frame.encode())
        console.out(str(out))


def one_of(names: tuple[_Name, ...], text: str, kind: str) -> _Name:
    """The one of the names that the text is.

    Raises:
        UsageError: it is none.
    """
    for name in names:
        if text == name:
            return name
    raise UsageError(
        f"there is no {kind} {text!r}{did_you_mean(text, names)}",
        details=f"there are: {', '.join(names)}",
    )


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
    """Textual reads stdin, draws on stderr and asks stdout for its size, and moves the cursor.

    Raises:
        UsageError: one of the three is no terminal, or one that cannot be drawn on.
    """
    once = "handseg tui --once   # prints one frame, on a pipe too"
    streams = {"stdin": sys.stdin, "stdout": sys.stdout, "stderr": sys.stderr}
    missing = [name for name, stream in streams.items() if not stream.isatty()]
    if missing:
        raise UsageError(
            "the dashboard needs a terminal",
            details=f"not one: {', '.join(missing)}",
            hints=[once],
        )
    if os.environ.get("TERM", "") in ("dumb", "unknown"):
        raise UsageError(
            f"the dashboard cannot be drawn on a terminal of the kind {os.environ['TERM']}",
            hints=["TERM=xterm-256color handseg tui   # if it is one that can", once],
        )
