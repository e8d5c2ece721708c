"""The dashboard: holds the state, watches the run folders, chooses the screen."""

import io
import os
import re
import subprocess
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Literal

from rich.console import Console
from textual import events, on
from textual.app import App
from textual.binding import BindingType
from textual.message import Message
from textual.message_pump import MessagePump
from textual.pilot import Pilot
from textual.timer import Timer

from handseg.data.dataset import Dataset, open_dataset, with_test_labels
from handseg.errors import FailedError, InputError
from tui.keys import bindings
from tui.order import RUN_KEYS, Order
from tui.registry import SCREENS
from tui.screens import command_palette
from tui.screens.dashboard_screen import DashboardScreen
from tui.screens.help import HelpScreen, NotificationsScreen, WelcomeScreen
from tui.screens.runs import RunsScreen
from tui.state import State, View
from tui.theme import THEMES, ThemeName, theme_of
from tui.watcher import Watcher
from tui.widgets.table import DataTable

TOGETHER = 0.05
"""Seconds within which what was found is drawn at once."""
TMUX_PATIENCE = 2.0
"""Seconds that tmux may take."""
FRAME_PATIENCE = 20.0
"""Seconds to wait for files to be read before a frame is printed."""
LOOK = 0.02
MESSAGES = 3
"""That follow each other from a key to what it changes: the key, `Submitted`, `Done`."""
KEY_PATIENCE = 1.0
"""Seconds after which keys go on though the one before is not done: its widget was removed."""


