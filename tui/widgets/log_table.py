"""The log of a run: follows its end, is searched, is read in blocks however long it is."""

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.message import Message

from handseg.text import one_line
from tui.run_files import LogView
from tui.theme import Theme
from tui.widgets.table import Cell, DataTable, TableColumn

SIDEWAYS = 20
_ESCAPES = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)?|.)?")


@dataclass(frozen=True)
class LogRow:
    """All that the look of a line depends on."""

    text: str
    searched: str
    shift: int


def line_cell(row: LogRow, width: int, theme: Theme) -> Cell:
    """The line without what a terminal would obey, from where it is moved to; matches marked."""
    line = Text(harmless(row.text), theme.text)
    if row.searched:
        marked = re.compile(re.escape(row.searched), re.IGNORECASE)
        line.highlight_regex(marked, f"reverse {theme.warn}")
    return Text(" ") + line[row.shift :]


COLUMNS = (TableColumn(0, line_cell),)


class LogTable(DataTable[LogRow]):
    """Lines of a log; posts `LinesWanted` where lines are needed that it does not hold."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "sideways(-1)", "left", show=False),
        Binding("right", "sideways(1)", "right", show=False),
    ]

    @dataclass
    class LinesWanted(Message):
        """The person goes beyond the lines that are there: "earlier", "later", "begin", "end"."""

        where: str
        cursor: int
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

    def show_log(self, log: LogView) -> None:
        """Show these lines."""
        self._log = log
        self._texts = {str(line.offset): line.text for line in log.lines}
        keys = list(self._texts)
        if log.cursor is not None:
            before = [line.offset for line in log.lines if line.offset <= log.cursor]
            cursor = str(before[-1]) if before else None
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
        self.show_log(LogView())

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

    @property
    def columns(self) -> Sequence[TableColumn[LogRow]]:
        return COLUMNS

    def row(self, key: str) -> LogRow:
        return LogRow(self._texts.get(key, ""), self.searched, self._shift)

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
            self.post_message(self.LinesWanted("end" if index < 0 else "begin", self.here))

    def _beyond(self, by: int) -> None:
        place = self._index() + by
        if place < 0 and not self._log.is_whole:
            self.post_message(self.LinesWanted("earlier", self.here))
        elif place >= len(self._texts) and not self._log.is_at_end:
            self.post_message(self.LinesWanted("later", self.here))

    def _settle(self) -> None:
        # The end is followed exactly when the cursor has been brought there.
        at_last = self._index() == len(self._texts) - 1
        self.follows = at_last and self._log.is_at_end


def harmless(text: str) -> str:
    """A line of a log without escape sequences; other control characters become dots."""
    return one_line(_ESCAPES.sub("", text).expandtabs(8))
