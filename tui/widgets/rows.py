"""A list of lines of text with a cursor."""

from collections.abc import Sequence

from rich.segment import Segment
from rich.text import Text

from tui.widgets.sheet import Sheet
from tui.wording import joined


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
