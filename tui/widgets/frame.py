"""The first and the last lines of every screen: where one is, what happened, what one can type."""

import time
from collections import Counter
from collections.abc import Iterable

from rich.cells import cell_len
from rich.text import Text
from textual import events

from handseg.runs.layout import STATES
from handseg.runs.summary import RunSummary
from tui import palette
from tui.keys import SCREENS, Place, help_line
from tui.notices import Notice
from tui.state import State
from tui.widgets.lines import Lines
from tui.wording import cell, joined, one_line

CLOCK = 10
"""Cells of the time at the right end of the title."""
STAYS = 8.0
"""Seconds that a line stays at the foot of the screen."""


class TitleLine(Lines):
    """The folder, how many runs there are in which state, the screens and the time."""

    def __init__(self, state: State, place: Place) -> None:
        super().__init__()
        self._state = state
        self._place: Place = place
        self.clock = Clock(self, state)
        """Lies over its right end."""
        self._runs: list[RunSummary] | None = None
        self._shown = Counter[str]()
        self.made_for = -1
        """The runs when it was drawn, how many there were in each state, and for which width."""
        self._places: list[tuple[int, int, str]] = []
        """Where the names of the screens stand: first and last cell, screen."""

    def take(self) -> None:
        """The state has changed: draw it where that shows."""
        if self._state.runs is self._runs:
            return
        self._runs = self._state.runs
        counts = Counter[str](run.state for run in self._runs)
        if counts != self._shown:
            self._shown, self.made_for = counts, -1
            self.refresh()
            self.clock.refresh()

    def lines(self, width: int, height: int) -> list[Text]:
        """One line; the right side gives way where it is narrow."""
        left, folder, right = self._left(), self._folder(), self._right()
        self.made_for = width
        self.clock.shows_time = left.cell_len + right.cell_len < width
        if not self.clock.shows_time:
            right = right[:-CLOCK]
        if left.cell_len + folder.cell_len + right.cell_len < width:
            left = joined(left, folder)
        if left.cell_len + right.cell_len >= width:
            right = Text("")
        gap = " " * max(0, width - left.cell_len - right.cell_len)
        self._find_screens(left.cell_len + len(gap), bool(right))
        return [joined(left, gap, right)]

    def _left(self) -> Text:
        runs = self._state.runs
        parts: list[Text] = [Text(" handseg ", f"bold {palette.ACCENT}")]
        for state in STATES:
            if self._shown[state]:
                sign, colour = palette.SIGNS[state]
                parts.append(Text(f" {sign}{self._shown[state]}", colour))
        number = "1 run" if len(runs) == 1 else f"{len(runs)} runs"
        parts.append(Text(f"  {number}", palette.DIM))
        return joined(*parts)

    def _folder(self) -> Text:
        place = "the demo" if self._state.demo else one_line(str(self._state.runs_folder))
        return Text(f" in {place}", palette.DIM)

    def _right(self) -> Text:
        parts: list[Text] = []
        for place, name in SCREENS.items():
            here = place == self._place
            style = f"bold {palette.TEXT}" if here else palette.DIM
            parts.append(Text(f"[{name}]" if here else f" {name} ", style))
        return joined(*parts, " " * CLOCK)

    def _find_screens(self, start: int, shown: bool) -> None:
        self._places = []
        for place, name in SCREENS.items() if shown else ():
            self._places.append((start, start + len(name) + 2, place))
            start += len(name) + 2

    async def on_click(self, event: events.Click) -> None:
        await self.go_to(event.x)

    async def go_to(self, x: int) -> None:
        """Go to the screen whose name stands at a cell."""
        for start, end, place in self._places:
            if start <= x < end:
                await self.run_action(f"app.show('{place}')")


class Clock(Lines):
    """The time, over the right end of the title: alone it is drawn anew each second.

    Where the title has no room for it, what the title has there.
    """

    def __init__(self, title: TitleLine, state: State) -> None:
        super().__init__()
        self._title = title
        self._state = state
        self.shows_time = True

    def take(self) -> None:
        if self.shows_time:
            self.refresh()

    def lines(self, width: int, height: int) -> list[Text]:
        """One line."""
        whole = self._title.size.width
        if self._title.made_for != whole or not self.shows_time:
            line = self._title.lines(whole, 1)[0]
            if not self.shows_time:
                return [line[max(0, whole - width) :]]
        clock = time.strftime(" %H:%M:%S ", time.localtime(self._state.now()))
        return [cell(clock, width, palette.DIM, "right")]

    async def on_click(self, event: events.Click) -> None:
        await self._title.go_to(event.x + self._title.size.width - self.size.width)


class StatusLine(Lines):
    """What was said last, or the newest notice; at the right how many notices there are."""

    def __init__(self, state: State) -> None:
        super().__init__()
        self._state = state
        self._said = ""
        self._until = 0.0
        self._drawn: tuple[str, int, list[Notice]] = ("", 0, [])

    def say(self, text: str) -> None:
        self._said, self._until = text, self._state.now() + STAYS
        self.take()

    def take(self) -> None:
        """Show what there is to be shown; the line is not there where there is nothing."""
        if self._state.now() > self._until:
            self._said = ""
        wanted = (self._said, len(self._state.notices), self._state.notices[-1:])
        if wanted != self._drawn:
            self._drawn = wanted
            self.set_class(bool(self._said or self._state.notices), "-filled")
            self.refresh()

    def lines(self, width: int, height: int) -> list[Text]:
        """One line."""
        notices = self._state.notices
        count = f" notices {len(notices)} " if notices else ""
        room = max(0, width - len(count))
        return [joined(cell_of(self._text(), room), Text(count[:width], palette.DIM))]

    def _text(self) -> Text:
        if self._said or not self._state.notices:
            return Text(f" {one_line(self._said)}", palette.TEXT)
        newest = self._state.notices[-1]
        sign, colour = palette.SIGNS[newest.state]
        run = Text(one_line(newest.run), palette.TEXT)
        return joined(Text(f" {sign} ", colour), run, Text(f" {one_line(newest.text)}"))


def cell_of(text: Text, width: int) -> Text:
    """A styled line made exactly so wide."""
    if width < 1:
        return Text("")
    if text.cell_len > width:
        text = text.copy()
        text.truncate(width, overflow="ellipsis")
    return joined(text, " " * max(0, width - text.cell_len))


class HelpLine(Lines):
    """The keys of this screen, as many as there is room for; `? help` is always there."""

    def __init__(self, places: Iterable[Place], *, writes: bool = True) -> None:
        super().__init__()
        self._entries = help_line(places, writes=writes)

    def lines(self, width: int, height: int) -> list[Text]:
        """One line."""
        parts, room = list[Text](), width
        for key, label in self._entries:
            needed = cell_len(f" {key} {label} ")
            if needed > room and parts:
                break
            room -= needed
            parts += [Text(f" {key}", palette.ACCENT), Text(f" {label} ", palette.DIM)]
        return [joined(*parts) if width > 8 else cell("?", width, palette.ACCENT)]

    async def on_click(self) -> None:
        await self.run_action("app.help")
