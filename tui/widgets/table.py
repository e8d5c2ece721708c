"""The table of the dashboard: columns declared as data, a cursor, a header that sorts.

Only rows that are on the screen and changed are drawn anew: any number of them costs nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui.order import Order
from tui.theme import Theme, theme_of
from tui.widgets.lines import Align, Lines, fitted, joined, segments_of, strip_of

CACHED = 512
"""Rows that are kept as drawn: more than any screen has lines."""

Row = TypeVar("Row")
Cell = tuple[str, str] | Text | list[Segment]
"""A text with its style, which is fitted to its column; or what is drawn as it is."""


@dataclass(frozen=True)
class TableColumn(Generic[Row]):
    """What a table has in one column: its width, how a row's cell is made, by what it sorts."""

    width: int
    cell: Callable[[Row, int, Theme], Cell]
    """Of a row, for a width, in the colours of a theme."""
    title: str = ""
    align: Align = "left"
    sort: str = ""
    """The key of the table's order; empty where it does not sort."""


def text_cell(row: Text, width: int, theme: Theme) -> Cell:
    # Rich leaves out the style of a whole text that has no stretch of its own.
    return joined(row)


TEXT_COLUMNS: tuple[TableColumn[Any], ...] = (TableColumn(0, text_cell),)


class _Look(NamedTuple):
    """What the looks of all rows depend on."""

    width: int
    columns: Sequence[TableColumn[Any]]
    theme: Theme


class _Cells(NamedTuple):
    """The cells of a row side by side, and what they were made from."""

    row: object
    look: _Look
    segments: list[Segment]


class _Drawn(NamedTuple):
    """A row as it was drawn last."""

    segments: list[Segment]
    under: bool
    focused: bool
    width: int
    ground: Style
    strip: Strip


