"""The classes of the highlighted run over all of its validations, and the hand that they make."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import ClassVar

import numpy as np
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual import events, on
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widget import Widget

from handseg.runs.history import RunDetails
from handseg.text import dice_text
from handseg.view import strips
from tui.keys import bindings
from tui.order import Order, SortKey
from tui.screens.dashboard_screen import DashboardScreen
from tui.state import State
from tui.theme import DICE_BARS, NO_DICE, Theme, dice_bar
from tui.widgets.hand import Hand, is_hand
from tui.widgets.lines import Lines, cell, cut, joined, rule, without_middle
from tui.widgets.table import Cell, DataTable, TableColumn

MARK, DICE, FALL = 1, 6, 6
LEAST_NAME, MOST_NAME = 8, 14
WIDEST = 3
"""Cells of a validation at most where there are few."""
NARROW = 50
"""Below this width how far a class fell is left out."""
SEEN, GRAVE = 0.002, 0.02
"""A fall of less is none; one of more is marked."""


@dataclass(frozen=True)
class StripLayout:
    """How the width of a row is shared."""

    name: int
    fall: bool
    strip: int

    @classmethod
    def for_width(cls, width: int, longest: int) -> "StripLayout":
        """For rows of this width whose longest name has so many cells."""
        name = min(longest, MOST_NAME if width >= NARROW else LEAST_NAME)
        fall = width >= NARROW
        return cls(name, fall, max(0, width - MARK - name - DICE - FALL * fall - 1))

    @property
    def left(self) -> int:
        return MARK + self.name + DICE + FALL * self.fall + 1


@dataclass(frozen=True)
class ClassStrip:
    """All that the look of a class depends on."""

    label: str
    chosen: bool
    now: float
    fall: float
    looks: tuple[tuple[str, str], ...] = ()
    """Bar and colour of each validation's cell."""
    each: int = 1
    """Cells that each takes."""
    cursor: int | None = None
    plain: bool = False
    """Whether there are no colours."""


CLASS_KEYS: Mapping[str, SortKey[ClassStrip]] = {
    "data": SortKey("data order"),
    "now": SortKey("worst first", lambda row: row.now),
    "fall": SortKey("largest fall first", lambda row: row.fall, falls=True),
}


