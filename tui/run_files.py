"""Reads what the Run screen shows of a run beside its logs; for threads, touches no widget."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from textual.message import Message

from handseg.errors import HandsegError
from handseg.recipe.line_numbers import line_numbers
from handseg.recipe.load import RecipeDifference, recipe_differences
from handseg.runs import layout
from handseg.runs.checkpoints import CheckpointFacts, Checkpoints
from handseg.runs.log import LogLine, LogStretch, search


@dataclass(frozen=True)
class RecipeText:
    """The recipe of a run, and where it differs from the pinned run's.

    `keys` holds the dotted keys that stand on each line, `differences` what differs by key.
    """

    lines: tuple[str, ...] = ()
    keys: tuple[tuple[str, ...], ...] = ()
    against: str | None = None
    """The run that it is compared with."""
    differences: tuple[RecipeDifference, ...] = ()
    fault: str = ""
    """Why it cannot be read or compared."""


@dataclass(frozen=True)
class LogView:
    """A stretch of the log as it is to be shown."""

    lines: tuple[LogLine, ...] = ()
    is_whole: bool = True
    """Whether the first line of the log is among them."""
    is_at_end: bool = True
    cursor: int | None = None
    """The byte to go to; None: stay where one is."""
    fault: str = ""


class RunFiles:
    """The files of one run. Its methods may be called from any thread; each posts what it found."""

    @dataclass
    class RecipeRead(Message):
        """The recipe of a run."""

        run: str
        recipe: RecipeText

    @dataclass
    class CheckpointsRead(Message):
        """The checkpoints of a run."""

        run: str
        checkpoints: list[CheckpointFacts]

    @dataclass
    class LogRead(Message):
        """A stretch of the log of a run."""

        run: str
        log: LogView

    def __init__(self, folder: Path, post: Callable[[Message], object]) -> None:
        self.folder = folder
        self.name = folder.name
        self._post = post
        self._guard = threading.Lock()
        self._checkpoints = Checkpoints(folder)
        self._log = LogStretch(folder / layout.LOG)
        self._recipe: tuple[object, ...] | None = None
        self._listed: list[CheckpointFacts] | None = None
        self._shown: LogView | None = None

    def look(self, pinned: Path | None) -> None:
        """Read what has changed."""
        with self._guard:
            stamp = (_stamp(self.folder), pinned, pinned and _stamp(pinned))
            if stamp != self._recipe:
                self._recipe = stamp
                self._post(self.RecipeRead(self.name, read_recipe(self.folder, pinned)))
            listed = self._checkpoints.refresh()
            if listed != self._listed:
                self._listed = listed
                self._post(self.CheckpointsRead(self.name, listed))
            if self._shown is None:
                self._post_log(self._log.to_end)
            elif self._shown.is_at_end:
                self._post_log(self._log.later)

    def earlier(self, cursor: int) -> None:
        """Show a block before, and stay at this byte."""
        with self._guard:
            self._post_log(self._log.earlier, cursor)

    def later(self, cursor: int) -> None:
        """Show a block after, and stay at this byte."""
        with self._guard:
            self._post_log(self._log.later, cursor)

    def to_begin(self) -> None:
        with self._guard:
            self._post_log(lambda: self._log.to(0), 0)

    def to_end(self) -> None:
        with self._guard:
            self._post_log(self._log.to_end)

    def find(self, text: str, start: int | None, *, back: bool) -> None:
        """Show where a text stands next before or after a byte (None: the end of the log)."""
        with self._guard:
            try:
                path = self._log.path
                begin = path.stat().st_size if start is None else start
                found = search(path, text, begin, back=back)
            except OSError:
                found = None
            if found is None:
                self._post(self.LogRead(self.name, LogView(fault=f"{text} is not found")))
            else:
                self._post_log(lambda: self._log.to(found), found)

    def _post_log(self, change: Callable[[], object], cursor: int | None = None) -> None:
        fault = ""
        try:
            change()
        except OSError as error:
            fault = error.strerror or str(error)
        log = self._log
        view = LogView(tuple(log.lines), log.begin == 0, log.is_at_end, cursor, fault)
        if view != self._shown or cursor is not None:
            self._shown = view
            self._post(self.LogRead(self.name, view))


def read_recipe(folder: Path, pinned: Path | None) -> RecipeText:
    """The recipe of a run, compared with the pinned run's if that is another."""
    path = folder / layout.RECIPE
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        return RecipeText(fault=f"no recipe: {error.strerror or error}")
    lines = tuple(text.splitlines())
    if pinned is None or pinned == folder:
        return RecipeText(lines, tuple(() for _ in lines))
    try:
        differences = tuple(recipe_differences(path, pinned / layout.RECIPE))
        keys = _keys_of_lines(text, len(lines))
    except (HandsegError, OSError) as error:
        words = str(error).splitlines()[0]
        return RecipeText(lines, tuple(() for _ in lines), pinned.name, fault=words)
    return RecipeText(lines, keys, pinned.name, differences)


def _keys_of_lines(text: str, count: int) -> tuple[tuple[str, ...], ...]:
    """The dotted keys that stand on each line of a valid TOML text."""
    found: list[list[str]] = [[] for _ in range(count)]
    for path, line in line_numbers(text).items():
        if 1 <= line <= count:
            found[line - 1].append(".".join(map(str, path)))
    return tuple(map(tuple, found))


def _stamp(folder: Path) -> tuple[int, int]:
    """Size and time of a recipe: what changes when it does."""
    try:
        status = (folder / layout.RECIPE).stat()
    except OSError:
        return (0, 0)
    return status.st_size, status.st_mtime_ns
