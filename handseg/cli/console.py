"""What a command says and prints: people read stderr, programs read stdout."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from handseg.work import Progress, Reporter, silent

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.table import Table
    from rich.text import Text


BAR_WIDTH = 16
PATIENCE = 0.3
"""Seconds that pass before a bar is drawn."""
WIDE = 200
"""Cells of a table in a file or a pipe."""
NOTE_WIDTH = 40
"""Characters of what a bar says of the present thing: its end tells names apart."""


@dataclass
class Verbosity:
    """How the present command talks."""

    quiet: bool = False
    verbose: bool = False
    debug: bool = False
    bars: bool = True


verbosity = Verbosity()


def info(text: str = "") -> None:
    """Tell a person something, on stderr; `-q` silences it."""
    if not verbosity.quiet:
        print(text, file=sys.stderr, flush=True)  # noqa: T201


def warn(text: str) -> None:
    """Tell a person of something that may be wrong; said with `-q` too."""
    print(f"warning: {text}", file=sys.stderr, flush=True)  # noqa: T201


def debug(text: str) -> None:
    if verbosity.verbose:
        info(text)


def out(text: str) -> None:
    print(text, flush=True)  # noqa: T201


def print_json(value: Any) -> None:
    out(json.dumps(value, indent=2, ensure_ascii=False))


def print_table(table: "Table") -> None:
    """Print a table on stdout; never narrower than it needs where stdout is no terminal."""
    from rich.console import Console

    console = Console(markup=False, highlight=False, emoji=False)
    console.width = table_width()
    console.print(table)


def print_lines(lines: "Text") -> None:
    """Print lines on stdout that are no wider than `table_width`."""
    from rich.console import Console

    console = Console(markup=False, highlight=False, emoji=False)
    if console.is_terminal:
        console.print(lines, no_wrap=True, overflow="crop")
    else:
        out(lines.plain)


def table_width() -> int:
    """Cells of a line of a table: the terminal's, or plenty where stdout is none."""
    from rich.console import Console

    console = Console()
    return console.width if console.is_terminal else max(console.width, WIDE)


def note_room(width: int, title: str, total: int) -> int:
    """Characters that a bar leaves for its note: the figures before it are never cut."""
    figures = 2 * len(str(total)) + len("/0:00:00left0:00:00")
    return max(0, min(NOTE_WIDTH, width - len(title) - BAR_WIDTH - figures - 6))


def note_tail(note: str, room: int) -> str:
    """The end of a note that fits; of several words, two spaces apart, the last ones whole."""
    words = note.split("  ")
    while len(words) > 1 and len("  ".join(words)) > room:
        del words[0]
    return "  ".join(words)[-room:] if room else ""


@contextmanager
def progress(title: str) -> Iterator[Progress]:
    """A bar on stderr with time left, fed by the `Progress` that this gives.

    Work that is done at once draws none, and does not load what draws it.
    """
    if verbosity.quiet or not verbosity.bars:
        yield silent
        return
    bar = _Bar(title)
    try:
        yield bar.advance
    finally:
        bar.stop()


def reporter(bars: Callable[[str], AbstractContextManager[Progress]] | None = None) -> Reporter:
    """What a training reports through, while it goes on: with `progress`, or other `bars`."""
    return Reporter(info, warn, bars or progress)


class _Bar:
    """A bar that is drawn once the work has taken `PATIENCE`."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._begun = time.monotonic()
        self._bars: Bars | None = None

    def advance(self, done: int, total: int, note: str = "") -> None:
        if self._bars is None:
            if time.monotonic() - self._begun < PATIENCE:
                return
            self._bars = _bars()
            self._bars.start()
            self._bars.add_task(self._title, total=total, note="")
        room = note_room(self._bars.console.width, self._title, total)
        shown = note_tail(note, room)
        self._bars.update(self._bars.tasks[0].id, completed=done, total=total, note=shown)

    def stop(self) -> None:
        if self._bars is not None:
            self._bars.stop()


def _bars() -> "Bars":
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as RichProgress

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=BAR_WIDTH),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}", markup=False),
    )
    return RichProgress(*columns, console=Console(stderr=True))
