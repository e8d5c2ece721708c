"""A list with a cursor, in one column or several side by side, drawn as strips that are kept."""

from collections.abc import Sequence
from dataclasses import dataclass
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
from tui.wording import joined

KEPT = 512
"""Strips that are kept: more than any screen has lines."""
NOTHING: object = object()


@dataclass(frozen=True)
class _Drawn:
    """An item as it was drawn last, and all that its look depended on."""

    token: object
    under: bool
    focused: bool
    width: int
    theme: str
    strip: Strip


class Sheet(ScrollView, can_focus=True, inherit_bindings=False):
    """Items, each with a key; the cursor stays with its key while items come and go.

    Only items that are on the screen and changed are made anew: any number of them costs nothing.
    """

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

        def __init__(self, rows: "Sheet", key: str) -> None:
            super().__init__()
            self.rows = rows
            self.key = key

        @property
        def control(self) -> "Sheet":
            return self.rows

    class Chosen(Moved):
        """The person pressed enter on a key, or clicked it twice."""

    class Clicked(Moved):
        """The person clicked a key once."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's word
        super().__init__(id=id)
        self._keys: list[str] = []
        self._places: dict[str, int] = {}
        self._cursor: str | None = None
        self._kept: dict[str, _Drawn] = {}
        self._ground: Style | None = None

    # What a kind of list says about itself

    @property
    def across(self) -> int:
        """Columns of items, each filled from the top."""
        return 1

    def token(self, key: str) -> object:
        """All that the look of an item depends on; compared with `==`."""
        raise NotImplementedError

    def segments(self, token: object, width: int) -> list[Segment]:
        """How an item looks in so many cells."""
        raise NotImplementedError

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
    def down(self) -> int:
        """Lines that the items take."""
        return -(-len(self._keys) // max(1, self.across))

    @property
    def item_width(self) -> int:
        return self.text_width // max(1, self.across)

    @property
    def in_sight(self) -> tuple[str, ...]:
        return tuple(key for y in range(self.size.height) for _, key in self._line(y))

    def _line(self, y: int) -> list[tuple[int, str]]:
        """The items of a line of the screen: number of the column, and key."""
        row, down = y + self.scroll_offset.y, self.down
        if row >= down:
            return []
        places = range(row, len(self._keys), max(1, down))
        return [(column, self._keys[place]) for column, place in enumerate(places)]

    # Showing

    def show_keys(self, keys: Sequence[str], cursor: str | None) -> None:
        """Show these items; only those that changed are drawn again."""
        anew, before = list(keys) != self._keys, self._cursor
        self._cursor = cursor
        if anew:
            self._keys = list(keys)
            self._places = {key: place for place, key in enumerate(self._keys)}
            self._kept = {key: drawn for key, drawn in self._kept.items() if key in self._places}
        if anew or self.virtual_size.height != self.down:
            self.virtual_size = Size(self.size.width, self.down)
            self.refresh()
        if anew or cursor != before:
            self._reveal()
        self._refresh_changed()

    def _refresh_changed(self) -> None:
        width, theme, focused = self.item_width, palette.NAME, self.has_focus
        changed: list[Region] = []
        for y in range(self.size.height):
            for column, key in self._line(y):
                drawn = self._kept.get(key)
                if drawn is None or not self._is_good(drawn, key, width, theme, focused):
                    changed.append(Region(column * width, y, width, 1))
        if changed:
            self.refresh(*changed)

    def _is_good(self, drawn: _Drawn, key: str, width: int, theme: str, focused: bool) -> bool:
        under = key == self._cursor
        as_it_was = (drawn.under, drawn.width, drawn.theme) == (under, width, theme)
        return (
            as_it_was and (not under or drawn.focused == focused) and drawn.token == self.token(key)
        )

    def _index(self) -> int:
        return self._places.get(self._cursor or "", -1)

    def _reveal(self) -> None:
        """Scroll so that the cursor is seen."""
        down, top, height = self.down, self.scroll_offset.y, self.size.height
        if height < 1 or not down or self._index() < 0:
            return
        row = self._index() % down
        if row < top:
            self.scroll_to(y=row, animate=False)
        elif row >= top + height:
            self.scroll_to(y=row - height + 1, animate=False)

    def render_lines(self, crop: Region) -> list[Strip]:
        # Textual works it out anew each time that it is asked.
        self._ground = self.rich_style
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        """One line of the screen."""
        ground = self._ground or self.rich_style
        strips = [self._strip(key, ground) for _, key in self._line(y)]
        return Strip.join(strips).adjust_cell_length(max(0, self.size.width), ground)

    def _strip(self, key: str, ground: Style) -> Strip:
        width, theme, focused = self.item_width, palette.NAME, self.has_focus
        drawn = self._kept.get(key)
        if drawn is not None and self._is_good(drawn, key, width, theme, focused):
            return drawn.strip
        under, token = key == self._cursor, self.token(key)
        if under:
            ground += Style(bgcolor=palette.RAISED, bold=focused)
        found = Segment.apply_style(self.segments(token, width), ground)
        strip = Strip(found).adjust_cell_length(width, ground)
        if len(self._kept) > KEPT:
            self._kept.clear()
        self._kept[key] = _Drawn(token, under, focused, width, theme, strip)
        return strip

    def on_focus(self) -> None:
        self._refresh_changed()

    def on_blur(self) -> None:
        self._refresh_changed()

    def on_resize(self) -> None:
        self.virtual_size = Size(self.size.width, self.down)
        self.call_after_refresh(self._reveal)

    # Moving

    def _go(self, index: int) -> None:
        if not self._keys:
            return
        key = self._keys[max(0, min(index, len(self._keys) - 1))]
        if key != self._cursor:
            self._cursor = key
            self._reveal()
            self._refresh_changed()
            self.post_message(self.Moved(self, key))

    def action_move(self, by: int) -> None:
        self._go(self._index() + by)

    def action_page(self, by: int) -> None:
        self._go(self._index() + by * max(1, self.size.height - 1))

    def action_edge(self, index: int) -> None:
        """Move the cursor to the first (0) or the last (-1) item."""
        self._go(index % max(1, len(self._keys)))

    def action_choose(self) -> None:
        if self._cursor in self._places:
            self.post_message(self.Chosen(self, self._cursor or ""))

    def on_click(self, event: events.Click) -> None:
        """Move to the item that was clicked; a second click chooses it."""
        column = event.x // max(1, self.item_width)
        key = dict(self._line(event.y)).get(column)
        if key is None:
            return
        self._go(self._places[key])
        if event.chain == 2:
            self.action_choose()
        else:
            self.post_message(self.Clicked(self, key))


class Rows(Sheet):
    """Lines of text, each with a key, shown as they are handed over."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's word
        super().__init__(id=id)
        self._texts: dict[str, Text] = {}

    def show(self, rows: Sequence[tuple[str, Text]], cursor: str | None) -> None:
        """Show these lines; only those that changed are drawn again."""
        self._texts = dict(rows)
        self.show_keys([key for key, _ in rows], cursor)

    def token(self, key: str) -> object:
        return self._texts.get(key)

    def segments(self, token: object, width: int) -> list[Segment]:
        """The line as Rich renders it."""
        if not isinstance(token, Text):
            return []
        # Rich leaves out the style of a whole text that has no stretch of its own.
        line = joined(token)
        return list(line.render(self.app.console))  # pyright: ignore[reportUnknownMemberType]
