"""What every screen of the dashboard has: a title, a line of help and a state to be drawn from."""

from collections.abc import Iterable
from typing import ClassVar

from textual.app import ComposeResult
from textual.screen import Screen
from textual.widget import Widget

from tui.keys import Place
from tui.state import State
from tui.widgets.frame import HelpLine, TitleLine


class Page(Screen[None]):
    """A screen that is drawn anew, where it changed, whenever the state did."""

    PLACE: ClassVar[Place] = "everywhere"
    # Without annotation: Textual declares them for the instance as well.
    HORIZONTAL_BREAKPOINTS = [(0, "-small"), (60, "-narrow"), (114, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-low"), (18, "-middle"), (32, "-high")]  # noqa: RUF012

    def __init__(self, state: State) -> None:
        super().__init__()
        self.state = state

    def compose(self) -> ComposeResult:
        """Title, body, help."""
        yield TitleLine(self.state, self.PLACE)
        yield from self.body()
        yield HelpLine(self.PLACE)

    def body(self) -> Iterable[Widget]:
        """What stands between title and help."""
        raise NotImplementedError

    @property
    def settled(self) -> bool:
        """Whether everything that was asked for is shown."""
        return True

    def on_mount(self) -> None:
        """The clock of the title, and ages."""
        self.set_interval(1, self.tick)

    def on_screen_resume(self) -> None:
        """Show what happened while another screen was in front."""
        self.call_after_refresh(self.take)

    def tick(self) -> None:
        """A second has passed."""
        if self.is_current:
            self.query_one(TitleLine).refresh()

    def take(self) -> None:
        """The state has changed."""
        self.query_one(TitleLine).refresh()
