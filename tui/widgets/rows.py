"""A list of lines with a cursor that is kept by key, drawn line by line."""

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui import palette


class Rows(ScrollView, can_focus=True):
    """Lines of text, each with a key; the cursor stays with its key while lines come and go."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", "up", show=False),
        Binding("down", "move(1)", "down", show=False),
        Binding("pageup", "page(-1)", "page up", show=False),
        Binding("pagedown", "page(1)", "page down", show=False),
        Binding("home", "edge(0)", "first", show=False),
        Binding("end", "edge(-1)", "last", show=False),
        Binding("enter", "choose", "choose", show=False),
    ]

    class Moved(Message):
        """The person moved the cursor to another key."""

        def __init__(self, rows: "Rows", key: str) -> None:
            super().__init__()
            self.rows = rows
            self.key = key

        @property
        def control(self) -> "Rows":
            """The list that it happened in."""
            return self.rows

    class Chosen(Moved):
        """The person pressed enter on a key, or clicked it twice."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's word
        super().__init__(id=id)
        self._rows: list[tuple[str, Text]] = []
        self._cursor: str | None = None

    @property
    def cursor(self) -> str | None:
        """The key under the cursor."""
        return self._cursor

    @property
    def text_width(self) -> int:
        """Cells of a line, beside the scroll bar whether it is there or not."""
        return max(0, self.outer_size.width - 1)

    def show(self, rows: Sequence[tuple[str, Text]], cursor: str | None) -> None:
        """Show these lines; only those that changed are drawn again."""
        before, moved = self._rows, cursor != self._cursor
        self._rows, self._cursor = list(rows), cursor
        if len(before) != len(rows) or moved:
            self.virtual_size = Size(self.size.width, len(rows))
            self._reveal()
            self.refresh()
            return
        for index, (old, new) in enumerate(zip(before, self._rows, strict=True)):
            if old != new:
                self._refresh_row(index)

    def _refresh_row(self, index: int) -> None:
        y = index - self.scroll_offset.y
        if 0 <= y < self.size.height:
            self.refresh(Region(0, y, self.size.width, 1))

    def _index(self) -> int:
        return next((i for i, (key, _) in enumerate(self._rows) if key == self._cursor), 0)

    def _reveal(self) -> None:
        """Scroll so that the cursor is seen."""
        index, top, height = self._index(), self.scroll_offset.y, self.size.height
        if height < 1:
            return
        if index < top:
            self.scroll_to(y=index, animate=False)
        elif index >= top + height:
            self.scroll_to(y=index - height + 1, animate=False)

    def _go(self, index: int) -> None:
        if not self._rows:
            return
        key = self._rows[max(0, min(index, len(self._rows) - 1))][0]
        if key != self._cursor:
            self._cursor = key
            self._reveal()
            self.refresh()
            self.post_message(self.Moved(self, key))

    def action_move(self, by: int) -> None:
        """Move the cursor by lines."""
        self._go(self._index() + by)

    def action_page(self, by: int) -> None:
        """Move the cursor by pages."""
        self._go(self._index() + by * max(1, self.size.height - 1))

    def action_edge(self, index: int) -> None:
        """Move the cursor to the first (0) or the last (-1) line."""
        self._go(index % max(1, len(self._rows)))

    def action_choose(self) -> None:
        """Choose the key under the cursor."""
        if self._cursor is not None:
            self.post_message(self.Chosen(self, self._cursor))

    def on_click(self, event: events.Click) -> None:
        """Move to the line that was clicked; a second click chooses it."""
        index = event.y + self.scroll_offset.y
        if index < len(self._rows):
            self._go(index)
            if event.chain == 2:
                self.action_choose()

    def on_resize(self) -> None:
        """Keep the cursor in sight."""
        self.virtual_size = Size(self.size.width, len(self._rows))
        self.call_after_refresh(self._reveal)

    def render_line(self, y: int) -> Strip:
        """One line of the screen."""
        width, index = self.size.width, y + self.scroll_offset.y
        ground = self.rich_style
        if index >= len(self._rows) or width < 1:
            return Strip.blank(max(0, width), ground)
        key, text = self._rows[index]
        if key == self._cursor:
            ground += Style(bgcolor=palette.RAISED, bold=True)
        console = self.app.console  # pyright: ignore[reportUnknownMemberType]
        segments = Segment.apply_style(text.render(console), ground)
        return Strip(segments).adjust_cell_length(width, ground)
