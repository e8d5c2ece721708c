"""The dashboard: holds the state, watches the run folders, chooses the screen."""

from functools import partial
from pathlib import Path
from typing import ClassVar, Literal

from textual import on
from textual.app import App
from textual.binding import BindingType

from handseg.data.dataset import open_dataset, with_test_labels
from handseg.errors import InputError
from tui import palette
from tui.keys import bindings
from tui.messages import DataOpened, RunFault, RunHighlighted, RunOpened, RunRead, RunsListed
from tui.screens.help import HelpScreen, WelcomeScreen
from tui.screens.page import Page
from tui.screens.runs import RunsScreen
from tui.screens.viewer import ViewerScreen
from tui.state import State
from tui.watch import Watcher

ScreenName = Literal["runs", "viewer"]


class Dashboard(App[None]):
    """`handseg tui`."""

    TITLE = "handseg"
    CSS_PATH = "app.tcss"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = bindings("everywhere")

    def __init__(
        self, runs: Path, data: Path | None = None, screen: ScreenName | None = None
    ) -> None:
        super().__init__()
        self.register_theme(palette.THEME)
        self.theme = palette.THEME.name
        self.state = State(runs, data)
        self._first = screen
        self._data_known = data is None
        self._watcher = Watcher(runs, self.post_message)

    def on_mount(self) -> None:
        """Begin to look at runs and data."""
        for name, page in (("runs", RunsScreen), ("viewer", ViewerScreen)):
            self._install(page(self.state), name)
        self._install(WelcomeScreen(self.state), "welcome")
        if self.state.data_folder is not None:
            self.run_worker(partial(self._open_data, self.state.data_folder), thread=True)
        self.run_worker(self._watcher.watch, thread=True, group="watch")

    def on_unmount(self) -> None:
        """Let the thread end."""
        self._watcher.stop()

    # Textual leaves the type of a screen's result open here.
    def _install(self, page: Page, name: str) -> None:
        self.install_screen(page, name)  # pyright: ignore[reportUnknownMemberType]

    def _bring(self, name: str) -> None:
        self.switch_screen(name)  # pyright: ignore[reportUnknownMemberType]

    def _open_data(self, folder: Path) -> None:
        try:
            self.post_message(DataOpened(with_test_labels(open_dataset(folder))))
        except (InputError, OSError):
            # No fault: there may be runs, else the welcome says where it looked.
            self.post_message(DataOpened(None))

    @property
    def settled(self) -> bool:
        """Whether all that was asked for is on the screen."""
        return isinstance(self.screen, Page) and self.screen.settled

    @on(DataOpened)
    def take_data(self, event: DataOpened) -> None:
        """The data set is known."""
        self.state.dataset, self._data_known = event.dataset, True
        self._changed()

    @on(RunsListed)
    def take_runs(self, event: RunsListed) -> None:
        """The runs as they are now."""
        before = self.state.listed, self.state.marks
        self.state.take_runs(event.runs)
        self._watcher.follow(self.state.highlighted)
        if before != (True, self.state.marks):
            self._changed()

    @on(RunRead)
    def take_details(self, event: RunRead) -> None:
        """A run read whole; another may be highlighted by now."""
        if event.run == self.state.highlighted:
            self.state.details, self.state.fault = event.details, ""
            self._changed()

    @on(RunFault)
    def take_fault(self, event: RunFault) -> None:
        """A run that cannot be read says so; the others go on."""
        if event.run == self.state.highlighted:
            self.state.details, self.state.fault = None, event.fault
            self._changed()

    @on(RunHighlighted)
    def highlight(self, event: RunHighlighted) -> None:
        """The person moved to another run."""
        self.state.highlighted, self.state.fault = event.run, ""
        self._watcher.follow(event.run)
        self._changed()

    @on(RunOpened)
    def open_run(self, event: RunOpened) -> None:
        """The person wants to see the pictures of a run."""
        self.highlight(RunHighlighted(event.run))
        self.action_show("viewer")

    def _changed(self) -> None:
        """Bring every screen up to date, the right one first of all to the front."""
        if not self.screen_stack:
            # The app is being closed; messages that were under way still come.
            return
        if not any(isinstance(screen, Page) for screen in self.screen_stack):
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
        nothing = not self.state.runs and (name == "runs" or self.state.dataset is None)
        if not nothing and isinstance(self.screen, Page):
            self._bring(name)

    def action_help(self) -> None:
        """Open the page of keys."""
        self.push_screen(HelpScreen())

    def action_step_out(self) -> None:
        """From the viewer back to the runs."""
        if isinstance(self.screen, ViewerScreen):
            self.action_show("runs")