class DataTable(ScrollView, Generic[Row], can_focus=True, inherit_bindings=False):
    """Rows, each with a key; the cursor stays with its key while rows come and go.

    A subclass says which columns there are, and may make the row of a key when it is drawn.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", "up", show=False),
        Binding("down", "move(1)", "down", show=False),
        Binding("pageup", "page(-1)", "page up", show=False),
        Binding("pagedown", "page(1)", "page down", show=False),
        Binding("home", "edge(0)", "first", show=False),
        Binding("end", "edge(-1)", "last", show=False),
        Binding("enter", "select", "select", show=False),
    ]

    CURSOR_IS_STATE: ClassVar[bool] = False
    """Whether another keeps the cursor, and is told of each move a moment later."""

    @dataclass
    class RowEvent(Message):
        """Something happened to the row of a key."""

        table: "DataTable[Any]"
        key: str

        @property
        def control(self) -> "DataTable[Any]":
            return self.table

    class RowHighlighted(RowEvent):
        """The cursor moved to another key."""

    class RowSelected(RowEvent):
        """Enter was pressed on a key, or it was clicked twice."""

    class RowClicked(RowEvent):
        """A key was clicked once."""

    @dataclass
    class Ordered(Message):
        """Another order is wanted."""

        table: "DataTable[Any]"
        order: Order[Any]

        @property
        def control(self) -> "DataTable[Any]":
            return self.table

    def __init__(self, *, placeholder: str = "", id: str | None = None) -> None:  # noqa: A002 - Textual's word
        super().__init__(id=id)
        self.header = TableHeader(self)
        """To be put above the table where its columns have titles."""
        self._placeholder = placeholder
        """What stands there where there are no rows."""
        self.order: Order[Any] | None = None
        """How it is sorted, where a click on the header changes that."""
        self._rows: Mapping[str, Row] = {}
        self._keys: list[str] = []
        self._places: dict[str, int] = {}
        self._cursor: str | None = None
        self._moved_to: str | None = None
        """Where a person moved a cursor that is the state's, until the state says so too."""
        self._cells: dict[str, _Cells] = {}
        self._drawn: dict[str, _Drawn] = {}
        self._rendered: tuple[Style, _Look] | None = None

    @property
    def theme(self) -> Theme:
        return theme_of(self)

    # What a table says about itself

    @property
    def columns(self) -> Sequence[TableColumn[Row]]:
        """The columns for the present width: the same object as long as they are the same."""
        return TEXT_COLUMNS

    def row(self, key: str) -> Row | None:
        """All that the look of a row depends on, compared with `==`; None where it has gone."""
        return self._rows.get(key)

    @property
    def across(self) -> int:
        """Rows side by side; they go from the top to the bottom first."""
        return 1

    # Measures

    @property
    def cursor(self) -> str | None:
        return self._cursor

    @property
    def keys(self) -> list[str]:
        return self._keys

    @property
    def text_width(self) -> int:
        """Cells of a line, beside the scroll bar whether it is there or not."""
        return max(0, self.outer_size.width - 1)

    @property
    def row_width(self) -> int:
        return self.text_width // max(1, self.across)

    @property
    def _lines(self) -> int:
        return -(-len(self._keys) // max(1, self.across))

    @property
    def in_sight(self) -> tuple[str, ...]:
        return tuple(key for y in range(self.size.height) for _, key in self._at(y))

    def _at(self, y: int) -> list[tuple[int, str]]:
        """The rows on a line of the screen: place from the left, and key."""
        line, lines = y + self.scroll_offset.y, self._lines
        if line >= lines:
            return []
        places = range(line, len(self._keys), max(1, lines))
        return [(left, self._keys[place]) for left, place in enumerate(places)]

    # Showing

    def show(self, rows: Mapping[str, Row], cursor: str | None) -> None:
        """Show these rows; only those that changed are drawn again."""
        self._rows = rows
        self.show_keys(list(rows), cursor)

    def show_keys(self, keys: Sequence[str], cursor: str | None) -> None:
        """The same, of a table that makes its rows when they are drawn."""
        changed, before = list(keys) != self._keys, self._cursor
        if self._moved_to == cursor or self._moved_to not in keys:
            self._moved_to = None
        # Else it is from before: the cursor has moved on since.
        self._cursor = cursor if self._moved_to is None else self._moved_to
        if changed:
            self._keys = list(keys)
            self._places = {key: place for place, key in enumerate(self._keys)}
            self._drawn = {key: drawn for key, drawn in self._drawn.items() if key in self._places}
        if changed or self.virtual_size.height != self._lines:
            self.virtual_size = Size(self.size.width, self._lines)
            self.refresh()
        if changed or self._cursor != before:
            self._reveal()
        self._refresh_changed()
        self.header.update()

    def _refresh_changed(self) -> None:
        look = self._look
        changed = [
            Region(left * look.width, y, look.width, 1)
            for y in range(self.size.height)
            for left, key in self._at(y)
            if not self._is_drawn(key, look)
        ]
        if changed:
            self.refresh(*changed)

    @property
    def _look(self) -> _Look:
        return _Look(self.row_width, self.columns, self.theme)

    def _is_drawn(self, key: str, look: _Look) -> bool:
        drawn, under = self._drawn.get(key), key == self._cursor
        return (
            drawn is not None
            and (drawn.under, drawn.width) == (under, look.width)
            and (not under or drawn.focused == self.has_focus)
            and drawn.segments == self._segments(key, look)
        )

    def _segments(self, key: str, look: _Look) -> list[Segment]:
        """The cells of a row side by side, made anew where it changed."""
        row, made = self.row(key), self._cells.get(key)
        if made is None or made.look != look or made.row != row:
            segments: list[Segment] = []
            if row is not None:
                cells = (self._cell(column, row, look.theme) for column in look.columns)
                segments = [segment for cell in cells for segment in cell]
            if len(self._cells) > CACHED:
                self._cells.clear()
            self._cells[key] = made = _Cells(row, look, segments)
        return made.segments

    def _cell(self, column: TableColumn[Row], row: Row, theme: Theme) -> list[Segment]:
        cell = column.cell(row, column.width, theme)
        if isinstance(cell, list):
            return cell
        if isinstance(cell, Text):
            return segments_of(self, cell)
        text, style = cell
        return [Segment(fitted(text, column.width, column.align), Style.parse(style))]

    def _index(self) -> int:
        return self._places.get(self._cursor or "", -1)

    def _reveal(self) -> None:
        """Scroll so that the cursor is seen."""
        lines, top, height = self._lines, self.scroll_offset.y, self.size.height
        if height < 1 or not lines or self._index() < 0:
            return
        line = self._index() % lines
        if line < top:
            self.scroll_to(y=line, animate=False)
        elif line >= top + height:
            self.scroll_to(y=line - height + 1, animate=False)

    def render_lines(self, crop: Region) -> list[Strip]:
        # Both would be worked out anew for each line.
        self._rendered = (self.rich_style, self._look)
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        ground, look = self._rendered or (self.rich_style, self._look)
        if not self._keys and y == 0:
            return strip_of(self, Text(self._placeholder, look.theme.dim), ground)
        strips = [self._strip(key, look, ground) for _, key in self._at(y)]
        return Strip.join(strips).adjust_cell_length(max(0, self.size.width), ground)

    def _strip(self, key: str, look: _Look, ground: Style) -> Strip:
        if self._is_drawn(key, look) and self._drawn[key].ground == ground:
            return self._drawn[key].strip
        under, focused, segments = key == self._cursor, self.has_focus, self._segments(key, look)
        raised = Style(bgcolor=look.theme.raised, bold=focused)
        style = ground + raised if under else ground
        styled = Segment.apply_style(segments, style)
        strip = Strip(styled).adjust_cell_length(look.width, style)
        if len(self._drawn) > CACHED:
            self._drawn.clear()
        self._drawn[key] = _Drawn(segments, under, focused, look.width, ground, strip)
        return strip

    def on_focus(self) -> None:
        self._refresh_changed()

    def on_blur(self) -> None:
        self._refresh_changed()

    def on_resize(self) -> None:
        self.virtual_size = Size(self.size.width, self._lines)
        self.call_after_refresh(self._reveal)

    # Moving

    def _go(self, index: int) -> None:
        if not self._keys:
            return
        key = self._keys[max(0, min(index, len(self._keys) - 1))]
        if key != self._cursor:
            self._cursor = key
            self._moved_to = key if self.CURSOR_IS_STATE else None
            self._reveal()
            self._refresh_changed()
            self.post_message(self.RowHighlighted(self, key))

    def action_move(self, by: int) -> None:
        self._go(self._index() + by)

    def action_page(self, by: int) -> None:
        self._go(self._index() + by * max(1, self.size.height - 1))

    def action_edge(self, index: int) -> None:
        """Move the cursor to the first (0) or the last (-1) row."""
        self._go(index % max(1, len(self._keys)))

    def action_select(self) -> None:
        if self._cursor in self._places:
            self.post_message(self.RowSelected(self, self._cursor or ""))

    def on_click(self, event: events.Click) -> None:
        """Move to the row that was clicked; a second click selects it."""
        left = event.x // max(1, self.row_width)
        key = dict(self._at(event.y)).get(left)
        if key is None:
            return
        self._go(self._places[key])
        if event.chain == 2:
            self.action_select()
        else:
            self.post_message(self.RowClicked(self, key))

    # Sorting

    def sort(self, order: Order[Any]) -> None:
        self.post_message(self.Ordered(self, order))


class TableHeader(Lines):
    """The titles of the columns, an arrow where the table is sorted; a click sorts by one."""

    def __init__(self, table: DataTable[Any]) -> None:
        super().__init__()
        self._table = table
        self._drawn: object = None

    def update(self) -> None:
        """Draw it anew where another order, or other columns, show."""
        table = self._table
        if (table.columns, table.order, table.across) != self._drawn:
            self.refresh()

    def lines(self, width: int, height: int) -> list[Text]:
        table, theme = self._table, self.theme
        columns, order, across = table.columns, table.order, table.across
        self._drawn = (columns, order, across)
        parts: list[Text] = []
        for column in columns:
            is_sorted = order is not None and column.sort == order.name
            title = column.title + (order.arrow if order is not None and is_sorted else "")
            style = theme.text if is_sorted else theme.faint
            parts.append(Text(fitted(title, column.width, column.align), style))
        if across == 1:
            return [joined(*parts)]
        blank = " " * max(0, width // across - sum(part.cell_len for part in parts))
        return [joined(*[joined(*parts, blank)] * across)]

    def on_click(self, event: events.Click) -> None:
        order = self._table.order
        at, end = event.x % max(1, self.size.width // self._table.across), 0
        for column in self._table.columns:
            end += column.width
            if at < end:
                if order is not None and column.sort:
                    self._table.sort(order.by(column.sort))
                return
