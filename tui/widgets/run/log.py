"""The log of a run: follows its end, is searched, is read in blocks however long it is."""

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from rich.text import Text
from textual import on
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Input

from handseg.runs.log import LogLine
from tui import palette
from tui.run_files import LogView
from tui.widgets.sheet import Sheet
from tui.widgets.typed_line import TypedLine
from tui.wording import one_line

SIDEWAYS = 20
_ESCAPES = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)?|.)?")


@dataclass(frozen=True)
class LineLook:
    """All that the look of a line depends on."""

    text: str
    searched: str
    shift: int

    @property
    def line(self) -> Text:
        """The line from where it is moved to, with what is searched marked."""
        line = Text(harmless(self.text), palette.TEXT)
        if self.searched:
            marked = re.compile(re.escape(self.searched), re.IGNORECASE)
            line.highlight_regex(marked, f"reverse {palette.WARN}")
        return Text(" ") + line[self.shift :]


class LogSheet(Sheet):
    """Lines of a log; posts `Wanted` where lines are needed that it does not hold."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "sideways(-1)", "left", show=False),
        Binding("right", "sideways(1)", "right", show=False),
    ]

    class Wanted(Message):
        """The person goes beyond the lines that are there: "earlier", "later", "begin", "end"."""

        def __init__(self, where: str, cursor: int) -> None:
            super().__init__()
            self.where = where
            self.cursor = cursor
            """The byte of the line under the cursor."""

    def __init__(self) -> None:
        super().__init__(id="log-list")
        self._log = LogView()
        self._texts: dict[str, str] = {}
        self._shift = 0
        self.searched = ""
        """The text that is marked wherever it stands."""
        self.follows = True
        """Whether the cursor stays on the last line as new ones come."""

    def show(self, log: LogView) -> None:
        """Show these lines."""
        self._log = log
        self._texts = {str(line.offset): line.text for line in log.lines}
        keys = list(self._texts)
        if log.cursor is not None:
            cursor = key_of(log.lines, log.cursor)
            self.follows = False
        elif self.follows or self.cursor not in self._texts:
            cursor = keys[-1] if keys else None
        else:
            cursor = self.cursor
        self.show_keys(keys, cursor)
        # How far it can be scrolled is known only when it has been laid out anew.
        self.call_after_refresh(self._reveal)

    def clear(self) -> None:
        self.follows, self._shift = True, 0
        self.show(LogView())

    def mark(self, text: str) -> None:
        self.searched = text
        self._refresh_changed()

    @property
    def here(self) -> int:
        """The byte of the line under the cursor."""
        return int(self.cursor) if self.cursor is not None else 0

    @property
    def beyond(self) -> int:
        """The byte where the next line begins, or the log ends."""
        following = self._log.lines[self._index() + 1 : self._index() + 2]
        return following[0].offset if following else sys.maxsize

    def token(self, key: str) -> object:
        return LineLook(self._texts.get(key, ""), self.searched, self._shift)

    def segments(self, token: object, width: int) -> list[Segment]:
        """The line without what a terminal would obey."""
        if not isinstance(token, LineLook):
            return []
        return list(token.line.render(self.app.console))  # pyright: ignore[reportUnknownMemberType]

    def action_sideways(self, by: int) -> None:
        """Show what stands further right, or left; not beyond the end of every line."""
        longest = max(map(len, self._texts.values()), default=0)
        self._shift = max(0, min(self._shift + by * SIDEWAYS, longest - 1))
        self._refresh_changed()

    def action_move(self, by: int) -> None:
        """Move the cursor; at the border ask for more lines."""
        self._beyond(by)
        super().action_move(by)
        self._settle()

    def action_page(self, by: int) -> None:
        """Move by pages; at the border ask for more lines."""
        self._beyond(by * max(1, self.size.height - 1))
        super().action_page(by)
        self._settle()

    def action_edge(self, index: int) -> None:
        """To the first or the last line of the whole log."""
        self.follows = index < 0
        known = self._log.is_at_end if index < 0 else self._log.is_whole
        if known:
            super().action_edge(index)
        else:
            self.post_message(self.Wanted("end" if index < 0 else "begin", self.here))

    def _beyond(self, by: int) -> None:
        place = self._index() + by
        if place < 0 and not self._log.is_whole:
            self.post_message(self.Wanted("earlier", self.here))
        elif place >= len(self._texts) and not self._log.is_at_end:
            self.post_message(self.Wanted("later", self.here))

    def _settle(self) -> None:
        """Follow the end exactly when the cursor has been brought there."""
        at_last = self._index() == len(self._texts) - 1
        self.follows = at_last and self._log.is_at_end


def key_of(lines: Sequence[LogLine], offset: int) -> str | None:
    """The key of the line that holds a byte."""
    before = [line for line in lines if line.offset <= offset]
    return str(before[-1].offset) if before else None


def harmless(text: str) -> str:
    """A line of a log without escape sequences; other control characters become dots."""
    return one_line(_ESCAPES.sub("", text).expandtabs(8))


class SearchLine(TypedLine):
    """`/` and the text; not there until it is opened; esc searches for nothing."""

    class Asked(Message):
        """The person wants to see where this stands; empty: nothing is searched any more."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def __init__(self) -> None:
        super().__init__("a text in the log")

    @on(Input.Changed)
    def keep_to_itself(self, event: Input.Changed) -> None:
        """A log may be long: it is searched when the person has typed all."""
        event.stop()

    def typed(self) -> None:
        self.post_message(self.Asked(self._input.value))
