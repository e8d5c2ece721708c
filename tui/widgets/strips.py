"""A strip of cells a class: its Dice over the validations, the newest at the right."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual import events
from textual.message import Message

from handseg.runs.history import RunDetails
from handseg.view import strips
from handseg.view.strips import Cells
from tui import dice_scale, palette
from tui.widgets.lines import Lines
from tui.widgets.sheet import Sheet
from tui.wording import cell, dice, joined, without_middle

SortName = Literal["data", "worst now", "largest fall"]
SORTS: tuple[SortName, ...] = get_args(SortName)
MARK, DICE, FALL = 1, 6, 6
LEAST_NAME, MOST_NAME = 8, 14
WIDEST = 3
"""Cells of a validation at most where there are few."""
NARROW = 50
"""Below this width how far a class fell is left out."""
SEEN, GRAVE = 0.002, 0.02
"""A fall of less is none; one of more is marked."""


@dataclass(frozen=True)
class StripColumns:
    """How the width of a row is shared."""

    name: int
    fall: bool
    strip: int

    @classmethod
    def for_width(cls, width: int, longest: int) -> "StripColumns":
        """For rows of this width whose longest name has so many cells."""
        name = min(longest, MOST_NAME if width >= NARROW else LEAST_NAME)
        fall = width >= NARROW
        return cls(name, fall, max(0, width - MARK - name - DICE - FALL * fall - 1))

    @property
    def left(self) -> int:
        """Where the strip begins."""
        return MARK + self.name + DICE + FALL * self.fall + 1


@dataclass(frozen=True)
class Row:
    """All that the look of a class depends on."""

    label: str
    chosen: bool
    now: float
    fall: float
    looks: tuple[tuple[str, str], ...]
    """Sign and colour of each validation's cell."""
    each: int
    """Cells that each takes."""
    cursor: int | None
    columns: StripColumns


