"""The dashboard: holds the state, watches the run folders, chooses the screen."""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import App
from textual.binding import BindingType
from textual.timer import Timer

from handseg.data.dataset import open_dataset, with_test_labels
from handseg.errors import InputError
from tui import commands, copying, messages, palette
from tui.keys import SCREENS, Place, ScreenName, bindings
from tui.order import OrderName, RunOrder
from tui.screens.classes import ClassesScreen
from tui.screens.help import HelpScreen, WelcomeScreen
from tui.screens.notices import NoticesScreen
from tui.screens.page import Page
from tui.screens.palette import PaletteScreen
from tui.screens.run import RunScreen
from tui.screens.runs import RunsScreen
from tui.screens.viewer import ViewerScreen
from tui.state import State
from tui.watch import Watcher

PAGES: dict[ScreenName, type[Page]] = {
    "runs": RunsScreen,
    "classes": ClassesScreen,
    "viewer": ViewerScreen,
    "run": RunScreen,
}
"""The screens by name; `keys.SCREENS` has their titles."""


TOGETHER = 0.05
"""Seconds within which what was found is drawn at once."""


class Dashboard(App[None]):
    """`handseg tui`."""

    TITLE = "handseg"
    CSS_PATH = "app.tcss"
    # Ours is on `:` and ctrl+p: Textual's reads what it lists as markup.
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = bindings("everywhere")

    def __init__(
        self,
        runs: Path,
        data: Path | None = None,
        screen: ScreenName | None = None,
        *,
        run: str | None = None,
        theme: palette.ThemeName = "dark",
        read_only: bool = False,
        demo: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__()
        for name in palette.THEMES:
            self.register_theme(palette.theme(name))
        self.wear(theme)
        self.state = State(runs, data, clock=clock, read_only=read_only, demo=demo)
        self.state.highlighted = run
        self.bell_rings = False
        """Whether the terminal's bell rings with a notice."""
        self._first = screen
        self._data_known = data is None
        self._in_sight: tuple[str, ...] = ()
        self._late: Timer | None = None
        """Running while something that was found is not on the screen yet."""
        self._watcher = Watcher(runs, self.post_message, clock)

    def on_mount(self) -> None:
        """Begin to look at runs and data."""
        for name, page in PAGES.items():
            self._install(page(self.state), name)
        self._install(WelcomeScreen(self.state), "welcome")
        if self.state.data_folder is not None:
            self.run_worker(partial(self._open_data, self.state.data_folder), thread=True)
        self.run_worker(self._watcher.watch, thread=True, group="watch")

    def on_unmount(self) -> None:
        self._watcher.stop()

    # Textual leaves the type of a screen's result open here.
    def _install(self, page: Page, name: str) -> None:
        self.install_screen(page, name)  # pyright: ignore[reportUnknownMemberType]

    def _bring(self, name: str) -> None:
        self.switch_screen(name)  # pyright: ignore[reportUnknownMemberType]

    def _open_data(self, folder: Path) -> None:
        try:
            self.post_message(messages.DataOpened(with_test_labels(open_dataset(folder))))
        except (InputError, OSError):
            # No fault: there may be runs, else the welcome says where it looked.
            self.post_message(messages.DataOpened(None))

    @property
    def page(self) -> Page | None:
        """The screen of the person, below a help or a palette that may lie over it."""
        return next((s for s in reversed(self.screen_stack) if isinstance(s, Page)), None)

    @property
    def settled(self) -> bool:
        """Whether all that was asked for is on the screen."""
        return self._late is None and isinstance(self.screen, Page) and self.screen.settled

    # What the workers found

    @on(messages.DataOpened)
    def take_data(self, event: messages.DataOpened) -> None:
        self.state.dataset, self._data_known = event.dataset, True
        self._changed()

    @on(messages.RunsListed)
    def take_runs(self, event: messages.RunsListed) -> None:
        """The runs as they are now."""
        known = len(self.state.notices)
        self.state.take_runs(event.runs)
        if self.bell_rings and len(self.state.notices) > known:
            self.bell()
        self._follow()
        self._found()

    @on(messages.RunRead)
    def take_details(self, event: messages.RunRead) -> None:
        self.state.take_details(event.run, event.details)
        self._found()

    @on(messages.RunFault)
    def take_fault(self, event: messages.RunFault) -> None:
        self.state.take_fault(event.run, event.fault)
        self._found()

    def _found(self) -> None:
        """The watcher tells several things at once: they are drawn together."""
        if self.page is None:
            self._changed()
        elif self._late is None:
            self._late = self.set_timer(TOGETHER, self._draw_found)

    def _draw_found(self) -> None:
        self._late = None
        self._changed()

    # What the person chose

    @on(messages.RunHighlighted)
    def highlight(self, event: messages.RunHighlighted) -> None:
        """The person moved to another run."""
        self.state.highlight(event.run)
        self._follow()
        self._changed()

    @on(messages.RunSelected)
    def select(self, event: messages.RunSelected) -> None:
        """The person wants to see a run with others, or no longer."""
        self.state.toggle_selected(event.run)
        self._follow()
        self._changed()

    @on(messages.RunPinned)
    def pin(self, event: messages.RunPinned) -> None:
        """The person holds the others against a run, or no longer."""
        self.state.toggle_pinned(event.run)
        self._follow()
        self._changed()

    @on(messages.RunsFiltered)
    def filter_runs(self, event: messages.RunsFiltered) -> None:
        """The person typed a filter."""
        self.state.filter_by(event.text)
        self._follow()
        self._changed()

    @on(messages.RunsOrdered)
    def order_runs(self, event: messages.RunsOrdered) -> None:
        """The person wants another order."""
        self.state.order = event.order
        self.state.arrange()
        self._changed()

    @on(messages.ClassChosen)
    def choose_class(self, event: messages.ClassChosen) -> None:
        self.state.chosen_class = event.label
        self._changed()

    @on(messages.RunOpened)
    def open_run(self, event: messages.RunOpened) -> None:
        self.highlight(messages.RunHighlighted(event.run))
        self.action_show("viewer")

    @on(messages.RunsInSight)
    def watch_closely(self, event: messages.RunsInSight) -> None:
        self._in_sight = event.runs
        self._follow()

    @on(messages.Said)
    def say(self, event: messages.Said) -> None:
        if self.page is not None:
            self.page.say(event.text)

    def _follow(self) -> None:
        self._watcher.follow(self.state.wanted, self._in_sight)

    # Screens

    def _changed(self) -> None:
        """Bring every screen up to date, the right one first of all to the front."""
        if not self.screen_stack:
            # The app is being closed; messages that were under way still come.
            return
        if self.page is None:
            self._show_first()
        elif self.state.runs and isinstance(self.screen, WelcomeScreen):
            self._bring("runs")
        for screen in self.screen_stack:
            if isinstance(screen, Page) and screen.is_mounted:
                screen.take()

    def _show_first(self) -> None:
        if not self.state.listed or not (self.state.runs or self._data_known):
            return
        nothing = not self.state.runs and self.state.dataset is None
        fitting: ScreenName = "runs" if self.state.runs else "viewer"
        self.push_screen("welcome" if nothing else self._first or fitting)

    def action_show(self, name: ScreenName) -> None:
        """Go to a screen that has something to show."""
        nothing = not self.state.runs and (name != "viewer" or self.state.dataset is None)
        if name in SCREENS and not nothing and isinstance(self.screen, Page):
            self._bring(name)

    def action_help(self) -> None:
        """Open the page of keys."""
        page = self.page
        if page is not None and self.screen is page:
            here = (page.PLACE, *page.KEYS_OF)
            self.push_screen(HelpScreen(here, writes=not self.state.read_only))

    def action_palette(self) -> None:
        """Open the palette of commands."""
        page = self.page
        if page is None or self.screen is not page:
            return

        def do(place: Place, action: str) -> Callable[[], object]:
            return lambda: self.call_later(page.target_of(place).run_action, action)

        places: tuple[Place, ...] = (page.PLACE, *page.KEYS_OF, "everywhere")
        offered = [
            *commands.key_commands(places, do, writes=not self.state.read_only),
            *commands.screen_commands(do),
            *commands.look_commands(do),
            *commands.run_commands(self.state.runs, self._go_to),
        ]
        self.push_screen(PaletteScreen(offered), self._do)

    def _do(self, command: commands.Command | None) -> None:
        if command is not None:
            command.do()

    def _go_to(self, name: str) -> None:
        """Highlight a run, though the filter may hide it."""
        if all(run.name != name for run in self.state.shown):
            self.state.filter_by("")
        self.highlight(messages.RunHighlighted(name))

    def action_order(self, name: OrderName) -> None:
        self.order_runs(messages.RunsOrdered(RunOrder(name)))

    def action_notices(self) -> None:
        self.push_screen(NoticesScreen(self.state))

    def action_step_out(self) -> None:
        """One step out: within the screen, or from another one back to the runs."""
        page = self.page
        if page is None or self.screen is not page or page.step_out():
            return
        if not isinstance(page, RunsScreen):
            self.action_show("runs")

    # Things to take away, and looks

    def action_copy_command(self) -> None:
        """Copy the command that prints this view, and show it."""
        if self.page is None:
            return
        line = self.page.command_line
        self.page.say(line)
        self.copy_to_clipboard(line)
        self.run_worker(partial(copying.to_tmux, line), thread=True)

    def action_save_picture(self) -> None:
        """Save the screen as SVG in the working folder."""
        if self.page is None:
            return
        svg, folder = copying.svg_of(self), Path.cwd()
        try:
            saved = copying.save_picture(svg, folder, self.page.PLACE)
        except OSError as error:
            self.page.say(f"no picture: {error.strerror or error} ({folder})")
        else:
            self.page.say(f"picture: {saved}")

    def action_ring(self) -> None:
        """Ring the terminal's bell with each notice, or no longer."""
        self.bell_rings = not self.bell_rings
        if self.page is not None:
            self.page.say("the bell rings with each notice" if self.bell_rings else "no bell")

    def wear(self, name: palette.ThemeName) -> None:
        """Draw everything in the colours of a theme."""
        palette.wear(name)
        self.theme = name
        for screen in self.screen_stack if self.is_running else ():
            if isinstance(screen, Page) and screen.is_mounted:
                screen.recolour()

    def action_wear(self, name: palette.ThemeName) -> None:
        self.wear(name)
        self.say(messages.Said(f"theme {name}   (--theme {name})"))

    def action_next_theme(self) -> None:
        place = palette.THEMES.index(palette.NAME) + 1
        self.action_wear(palette.THEMES[place % len(palette.THEMES)])
