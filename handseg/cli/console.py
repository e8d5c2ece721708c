"""What a command says and prints: people read stderr, programs read stdout."""

import codecs
import json
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any, TextIO

from handseg.text import one_line, printable
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
STAND_INS = dict(zip("…→←×−–±·°²μ●◐✖✗■✔◂▲▼█▓▒░─│", "~><x--+.o2u*oxx#v<^v#=-.-|", strict=True))
"""Signs of handseg's own, for a stream whose encoding has none of them: all are one cell wide."""
_JSON_CONTROLS = re.compile("[\x7f-\x9f]")
"""Control characters that JSON lets stand in a string, but a terminal obeys."""


@dataclass
class Verbosity:
    """How the present command talks."""

    quiet: bool = False
    verbose: bool = False
    debug: bool = False
    bars: bool = True


verbosity = Verbosity()


def open_streams() -> None:
    """Let stdout and stderr take every text, whatever their encoding."""
    codecs.register_error("handseg", stand_in)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="handseg")


def stand_in(error: UnicodeError) -> tuple[str | bytes, int]:
    """What is written for a character that the encoding of a stream lacks."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    sign = error.object[error.start]
    if "\udc80" <= sign <= "\udcff":
        # A byte of a file's name that is no UTF-8, as Python keeps it.
        return bytes([ord(sign) - 0xDC00]), error.start + 1
    return STAND_INS.get(sign, sign.encode("ascii", "backslashreplace").decode()), error.start + 1


def say(text: str) -> None:
    """Write lines for a person to stderr; a log on a disk that is full does without them."""
    try:
        print(printable(text), file=sys.stderr, flush=True)  # noqa: T201
    except OSError as error:
        from handseg import disk

        if not disk.is_full(error):
            raise


def info(text: str = "") -> None:
    """Tell a person something, on stderr; `-q` silences it."""
    if not verbosity.quiet:
        say(text)


def warn(text: str) -> None:
    """Tell a person of something that may be wrong; said with `-q` too."""
    say(f"warning: {text}")


def debug(text: str) -> None:
    if verbosity.verbose:
        info(text)


def out(text: str) -> None:
    """Print lines on stdout: a program gets names as they are, a terminal none that it obeys."""
    print(printable(text) if sys.stdout.isatty() else text, flush=True)  # noqa: T201


def data_stream() -> TextIO:
    """Stdout for what would else be a file: the same bytes, UTF-8 in every locale."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape")
    return sys.stdout


def print_csv(text: str) -> None:
    data_stream()
    out(text)


def print_json(value: Any) -> None:
    text = json.dumps(value, indent=2, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        # The name of a file that is no UTF-8.
        text = json.dumps(value, indent=2)
    data_stream()
    out(_JSON_CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", text))


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
            self._bars.add_task(one_line(self._title), total=total, note="")
        room = note_room(self._bars.console.width, self._title, total)
        shown = note_tail(one_line(note), room)
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
