"""What every screen of the dashboard has: a title, a line of help and a state to be drawn from."""

import shlex
from collections.abc import Iterable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widget import Widget

from handseg.runs.control import runs_option
from tui.keys import Place
from tui.state import State
from tui.widgets.frame import HelpLine, StatusLine, TitleLine


class Page(Screen[None]):
    """A screen that is drawn anew, where it changed, whenever the state did."""

    PLACE: ClassVar[Place] = "everywhere"
    KEYS_OF: ClassVar[tuple[Place, ...]] = ()
    """Further places whose keys count on this screen: of its widgets."""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "next_part(1)", "next part", show=False),
        Binding("shift+tab", "next_part(-1)", "part before", show=False),
    ]
    # Without annotation: Textual declares them for the instance as well.
    HORIZONTAL_BREAKPOINTS = [(0, "-small"), (60, "-narrow"), (114, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-low"), (18, "-middle"), (32, "-high")]  # noqa: RUF012

    def __init__(self, state: State) -> None:
        super().__init__()
        self.state = state
        self._title_line = TitleLine(state, self.PLACE)
        self._status_line = StatusLine(state)

    def compose(self) -> ComposeResult:
        """Title, body, status, help."""
        yield self._title_line
        yield self._title_line.clock
        yield from self.body()
        yield self._status_line
        yield HelpLine((self.PLACE, *self.KEYS_OF), writes=not self.state.read_only)

    def body(self) -> Iterable[Widget]:
        """What stands between title and status."""
        raise NotImplementedError

    @property
    def settled(self) -> bool:
        """Whether everything that was asked for is shown."""
        return True

    @property
    def command_line(self) -> str:
        """What to type to have this view printed."""
        where, run = runs_option(self.state.runs_folder), self.state.highlighted
        which = ["--run", run] if run is not None else []
        return shlex.join(["handseg", "tui", "--once", "--screen", self.PLACE, *which, *where])

    def target_of(self, place: Place) -> Widget:
        """Who carries out the actions of a place: this screen, or a widget with keys of its own."""
        return self

    def say(self, text: str) -> None:
        self._status_line.say(text)

    def on_mount(self) -> None:
        self.set_interval(1, self.tick)

    def on_screen_resume(self) -> None:
        """Show what happened while another screen was in front."""
        self.call_after_refresh(self.take)

    def tick(self) -> None:
        """A second has passed."""
        if self.is_current:
            self._title_line.clock.take()
            self._status_line.take()

    def take(self) -> None:
        """The state has changed."""
        self._title_line.take()
        self._status_line.take()

    def action_next_part(self, by: int = 1) -> None:
        """To the next part of the screen, or the one before (-1)."""
        if by > 0:
            self.focus_next()
        else:
            self.focus_previous()

    def recolour(self) -> None:
        """Another theme is worn: draw everything anew."""
        self.take()
        for widget in self.walk_children(Widget):
            widget.refresh()

    def step_out(self) -> bool:
        """One step out within this screen; False where that leads out of it."""
        return False
