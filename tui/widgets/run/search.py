"""The line in which a text is searched in the log."""

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input

from tui.widgets.filter_line import Sign


class SearchInput(Input):
    """Where the text is typed: enter searches, esc gives up."""

    BINDINGS = [Binding("escape", "give_up", "give up", show=False)]  # noqa: RUF012

    class Left(Message):
        """The person is done with it."""

    def action_give_up(self) -> None:
        """Leave without searching."""
        self.value = ""
        self.post_message(self.Left())

    def on_blur(self) -> None:
        """Left by a click or by tab."""
        self.post_message(self.Left())


class SearchLine(Horizontal):
    """`/` and the text; not there until it is opened."""

    class Asked(Message):
        """The person wants to see where this stands; empty: nothing is searched any more."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def __init__(self) -> None:
        super().__init__()
        self._input = SearchInput(placeholder="a text in the log", compact=True)
        self._input.can_focus = False

    def compose(self) -> ComposeResult:
        """The sign and the text."""
        yield Sign()
        yield self._input

    @property
    def is_typed_in(self) -> bool:
        """Whether keys go into it."""
        return self._input.has_focus

    def open(self) -> None:
        """Let the person type."""
        self.add_class("-open")
        self._input.can_focus = True
        self._input.focus()

    @on(Input.Changed)
    def keep_to_itself(self, event: Input.Changed) -> None:
        """A log may be long: it is searched when the person has typed all."""
        event.stop()

    @on(Input.Submitted)
    @on(SearchInput.Left)
    def leave(self, event: Message) -> None:
        """Search for what was typed, and let the keys go elsewhere."""
        event.stop()
        if self.has_class("-open"):
            self.remove_class("-open")
            self._input.can_focus = False
            self.post_message(self.Asked(self._input.value))
