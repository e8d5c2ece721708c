"""Tables that commands print: as a table for people and as CSV, from one set of rows."""

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar

from handseg.text import NONE, one_line

if TYPE_CHECKING:
    from rich.table import Table as RichTable
    from rich.text import Text

MARK = "◂"
_Value = TypeVar("_Value")
Look = Literal["plain", "head", "boxed"]
"""Without lines, with one below the head, or with a frame."""


def plain_text(value: Any) -> str:
    missing = value is None or (isinstance(value, float) and math.isnan(value))
    return NONE if missing else str(value)


class Column(NamedTuple):
    """A column: its name for programs, its title for people, and how people read its values.

    `text` gives a str or, for a style, a rich Text. Values of a column that is not `right` may be
    long: they wrap where it may `fold`, else they are cut with `…`.
    """

    name: str
    text: "Callable[[Any], str | Text]" = plain_text
    title: str | None = None
    right: bool = False
    fold: bool = False
    min_width: int | None = None
    ratio: int | None = None
    readers: Literal["all", "people", "programs"] = "all"


class Table(NamedTuple):
    """Rows of values by columns, and rows that sum them up (`footers`), the first of them bold."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[Any]]
    footers: Sequence[Sequence[Any]] = ()
    title: str = ""
    look: Look = "plain"
    has_head: bool = True
    sections: frozenset[int] = frozenset()
    """Rows with a line above them, where the look has lines."""
    marked: frozenset[tuple[int, int]] = frozenset()
    """Cells (row, column) that stand out; the sign is for terminals and pipes without colour."""

    def to_csv(self) -> str:
        """The rows as CSV without the last line end: full figures, nothing for None and NaN."""
        import pandas as pd

        rows = [tuple(self._chosen(row, "programs")) for row in self.rows]
        # As objects, so that whole numbers beside a missing one stay whole.
        names = [column.name for column in self._chosen(self.columns, "programs")]
        frame = pd.DataFrame(rows, columns=names, dtype=object)
        return frame.to_csv(index=False, lineterminator="\n").removesuffix("\n")

    def to_rich(self) -> "RichTable":
        """The table as people read it. Text is never read as markup: names come from data."""
        from rich import box
        from rich.table import Table as RichTable
        from rich.text import Text

        boxes = {"plain": None, "head": box.SIMPLE_HEAD, "boxed": box.HEAVY_HEAD}
        table = RichTable(
            title=Text(one_line(self.title)) if self.title else None,
            box=boxes[self.look],
            show_header=self.has_head,
            pad_edge=self.look != "plain",
        )
        for column in self._chosen(self.columns, "people"):
            table.add_column(
                Text(one_line(column.name if column.title is None else column.title)),
                justify="right" if column.right else "left",
                no_wrap=not column.fold,
                overflow="fold" if column.fold else "ellipsis",
                min_width=column.min_width,
                ratio=column.ratio,
            )
        for place, row in enumerate(self.rows):
            if place in self.sections:
                table.add_section()
            table.add_row(*self._cells(row, place))
        if self.footers:
            table.add_section()
        for place, row in enumerate(self.footers):
            table.add_row(*self._cells(row), style=None if place else "bold")
        return table

    def _cells(self, row: Sequence[Any], place: int | None = None) -> "list[Text]":
        from rich.text import Text

        cells: list[Text] = []
        for number, (column, value) in enumerate(zip(self.columns, row, strict=True)):
            text = column.text(value)
            if (place, number) in self.marked:
                text = Text(f"{text} {MARK}", "bold red")
            text = Text(text) if isinstance(text, str) else text
            # A sign for a sign: the styles of a text lie on its places.
            text.plain = "\n".join(map(one_line, text.plain.split("\n")))
            cells.append(text)
        return self._chosen(cells, "people")

    def _chosen(self, values: Sequence[_Value], readers: str) -> list[_Value]:
        """The values of a row that are for people, or for programs."""
        return [
            value
            for column, value in zip(self.columns, values, strict=True)
            if column.readers in ("all", readers)
        ]


def json_value(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