class Dashboard(App[None]):
    """`handseg tui`."""

    TITLE = "handseg"
    CSS_PATH = "app.tcss"
    # Ours is on `:` and ctrl+p: Textual's reads what it lists as markup.
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = bindings("everywhere")

    @dataclass
    class DataOpened(Message):
        """The data set, or none where there is none."""

        dataset: Dataset | None

    def __init__(
        self,
        runs: Path,
        data: Path | None = None,
        screen: str | None = None,
        *,
        run: str | None = None,
        bone: str | None = None,
        image: str | None = None,
        view: View | None = None,
        epoch: float | None = None,
        theme: ThemeName = "dark",
        read_only: bool = False,
        demo: bool = False,
        looks_alike: str = "",
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__()
        for known in THEMES.values():
            self.register_theme(known.to_textual())
        self.theme = theme
        self.state = State(
            runs,
            data,
            clock=clock,
            first_image=image,
            first_view=view,
            first_epoch=epoch,
            read_only=read_only,
            demo=demo,
            looks_alike=looks_alike,
            highlighted=run,
            chosen_class=bone,
        )
        self.bell_rings = False
        """Whether the terminal's bell rings with a notification."""
        self._screen_classes = {name: entry.load() for name, entry in SCREENS.items()}
        self._screens_by_name: dict[str, DashboardScreen] = {}
        self._first = screen
        self._data_known = data is None
        self._in_sight: tuple[str, ...] = ()
        self._late: Timer | None = None
        """Running while something that was found is not on the screen yet."""
        self._watcher = Watcher(runs, self.post_message, clock)
        self._keys: deque[events.Key] = deque()
        """Those that wait for the one before them."""
        self._key_since: float | None = None
        """When the key that is on its way set out."""

    # Keys that arrive together

    async def on_event(self, event: events.Event) -> None:
        """Handle a key when the one before is done: that may have opened a line to type in."""
        if not isinstance(event, events.Key) or event.is_forwarded:
            await super().on_event(event)
            return
        self._keys.append(event)
        late = self._key_since is not None and time.monotonic() - self._key_since > KEY_PATIENCE
        if self._key_since is None or late:
            await self._next_key()

    async def _next_key(self) -> None:
        if not self._keys:
            self._key_since = None
            return
        self._key_since = time.monotonic()
        key, screen = self._keys.popleft(), self.screen
        target: MessagePump = self.focused or screen
        await super().on_event(key)
        way = [target, *self._above(target), self]
        self._follow_key(iter(way * MESSAGES), screen, self._key_since)

    def _above(self, pump: MessagePump) -> Iterator[MessagePump]:
        """All that an event of `pump` goes up to, but for the app."""
        while (above := pump._parent) is not None and above is not self:  # pyright: ignore[reportPrivateUsage]
            yield above
            pump = above

    def _follow_key(self, way: Iterator[MessagePump], screen: object, since: float) -> None:
        """Wait in the queue of each that the key comes to, then for what it brought about."""
        for one in way:
            if one.call_later(self._follow_key, way, screen, since):
                return
        self.call_later(self._after_key, screen, since)

    def _after_key(self, screen: object, since: float) -> None:
        # Another screen must have its focus first.
        if self.screen is screen or not self.screen.call_after_refresh(self._done, since):
            self._done(since)

    def _done(self, since: float) -> None:
        if since == self._key_since:
            self.call_later(self._next_key)

    def on_mount(self) -> None:
        """Begin to look at runs and data."""
        for name, screen in self._screen_classes.items():
            self._add_screen(name, screen(self.state))
        self._add_screen("welcome", WelcomeScreen(self.state))
        if self.state.data_folder is not None:
            self.run_worker(partial(self._open_data, self.state.data_folder), thread=True)
        self.run_worker(self._watcher.watch, thread=True, group="watch")

    def on_unmount(self) -> None:
        self._watcher.stop()

    # Textual leaves the type of a screen's result open here.
    def _add_screen(self, name: str, screen: DashboardScreen) -> None:
        self._screens_by_name[name] = screen
        self.install_screen(screen, name)  # pyright: ignore[reportUnknownMemberType]

    def _switch_to(self, name: str) -> None:
        self.switch_screen(name)  # pyright: ignore[reportUnknownMemberType]

    def _open_data(self, folder: Path) -> None:
        try:
            self.post_message(self.DataOpened(with_test_labels(open_dataset(folder))))
        except (InputError, OSError):
            # No fault: there may be runs, else the welcome says where it looked.
            self.post_message(self.DataOpened(None))

    @property
    def dashboard_screen(self) -> DashboardScreen | None:
        """The screen of the person, below a help or a palette that may lie over it."""
        screens = reversed(self.screen_stack)
        return next((s for s in screens if isinstance(s, DashboardScreen)), None)

    @property
    def settled(self) -> bool:
        """Whether all that was asked for is on the screen."""
        screen = self.screen
        return self._late is None and isinstance(screen, DashboardScreen) and screen.settled

    # What the workers found

    @on(DataOpened)
    def take_data(self, event: DataOpened) -> None:
        self.state.dataset, self._data_known = event.dataset, True
        self._update()

    @on(Watcher.RunsListed)
    def take_runs(self, event: Watcher.RunsListed) -> None:
        """The runs as they are now."""
        known = len(self.state.notifications)
        self.state.take_runs(event.runs)
        if self.bell_rings and len(self.state.notifications) > known:
            self.bell()
        self._follow()
        self._update_soon()

    @on(Watcher.RunRead)
    def take_details(self, event: Watcher.RunRead) -> None:
        self.state.take_details(event.run, event.details)
        self._update_soon()

    @on(Watcher.RunFault)
    def take_fault(self, event: Watcher.RunFault) -> None:
        self.state.take_fault(event.run, event.fault)
        self._update_soon()

    def _update_soon(self) -> None:
        """The watcher tells several things at once: they are drawn together."""
        if self.dashboard_screen is None:
            self._update()
        elif self._late is None:
            self._late = self.set_timer(TOGETHER, self._update_late)

    def _update_late(self) -> None:
        self._late = None
        self._update()

    # What the person chose

    @on(DashboardScreen.RunHighlighted)
    def highlight(self, event: DashboardScreen.RunHighlighted) -> None:
        self.state.highlight(event.run)
        self._follow_and_update()

    @on(RunsScreen.RunSelected)
    def select(self, event: RunsScreen.RunSelected) -> None:
        self.state.toggle_selected(event.run)
        self._follow_and_update()

    @on(RunsScreen.RunPinned)
    def pin(self, event: RunsScreen.RunPinned) -> None:
        self.state.toggle_pinned(event.run)
        self._follow_and_update()

    @on(RunsScreen.RunsFiltered)
    def filter_runs(self, event: RunsScreen.RunsFiltered) -> None:
        self.state.filter_by(event.text)
        self._follow_and_update()

    @on(DataTable.Ordered, "#runs")
    def order_runs(self, event: DataTable.Ordered) -> None:
        self._order_by(event.order)

    def _order_by(self, order: Order[Any]) -> None:
        self.state.order = order
        self.state.arrange()
        self._update()

    @on(DashboardScreen.ClassChosen)
    def choose_class(self, event: DashboardScreen.ClassChosen) -> None:
        self.state.chosen_class = event.label
        self._update()

    @on(DashboardScreen.RunOpened)
    def open_run(self, event: DashboardScreen.RunOpened) -> None:
        self.state.highlight(event.run)
        self._follow_and_update()
        self.action_show("viewer")

    @on(RunsScreen.RunsInSight)
    def watch_closely(self, event: RunsScreen.RunsInSight) -> None:
        self._in_sight = event.runs
        self._follow()

    @on(DashboardScreen.Said)
    def show_said(self, event: DashboardScreen.Said) -> None:
        self.say(event.text)

    def say(self, text: str) -> None:
        if self.dashboard_screen is not None:
            self.dashboard_screen.say(text)

    def _follow(self) -> None:
        self._watcher.follow(self.state.wanted, self._in_sight)

    def _follow_and_update(self) -> None:
        self._follow()
        self._update()

    # Screens

    def _update(self) -> None:
        """Bring every screen up to date, the right one first of all to the front."""
        if not self.screen_stack:
            # The app is being closed; messages that were under way still come.
            return
        if self.dashboard_screen is None:
            self._show_first()
        elif self.state.runs and isinstance(self.screen, WelcomeScreen):
            self._switch_to("runs")
        for screen in self.screen_stack:
            if isinstance(screen, DashboardScreen) and screen.is_mounted:
                screen.update()

    def _show_first(self) -> None:
        if not self.state.listed or not (self.state.runs or self._data_known):
            return
        nothing = not self.state.runs and self.state.dataset is None
        fitting = "runs" if self.state.runs else "viewer"
        self.push_screen("welcome" if nothing else self._first or fitting)

    def action_show(self, name: str) -> None:
        """Go to a screen that has something to show."""
        wanted = self._screens_by_name.get(name)
        if wanted is None or not isinstance(self.screen, DashboardScreen):
            return
        if self.state.runs or (self.state.dataset is not None and not wanted.NEEDS_RUNS):
            self._switch_to(name)

    def action_help(self) -> None:
        screen = self.dashboard_screen
        if screen is not None and self.screen is screen:
            here = (screen.PLACE, *screen.KEYS_OF)
            self.push_screen(HelpScreen(here, writes=not self.state.read_only))

    def action_palette(self) -> None:
        screen = self.dashboard_screen
        if screen is None or self.screen is not screen:
            return

        def do(place: str, action: str) -> Callable[[], object]:
            return lambda: self.call_later(screen.target_of(place).run_action, action)

        places = (screen.PLACE, *screen.KEYS_OF, "everywhere")
        offered = [
            *command_palette.key_commands(places, do, writes=not self.state.read_only),
            *command_palette.app_commands(do),
            *command_palette.run_commands(self.state.runs, self._go_to),
        ]
        self.push_screen(command_palette.CommandPalette(offered), self._do)

    def _do(self, command: command_palette.Command | None) -> None:
        if command is not None:
            command.do()

    def _go_to(self, name: str) -> None:
        """Highlight a run, though the filter may hide it."""
        if all(run.name != name for run in self.state.shown):
            self.state.filter_by("")
        self.state.highlight(name)
        self._follow_and_update()

    def action_order(self, name: str) -> None:
        self._order_by(Order(RUN_KEYS, name))

    def action_notifications(self) -> None:
        self.push_screen(NotificationsScreen(self.state.notifications))

    def action_step_out(self) -> None:
        """One step out: within the screen, or from another one back to the runs."""
        screen = self.dashboard_screen
        if screen is None or self.screen is not screen or screen.step_out():
            return
        if screen.PLACE != "runs":
            self.action_show("runs")

    # Things to take away, and looks

    def action_copy_command(self) -> None:
        """Copy the command that prints this view, and show it."""
        if self.dashboard_screen is not None:
            line = self.dashboard_screen.command_line
            self.say(line)
            self.copy_to_clipboard(line)
            self.run_worker(partial(copy_to_tmux, line), thread=True)

    def action_save_screenshot(self) -> None:
        """Save the screen as SVG in the working folder."""
        if self.dashboard_screen is None:
            return
        svg, folder = screen_svg(self), Path.cwd()
        try:
            saved = save_screenshot(svg, folder, self.dashboard_screen.PLACE)
        except OSError as error:
            self.say(f"no picture: {error.strerror or error} ({folder})")
        else:
            self.say(f"picture: {saved}")

    def action_ring(self) -> None:
        self.bell_rings = not self.bell_rings
        self.say("the bell rings with each notice" if self.bell_rings else "no bell")

    def action_theme(self, name: ThemeName) -> None:
        """Draw everything in the colours of another theme."""
        self.theme = name
        for screen in self.screen_stack:
            if isinstance(screen, DashboardScreen) and screen.is_mounted:
                screen.redraw()
        self.say(f"theme {name}   (--theme {name})")

    def action_next_theme(self) -> None:
        themes = list(THEMES.values())
        place = themes.index(theme_of(self)) + 1
        self.action_theme(themes[place % len(themes)].name)


def copy_to_tmux(text: str) -> bool:
    """Hand text to tmux, which keeps it and hands it on to its terminal; whether it took it.

    tmux ignores OSC 52 of programs within it unless it is told otherwise.
    """
    if "TMUX" not in os.environ:
        return False
    try:
        done = subprocess.run(
            ["tmux", "load-buffer", "-w", "-"],
            input=text.encode(),
            capture_output=True,
            timeout=TMUX_PATIENCE,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return done.returncode == 0


def screen_text(app: App[Any]) -> str:
    """What is on the screen, without its colours."""
    width, height = app.size
    console = Console(
        width=width, height=height, file=io.StringIO(), force_terminal=True, record=True
    )
    # The private call that `export_screenshot` makes: Textual has no public one for text.
    frame = app.screen._compositor.render_update(full=True, screen_stack=app._background_screens)  # pyright: ignore
    console.print(frame)
    text = console.export_text()
    return "\n".join(line.rstrip() for line in text.splitlines()).rstrip("\n") + "\n"


def screen_svg(app: App[Any]) -> str:
    """What is on the screen as SVG; no font is fetched from the net."""
    svg = app.export_screenshot(simplify=True)
    # Else renderers that follow SVG 1.1 leave out the blanks at the beginning of a line.
    svg = svg.replace("<svg ", '<svg xml:space="preserve" ', 1)
    return re.sub(r"@font-face\s*\{.*?\}", "", svg, flags=re.DOTALL)


def save_screenshot(svg: str, folder: Path, name: str) -> Path:
    """Write a picture under the first number that is free: `handseg-runs-1.svg`.

    Raises:
        OSError: it cannot be written.
    """
    number = 1
    while True:
        path = folder / f"handseg-{name}-{number}.svg"
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write(svg)
        except FileExistsError:
            number += 1
        else:
            return path


def frame_of(app: Dashboard, cells: tuple[int, int], form: Literal["text", "svg"]) -> str:
    """Run the dashboard of so many columns and rows until it has shown everything; its frame.

    Raises:
        FailedError: it did not come to rest.
    """
    frames: list[str] = []

    async def take(pilot: Pilot[Any]) -> None:
        await _settle(app, pilot)
        frames.append(screen_svg(app) if form == "svg" else screen_text(app))
        app.exit()

    app.run(headless=True, size=cells, auto_pilot=take)
    if not frames:
        raise FailedError("the dashboard ended before it had drawn a frame")
    return frames[0]


async def _settle(app: Dashboard, pilot: Pilot[Any]) -> None:
    for _ in range(round(FRAME_PATIENCE / LOOK)):
        await pilot.pause(LOOK)
        if app.settled:
            # What arrived last is drawn after the next refresh.
            await pilot.pause(LOOK)
            return
    raise FailedError(f"the dashboard did not come to rest within {FRAME_PATIENCE:g} seconds")