class ClassesTable(DataTable[ClassStrip]):
    """The classes of a run, each with a strip of its Dice, the newest validation at the right.

    The cursor is a class and a validation.
    """

    CURSOR_IS_STATE = True

    class Refitted(Message):
        """The strips have another width, and so other cells."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's word
        super().__init__(id=id)
        self.class_order = Order(CLASS_KEYS, "data")
        self._fitted = 0
        """The width that the cells were made for."""
        self.at: int | None = None
        """The validation under the cursor; None for the newest, whichever that is."""
        self._details: RunDetails | None = None
        self._chosen: str | None = None
        self._strips: strips.Cells | None = None
        self._place: dict[str, int] = {}
        self._now = self._falls = np.empty(0)

    # What is shown

    @property
    def details(self) -> RunDetails | None:
        # The state may have another run already.
        return self._details

    def show_run(self, details: RunDetails | None, chosen: str | None) -> None:
        if details is not self._details:
            self._take(details)
        self._chosen = chosen
        if details is not None:
            self._fitted = self.strip_layout.strip
            self._strips = strips.cells(details.dice, self._fitted)
        rows = [self._dice_of(label) for label in self._place]
        self.show_keys([row.label for row in self.class_order.sorted(rows)], chosen)

    def shows(self, details: RunDetails | None) -> bool:
        """Whether this is the run that is shown, in cells of the present width."""
        fits = details is None or self._fitted == self.strip_layout.strip
        return details is self._details and fits

    def on_resize(self) -> None:
        """As many cells as fit."""
        super().on_resize()
        if not self.shows(self._details):
            self.show_run(self._details, self._chosen)
            self.post_message(self.Refitted())

    def _take(self, details: RunDetails | None) -> None:
        before, self._details, self._strips = self._details, details, None
        labels = details.summary.classes if details is not None else ()
        self._place = {label: place for place, label in enumerate(labels)}
        if details is None or before is None or before.summary.name != details.summary.name:
            self.at = None
        if details is None:
            return
        self._now, self._falls = strips.last_known(details.dice), strips.falls(details.dice)
        if self.at is not None and self.at >= len(details.dice):
            self.at = None

    @property
    def strip_layout(self) -> StripLayout:
        longest = max((len(label) for label in self._place), default=1)
        return StripLayout.for_width(self.text_width, longest)

    @property
    def columns(self) -> Sequence[TableColumn[ClassStrip]]:
        cells, details = self.cells, self._details
        if cells is None or details is None:
            return columns_for(self.strip_layout, "", "", 0)
        first, last = (f"{details.epochs[place]:g}" for place in (0, -1))
        return columns_for(self.strip_layout, first, last, self.each * len(cells.starts))

    @property
    def cells(self) -> strips.Cells | None:
        return self._strips if self._strips is not None and len(self._strips.starts) else None

    @property
    def each(self) -> int:
        """Cells of the screen that a cell takes."""
        cells = self.cells
        return max(1, min(WIDEST, self.strip_layout.strip // len(cells.starts))) if cells else 1

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

    def _dice_of(self, label: str) -> ClassStrip:
        place = self._place[label]
        return ClassStrip(
            label, label == self._chosen, float(self._now[place]), float(self._falls[place])
        )

    def row(self, key: str) -> ClassStrip:
        cells, theme = self.cells, self.theme
        worst: list[float] = cells.worst[:, self._place[key]].tolist() if cells else []
        return replace(
            self._dice_of(key),
            looks=tuple((dice_bar(dice), theme.dice_colour(dice)) for dice in worst),
            each=self.each,
            cursor=self.cell_at,
            plain=self.app.no_color,  # pyright: ignore[reportUnknownMemberType]
        )

    # What the person does

    def move_at(self, by: int) -> None:
        """Move the cursor by cells; at the right end it stays with the newest."""
        cells, at = self.cells, self.cell_at
        if cells is not None and at is not None:
            self._go_to(at + by, cells)

    def _go_to(self, place: int, cells: strips.Cells) -> None:
        last = len(cells.starts) - 1
        self.at = None if place >= last else int(cells.starts[max(0, place)])

    def on_click(self, event: events.Click) -> None:
        """The class, and where it was clicked on its strip the validation."""
        cells, layout = self.cells, self.strip_layout
        if cells is not None:
            back = (layout.left + layout.strip - 1 - event.x) // self.each
            if event.x >= layout.left and 0 <= back < len(cells.starts):
                self._go_to(len(cells.starts) - 1 - back, cells)
        super().on_click(event)


@lru_cache(maxsize=8)
def columns_for(
    layout: StripLayout, first: str, last: str, used: int
) -> Sequence[TableColumn[ClassStrip]]:
    """The columns; the epochs of the first and the last cell stand above the `used` cells."""
    room = used - len(last)
    ends = first.ljust(room)[:room] + last if room > len(first) else last.rjust(used)
    title = " " * (1 + layout.strip - used) + ends[:used] if used else ""
    fall = (TableColumn(FALL, fall_cell, "fell", "right"),) if layout.fall else ()
    return (
        TableColumn(MARK, mark_cell),
        TableColumn(layout.name, name_cell, "bone"),
        TableColumn(DICE, now_cell, "now", "right"),
        *fall,
        TableColumn(1 + layout.strip, strip_cell, title),
    )


def mark_cell(row: ClassStrip, width: int, theme: Theme) -> Cell:
    return "▸" if row.chosen else "", theme.accent


def name_cell(row: ClassStrip, width: int, theme: Theme) -> Cell:
    return without_middle(row.label, width), f"bold {theme.text}" if row.chosen else ""


def now_cell(row: ClassStrip, width: int, theme: Theme) -> Cell:
    return dice_text(row.now, 3), f"bold {theme.text}" if row.chosen else ""


def fall_cell(row: ClassStrip, width: int, theme: Theme) -> Cell:
    fell = f"▼{dice_text(row.fall, 3)}" if row.fall > SEEN else ""
    return fell, theme.bad if row.fall > GRAVE else theme.dim


def strip_cell(row: ClassStrip, width: int, theme: Theme) -> Cell:
    """The cells, moved to the right edge; that under the cursor keeps its colour."""
    found = [Segment(" " * (width - row.each * len(row.looks)))]
    for place, (bar, colour) in enumerate(row.looks):
        under = place == row.cursor
        if row.plain:
            found.append(Segment(bar * row.each, Style(reverse=under and row.chosen)))
        elif bar == NO_DICE:
            found.append(Segment(bar * row.each, Style(color=theme.faint)))
        else:
            # The bar is not seen on its own colour, but there where a frame is kept as text.
            shade, text = colour, bar * row.each
            if under:
                shade, text = theme.ground, ("◆" if row.chosen else "┃").center(row.each)
            found.append(Segment(text, Style(color=shade, bgcolor=colour)))
    return found


class ClassesScreen(DashboardScreen):
    """Screen 2."""

    PLACE: ClassVar[str] = "classes"
    BINDINGS: ClassVar[list[BindingType]] = bindings("classes")

    def __init__(self, state: State) -> None:
        super().__init__(state)
        self._table = ClassesTable(id="classes-table")
        self._reading = CursorReading(state, self._table)
        self._key = ScaleKey()
        self._hand = Hand()
        self._moves = False
        """Whether the hand comes or goes, and the strips are about to have another width."""
        self.add_class("-strips")

    def body(self) -> Iterable[Widget]:
        """What is read, then strips left and the hand right; one of them where it is narrow."""
        yield self._reading
        left = Vertical(self._table.header, self._table, id="classes-left")
        yield Horizontal(left, self._hand, id="body")
        yield self._key

    @property
    def settled(self) -> bool:
        """Whether the highlighted run has been read whole, and its strips fit."""
        run = self.state.run
        details = self.state.run_details
        known = bool(self.state.fault) if details is None else self._table.shows(details)
        return run is None or run.state == "broken" or (known and not self._moves)

    def on_mount(self) -> None:
        self._table.focus()

    def update(self) -> None:
        super().update()
        details = self.state.run_details
        classes = details.summary.classes if details is not None else ()
        if is_hand(classes) == self.has_class("-no-hand"):
            self.toggle_class("-no-hand")
            self._moves = True
            self.call_after_refresh(self._stand)
        self._table.show_run(details, self.state.chosen_class)
        self._hand.show(classes, self._table.values(), self.state.chosen_class)
        for widget in (self._reading, self._key):
            widget.refresh()

    def on_resize(self) -> None:
        self.call_after_refresh(self.update)

    def _stand(self) -> None:
        self._moves = False

    @on(DataTable.RowHighlighted)
    @on(DataTable.RowClicked)
    def choose(self, event: DataTable.RowEvent) -> None:
        """The bone under the cursor is the chosen one, everywhere."""
        if event.key != self.state.chosen_class:
            self.post_message(self.ClassChosen(event.key))
        else:
            self.update()

    @on(Hand.BoneClicked)
    def choose_bone(self, event: Hand.BoneClicked) -> None:
        self.post_message(self.ClassChosen(event.label))

    @on(ClassesTable.Refitted)
    def follow_table(self) -> None:
        self.update()

    def action_validation(self, by: int) -> None:
        self._table.move_at(by)
        self.update()

    def action_next_sort(self) -> None:
        self._table.class_order = self._table.class_order.next()
        self.update()

    def action_next_view(self) -> None:
        """Strips or hand, where there is room for one of them."""
        if self.has_class("-no-hand"):
            self.say("there is a hand of the 29 bones only")
        elif not self.has_class("-wide"):
            for name in ("-strips", "-hand"):
                self.toggle_class(name)
            self.call_after_refresh(self.update)
        else:
            self.say("strips and hand have room side by side here")

    def action_no_class(self) -> None:
        self.post_message(self.ClassChosen(None))

    def step_out(self) -> bool:
        """Back to the newest validation."""
        if self._table.at is None:
            return False
        self._table.at = None
        self.update()
        return True


class CursorReading(Lines):
    """The run, and what the cursor reads."""

    def __init__(self, state: State, table: ClassesTable) -> None:
        super().__init__()
        self._state = state
        self._table = table

    def lines(self, width: int, height: int) -> list[Text]:
        """One line for the run, one for the cursor."""
        run, details, theme = self._state.run, self._table.details, self.theme
        if run is None:
            words = "no run fits the filter" if self._state.runs else "no runs"
            return [cell(f" {words}", width, theme.dim)]
        if details is None or details.summary.name != run.name:
            words = self._state.fault or run.message or "reading ..."
            return [rule(run.name, width, theme.faint), cell(f" {words}", width, theme.dim)]
        cells, order = self._table.cells, self._table.class_order
        parts = [run.name, f"{len(details.dice)} validations", order.key.title]
        if cells is not None and len(cells.starts) < len(details.dice):
            parts.insert(2, f"a cell is the worst of {_several(cells)}")
        head = rule(" · ".join(parts), width, theme.faint)
        return [head, self._at_cursor(details, width)]

    def _at_cursor(self, details: RunDetails, width: int) -> Text:
        cells, at, theme = self._table.cells, self._table.cell_at, self.theme
        if cells is None or at is None:
            return cell(" no validation yet", width, theme.dim)
        first, last = cells.validations_of(at)
        epochs = f"epoch {details.epochs[last]:g}"
        if first != last:
            epochs = f"epochs {details.epochs[first]:g}–{details.epochs[last]:g}, the worst"
        means = details.means[first : last + 1].tolist()
        mean = min((one for one in means if math.isfinite(one)), default=math.nan)
        parts: list[Text] = [Text(f" {epochs}", theme.dim)]
        chosen = self._state.chosen_class
        if chosen in details.summary.classes:
            parts += self._chosen(details, chosen)
        parts.append(Text(f"   mean {dice_text(mean)}", theme.dim))
        return cut(joined(*parts), width)

    def _chosen(self, details: RunDetails, chosen: str) -> list[Text]:
        theme = self.theme
        value = self._table.values().get(chosen, math.nan)
        best = details.summary.best_by_class.get(chosen, math.nan)
        colour, name = theme.dice_colour(value), cell(chosen, len(chosen), f"bold {theme.text}")
        return [
            joined("   ", name, Text(f" {dice_text(value, 3)} ", f"bold {colour}")),
            Text(dice_bar(value), colour),
            Text(f"   best {dice_text(best, 3)}", theme.dim),
        ]


def _several(cells: strips.Cells) -> str:
    """How many validations a cell stands for: `3`, or `1 or 2`."""
    sizes = [
        last - first + 1 for first, last in map(cells.validations_of, range(len(cells.starts)))
    ]
    least, most = min(sizes), max(sizes)
    return str(most) if least == most else f"{least} or {most}"


class ScaleKey(Lines):
    """What the colours, or the bars, mean."""

    def lines(self, width: int, height: int) -> list[Text]:
        plain, theme = self.app.no_color, self.theme  # pyright: ignore[reportUnknownMemberType]
        parts = [Text(" Dice ", theme.dim)]
        for place, bound in enumerate((0.0, *strips.BOUNDS)):
            number = f"<{strips.BOUNDS[0]:g}" if place == 0 else f"{bound:.2f}".rstrip("0")
            mark = DICE_BARS[place] if plain else "■"
            parts += [
                Text(mark, theme.text if plain else theme.scale[place]),
                Text(f"{number.replace('0.', '.')} ", theme.dim),
            ]
        text = joined(*parts, Text(f"{NO_DICE} none", theme.dim))
        text.truncate(max(0, width))
        return [text]
