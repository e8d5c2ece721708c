"""What every screen of the dashboard has: header, status, keys, and a state to be drawn from."""

import shlex
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.screen import Screen
from textual.widget import Widget

from handseg.runs.control import runs_option
from handseg.runs.layout import STATES
from handseg.runs.summary import RunSummary
from handseg.text import counted, one_line
from tui.keys import help_line
from tui.notifications import Notification
from tui.registry import SCREENS
from tui.state import State
from tui.widgets.lines import Lines, cell, cut, joined

CLOCK = 10
"""Cells of the time at the right end of the title."""
STAYS = 8.0
"""Seconds that a line stays at the foot of the screen."""


class DashboardScreen(Screen[None]):
    """A screen that is drawn anew, where it changed, whenever the state did."""

    PLACE: ClassVar[str] = "everywhere"
    """Its name in the registry and in the table of keys."""
    KEYS_OF: ClassVar[tuple[str, ...]] = ()
    """Further places whose keys count on this screen: of its widgets."""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "next_part(1)", "next part", show=False),
        Binding("shift+tab", "next_part(-1)", "part before", show=False),
    ]
    NEEDS_RUNS: ClassVar[bool] = True
    """Whether there is nothing to show without runs."""
    # Without annotation: Textual declares them for the instance as well.
    HORIZONTAL_BREAKPOINTS = [(0, "-small"), (60, "-narrow"), (114, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-low"), (18, "-middle"), (32, "-high")]  # noqa: RUF012

    @dataclass
    class RunHighlighted(Message):
        """The person moved to a run."""

        run: str

    @dataclass
    class RunOpened(Message):
        """The person wants to look at the pictures of a run."""

        run: str

    @dataclass
    class ClassChosen(Message):
        """The person chose a class, which is chosen everywhere then; None: all classes."""

        label: str | None

    @dataclass
    class Said(Message):
        """A line for the person, shown at the foot of the screen in front for a while."""

        text: str

    def __init__(self, state: State) -> None:
        super().__init__()
        self.state = state
        self._header = Header(state, self.PLACE)
        self._status_line = StatusLine(state)

    def compose(self) -> ComposeResult:
        """Title, body, status, help."""
        yield self._header
        yield self._header.clock
        yield from self.body()
        yield self._status_line
        yield Footer((self.PLACE, *self.KEYS_OF), writes=not self.state.read_only)

    def body(self) -> Iterable[Widget]:
        raise NotImplementedError

    @property
    def settled(self) -> bool:
        return True

    @property
    def command_line(self) -> str:
        """What to type to have this view printed."""
        state = self.state
        words = ["handseg", "tui", "--once", "--screen", self.PLACE]
        words += ["--run", state.highlighted] if state.highlighted is not None else []
        words += ["--bone", state.chosen_class] if state.chosen_class is not None else []
        words += self.view_options
        words += ["--demo"] if state.demo else runs_option(state.runs_folder)
        return shlex.join(words)

    @property
    def view_options(self) -> list[str]:
        return []

    def target_of(self, place: str) -> Widget:
        """Who carries out the actions of a place: this screen, or a widget with keys of its own."""
        return self

    def say(self, text: str) -> None:
        self._status_line.say(text)

    def on_mount(self) -> None:
        self.set_interval(1, self.tick)

    def on_screen_resume(self) -> None:
        self.call_after_refresh(self.update)

    def tick(self) -> None:
        """A second has passed."""
        if self.is_current:
            self._header.clock.update()
            self._status_line.update()

    def update(self) -> None:
        self._header.update()
        self._status_line.update()

    def action_next_part(self, by: int = 1) -> None:
        """To the next part of the screen, or the one before (-1)."""
        if by > 0:
            self.focus_next()
        else:
            self.focus_previous()

    def redraw(self) -> None:
        """Another theme is worn: draw everything anew."""
        self.update()
        for widget in self.walk_children(Widget):
            widget.refresh()

    def step_out(self) -> bool:
        """One step out within this screen; False where that leads out of it."""
        return False


class Header(Lines):
    """The folder, how many runs there are in which state, the screens and the time."""

    def __init__(self, state: State, screen: str) -> None:
        super().__init__()
        self._state = state
        self._here = screen
        self.clock = Clock(self, state)
        """Lies over its right end."""
        self._runs: list[RunSummary] | None = None
        self._shown = Counter[str]()
        self.made_for = -1
        """The runs when it was drawn, how many there were in each state, and for which width."""
        self._places: list[tuple[int, int, str]] = []
        """Where the names of the screens stand: first and last cell, screen."""

    def update(self) -> None:
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
        parts: list[Text] = [Text(" handseg ", f"bold {self.theme.accent}")]
        for state in STATES:
            if self._shown[state]:
                sign, colour = self.theme.signs[state]
                parts.append(Text(f" {sign}{self._shown[state]}", colour))
        parts.append(Text(f"  {counted(len(runs), 'run')}", self.theme.dim))
        return joined(*parts)

    def _folder(self) -> Text:
        place = "the demo" if self._state.demo else one_line(str(self._state.runs_folder))
        return Text(f" in {place}", self.theme.dim)

    def _right(self) -> Text:
        parts: list[Text] = []
        for name, entry in SCREENS.items():
            here = name == self._here
            style = f"bold {self.theme.text}" if here else self.theme.dim
            parts.append(Text(f"[{entry.label}]" if here else f" {entry.label} ", style))
        return joined(*parts, " " * CLOCK)

    def _find_screens(self, start: int, shown: bool) -> None:
        self._places = []
        for name, entry in SCREENS.items() if shown else ():
            end = start + len(entry.label) + 2
            self._places.append((start, end, name))
            start = end

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

    def __init__(self, header: Header, state: State) -> None:
        super().__init__()
        self._header = header
        self._state = state
        self.shows_time = True

    def update(self) -> None:
        if self.shows_time:
            self.refresh()

    def lines(self, width: int, height: int) -> list[Text]:
        whole = self._header.size.width
        if self._header.made_for != whole or not self.shows_time:
            line = self._header.lines(whole, 1)[0]
            if not self.shows_time:
                return [line[max(0, whole - width) :]]
        clock = time.strftime(" %H:%M:%S ", time.localtime(self._state.now()))
        return [cell(clock, width, self.theme.dim, "right")]

    async def on_click(self, event: events.Click) -> None:
        await self._header.go_to(event.x + self._header.size.width - self.size.width)


class StatusLine(Lines):
    """What was said last, or the newest notice; at the right how many notifications there are."""

    def __init__(self, state: State) -> None:
        super().__init__()
        self._state = state
        self._said = ""
        self._until = 0.0
        self._drawn: tuple[str, int, list[Notification]] = ("", 0, [])

    def say(self, text: str) -> None:
        self._said, self._until = text, self._state.now() + STAYS
        self.update()

    def update(self) -> None:
        """Show what there is to be shown; the line is not there where there is nothing."""
        if self._state.now() > self._until:
            self._said = ""
        wanted = (self._said, len(self._state.notifications), self._state.notifications[-1:])
        if wanted != self._drawn:
            self._drawn = wanted
            self.set_class(bool(self._said or self._state.notifications), "-filled")
            self.refresh()

    def lines(self, width: int, height: int) -> list[Text]:
        notifications = self._state.notifications
        count = f" notices {len(notifications)} " if notifications else ""
        room = max(0, width - len(count))
        text = cut(self._text(), room) if room else Text("")
        blank = " " * max(0, room - text.cell_len)
        return [joined(text, blank, Text(count[:width], self.theme.dim))]

    def _text(self) -> Text:
        if self._said or not self._state.notifications:
            return Text(f" {one_line(self._said)}", self.theme.text)
        newest = self._state.notifications[-1]
        sign, colour = self.theme.signs[newest.state]
        run = Text(one_line(newest.run), self.theme.text)
        return joined(Text(f" {sign} ", colour), run, Text(f" {one_line(newest.text)}"))


class Footer(Lines):
    """The keys of this screen, as many as there is room for; `? help` is always there."""

    def __init__(self, places: Iterable[str], *, writes: bool = True) -> None:
        super().__init__()
        self._entries = help_line(places, writes=writes)

    def lines(self, width: int, height: int) -> list[Text]:
        parts, room = list[Text](), width
        for key, label in self._entries:
            needed = cell_len(f" {key} {label} ")
            if needed > room and parts:
                break
            room -= needed
            parts += [Text(f" {key}", self.theme.accent), Text(f" {label} ", self.theme.dim)]
        return [joined(*parts) if width > 8 else cell("?", width, self.theme.accent)]

    async def on_click(self) -> None:
        await self.run_action("app.help")
