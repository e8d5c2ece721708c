"""The classes of the highlighted run over all of its validations, and the hand that they make."""

import math
from collections.abc import Iterable
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.widget import Widget

from handseg.runs.history import RunDetails
from handseg.view.strips import Cells
from tui import dice_scale, palette
from tui.keys import Place, bindings
from tui.messages import ClassChosen
from tui.screens.page import Page
from tui.state import State
from tui.widgets.hand import Hand, is_hand
from tui.widgets.lines import Lines
from tui.widgets.sheet import Sheet
from tui.widgets.strips import SortName, StripHeads, Strips
from tui.wording import cell, dice, joined, rule

SORTED: dict[SortName, str] = {
    "data": "data order",
    "worst now": "worst first",
    "largest fall": "largest fall first",
}


class ClassesScreen(Page):
    """Screen 2."""

    PLACE: ClassVar[Place] = "classes"
    BINDINGS: ClassVar[list[BindingType]] = bindings("classes")

    def __init__(self, state: State) -> None:
        super().__init__(state)
        self._strips = Strips(id="strips")
        self._heads = StripHeads(self._strips)
        self._reading = CursorReading(state, self._strips)
        self._key = ScaleKey()
        self._hand = Hand()
        self._moves = False
        """Whether the hand comes or goes, and the strips are about to have another width."""
        self.add_class("-strips")

    def body(self) -> Iterable[Widget]:
        """What is read, then strips left and the hand right; one of them where it is narrow."""
        yield self._reading
        left = Vertical(self._heads, self._strips, id="classes-left")
        yield Horizontal(left, self._hand, id="body")
        yield self._key

    @property
    def settled(self) -> bool:
        """Whether the highlighted run has been read whole, and its strips fit."""
        run = self.state.run
        details = self.state.run_details
        known = bool(self.state.fault) if details is None else self._strips.shows(details)
        return run is None or run.state == "broken" or (known and not self._moves)

    def on_mount(self) -> None:
        self._strips.focus()

    def take(self) -> None:
        """Show the highlighted run as it is now."""
        super().take()
        details = self.state.run_details
        classes = details.summary.classes if details is not None else ()
        if is_hand(classes) == self.has_class("-no-hand"):
            self.toggle_class("-no-hand")
            self._moves = True
            self.call_after_refresh(self._stand)
        self._strips.show(details, self.state.chosen_class)
        self._heads.details = details
        self._hand.show(classes, self._strips.values(), self.state.chosen_class)
        for widget in (self._reading, self._heads, self._key):
            widget.refresh()

    def on_resize(self) -> None:
        self.call_after_refresh(self.take)

    def _stand(self) -> None:
        self._moves = False

    @on(Strips.Refitted)
    def follow_strips(self) -> None:
        self.take()

    @on(Sheet.Moved)
    def choose(self, event: Sheet.Moved) -> None:
        """The bone under the cursor is the chosen one, everywhere."""
        event.stop()
        if event.key != self.state.chosen_class:
            self.post_message(ClassChosen(event.key))
        else:
            self.take()

    def action_validation(self, by: int) -> None:
        self._strips.move_at(by)
        self.take()

    def action_newest(self) -> None:
        self._strips.at = None
        self.take()

    def action_next_sort(self) -> None:
        self._strips.next_sort()
        self.take()

    def action_next_view(self) -> None:
        """Strips or hand, where there is room for one of them."""
        if self.has_class("-no-hand"):
            self.say("there is a hand of the 29 bones only")
        elif not self.has_class("-wide"):
            for name in ("-strips", "-hand"):
                self.toggle_class(name)
            self.call_after_refresh(self.take)
        else:
            self.say("strips and hand have room side by side here")

    def action_no_class(self) -> None:
        self.post_message(ClassChosen(None))

    def step_out(self) -> bool:
        """Back to the newest validation."""
        if self._strips.at is not None:
            self.action_newest()
            return True
        return False


class CursorReading(Lines):
    """The run, and what the cursor reads."""

    def __init__(self, state: State, below: Strips) -> None:
        super().__init__()
        self._state = state
        self._strips = below

    def lines(self, width: int, height: int) -> list[Text]:
        """One line for the run, one for the cursor."""
        run, details = self._state.run, self._state.run_details
        if run is None:
            return [cell(" no runs", width, palette.DIM)]
        if details is None:
            words = self._state.fault or run.message or "reading ..."
            return [rule(run.name, width, palette.FAINT), cell(f" {words}", width, palette.DIM)]
        cells = self._strips.cells
        parts = [run.name, f"{len(details.dice)} validations", SORTED[self._strips.sort]]
        if cells is not None and len(cells.starts) < len(details.dice):
            parts.insert(2, f"a cell is the worst of {_several(cells)}")
        head = rule(" · ".join(parts), width, palette.FAINT)
        return [head, self._at_cursor(details, width)]

    def _at_cursor(self, details: RunDetails, width: int) -> Text:
        cells, at = self._strips.cells, self._strips.cell_at
        if cells is None or at is None:
            return cell(" no validation yet", width, palette.DIM)
        first, last = cells.validations_of(at)
        epochs = f"epoch {details.epochs[last]:g}"
        if first != last:
            epochs = f"epochs {details.epochs[first]:g}–{details.epochs[last]:g}, the worst"
        means = details.means[first : last + 1]
        mean = float(means.min()) if not all(map(math.isnan, means)) else math.nan
        parts: list[Text] = [Text(f" {epochs}", palette.DIM)]
        chosen = self._state.chosen_class
        if chosen in details.summary.classes:
            parts += self._chosen(details, chosen)
        parts.append(Text(f"   mean {dice(mean)}", palette.DIM))
        text = joined(*parts)
        text.truncate(max(1, width), overflow="ellipsis")
        return text

    def _chosen(self, details: RunDetails, chosen: str) -> list[Text]:
        value = self._strips.values().get(chosen, math.nan)
        best = details.summary.best_by_class.get(chosen, math.nan)
        name = cell(chosen, len(chosen), f"bold {palette.TEXT}")
        return [
            joined("   ", name, Text(f" {dice(value, 3)} ", f"bold {dice_scale.colour(value)}")),
            Text(dice_scale.sign(value), dice_scale.colour(value)),
            Text(f"   best {dice(best, 3)}", palette.DIM),
        ]


def _several(cells: Cells) -> str:
    """How many validations a cell stands for: `3`, or `1 or 2`."""
    sizes = [
        last - first + 1 for first, last in map(cells.validations_of, range(len(cells.starts)))
    ]
    least, most = min(sizes), max(sizes)
    return str(most) if least == most else f"{least} or {most}"


class ScaleKey(Lines):
    """What the colours mean."""

    def lines(self, width: int, height: int) -> list[Text]:
        plain = self.app.no_color  # pyright: ignore[reportUnknownMemberType]
        return [dice_scale.key(width, coloured=not plain)]