class Strips(Sheet):
    """The classes of a run, sorted; the cursor is a class and a validation."""

    class Refitted(Message):
        """The strips have another width, and so other cells."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's word
        super().__init__(id=id)
        self.sort: SortName = SORTS[0]
        self._fitted = 0
        """The width that the cells were made for."""
        self.at: int | None = None
        """The validation under the cursor; None for the newest, whichever that is."""
        self._details: RunDetails | None = None
        self._chosen: str | None = None
        self._cells: Cells | None = None
        self._place: dict[str, int] = {}
        self._now = self._falls = np.empty(0)

    # What is shown

    def show(self, details: RunDetails | None, chosen: str | None) -> None:
        """Show a run, or none."""
        if details is not self._details:
            self._take(details)
        self._chosen = chosen
        if details is not None:
            self._fitted = self.columns.strip
            self._cells = strips.cells(details.dice, self._fitted)
        self.show_keys(self._sorted(), chosen)

    def shows(self, details: RunDetails | None) -> bool:
        """Whether this is the run that is shown, in cells of the present width."""
        return details is self._details and (details is None or self._fitted == self.columns.strip)

    def on_resize(self) -> None:
        """As many cells as fit."""
        super().on_resize()
        if not self.shows(self._details):
            self.show(self._details, self._chosen)
            self.post_message(self.Refitted())

    def _take(self, details: RunDetails | None) -> None:
        before, self._details, self._cells = self._details, details, None
        labels = details.summary.classes if details is not None else ()
        self._place = {label: place for place, label in enumerate(labels)}
        if details is None or before is None or before.summary.name != details.summary.name:
            self.at = None
        if details is None:
            return
        self._now, self._falls = strips.last_known(details.dice), strips.falls(details.dice)
        if self.at is not None and self.at >= len(details.dice):
            self.at = None

    def _sorted(self) -> list[str]:
        if self.sort == "data":
            return list(self._place)
        by = self._now if self.sort == "worst now" else -self._falls
        order = np.argsort(np.where(np.isnan(by), np.inf, by), kind="stable")
        labels = list(self._place)
        return [labels[place] for place in order.tolist()]

    @property
    def columns(self) -> StripColumns:
        longest = max((len(label) for label in self._place), default=1)
        return StripColumns.for_width(self.text_width, longest)

    @property
    def cells(self) -> Cells | None:
        return self._cells if self._cells is not None and len(self._cells.starts) else None

    @property
    def each(self) -> int:
        """Cells of the screen that a cell takes."""
        cells = self.cells
        return max(1, min(WIDEST, self.columns.strip // len(cells.starts))) if cells else 1

    @property
    def cell_at(self) -> int | None:
        """The cell under the cursor; None where there is no validation."""
        cells = self.cells
        if cells is None:
            return None
        if self.at is None:
            return len(cells.starts) - 1
        return int(np.searchsorted(cells.starts, self.at, side="right")) - 1

    def values(self) -> dict[str, float]:
        """The Dice of each class in the cell under the cursor."""
        cells, at = self.cells, self.cell_at
        if cells is None or at is None:
            return {}
        return dict(zip(self._place, cells.worst[at].tolist(), strict=True))

    def token(self, key: str) -> object:
        """What a row looks like."""
        place, cells = self._place[key], self.cells
        worst: list[float] = cells.worst[:, place].tolist() if cells else []
        return Row(
            label=key,
            chosen=key == self._chosen,
            now=float(self._now[place]),
            fall=float(self._falls[place]),
            looks=tuple((dice_scale.sign(one), dice_scale.colour(one)) for one in worst),
            each=self.each,
            cursor=self.cell_at,
            columns=self.columns,
        )

    def segments(self, token: object, width: int) -> list[Segment]:
        """Name, Dice now, how far it fell, the strip."""
        if not isinstance(token, Row):
            return []
        columns = token.columns
        name = f"bold {palette.TEXT}" if token.chosen else ""
        parts = [
            cell("▸" if token.chosen else "", MARK, palette.ACCENT),
            cell(without_middle(token.label, columns.name), columns.name, name),
            cell(dice(token.now, 3), DICE, name, "right"),
        ]
        if columns.fall:
            fell = f"▼{dice(token.fall, 3)}" if token.fall > SEEN else ""
            style = palette.BAD if token.fall > GRAVE else palette.DIM
            parts.append(cell(fell, FALL, style, "right"))
        console = self.app.console  # pyright: ignore[reportUnknownMemberType]
        start = list(joined(*parts, " ").render(console))
        return [*start, *self._strip_of(token)]

    def _strip_of(self, row: Row) -> Iterator[Segment]:
        """The cells, moved to the right edge; that under the cursor keeps its colour."""
        plain = self.app.no_color  # pyright: ignore[reportUnknownMemberType]
        yield Segment(" " * (row.columns.strip - row.each * len(row.looks)))
        for place, (sign, colour) in enumerate(row.looks):
            under = place == row.cursor
            if plain:
                style = Style(reverse=under and row.chosen)
                yield Segment(sign * row.each, style)
            elif sign == dice_scale.NONE:
                yield Segment(sign * row.each, Style(color=palette.FAINT))
            else:
                # The bar is not seen on its own colour, but there where a frame is kept as text.
                shade, text = colour, sign * row.each
                if under:
                    shade, text = palette.GROUND, ("◆" if row.chosen else "┃").center(row.each)
                yield Segment(text, Style(color=shade, bgcolor=colour))

    # What the person does

    def next_sort(self) -> None:
        self.sort = SORTS[(SORTS.index(self.sort) + 1) % len(SORTS)]

    def move_at(self, by: int) -> None:
        """Move the cursor by cells; at the right end it stays with the newest."""
        cells, at = self.cells, self.cell_at
        if cells is not None and at is not None:
            self._go_to(at + by, cells)

    def _go_to(self, place: int, cells: Cells) -> None:
        last = len(cells.starts) - 1
        self.at = None if place >= last else int(cells.starts[max(0, place)])

    def on_click(self, event: events.Click) -> None:
        """The class, and where it was clicked on its strip the validation."""
        cells = self.cells
        if cells is not None:
            end = self.columns.left + self.columns.strip
            back = (end - 1 - event.x) // self.each
            if event.x >= self.columns.left and 0 <= back < len(cells.starts):
                self._go_to(len(cells.starts) - 1 - back, cells)
        super().on_click(event)


class StripHeads(Lines):
    """What is read at the cursor, then the names of the columns and the ends of the epochs."""

    def __init__(self, strips_below: Strips) -> None:
        super().__init__()
        self._strips = strips_below
        self.details: RunDetails | None = None

    def lines(self, width: int, height: int) -> list[Text]:
        """One line of heads."""
        below, details = self._strips, self.details
        columns = below.columns
        text = cell("", MARK) + cell("bone", columns.name) + cell("now", DICE, align="right")
        if columns.fall:
            text += cell("fell", FALL, align="right")
        cells = below.cells
        if cells is None or details is None:
            return [Text(text.plain, palette.FAINT)]
        strip = below.each * len(cells.starts)
        first, last = (f"{details.epochs[place]:g}" for place in (0, -1))
        room = strip - len(last)
        line = first.ljust(room)[:room] + last if room > len(first) else last.rjust(strip)
        text += cell("", 1 + columns.strip - strip) + cell(line, strip)
        return [Text(text.plain, palette.FAINT)]
