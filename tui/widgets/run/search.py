"""The line in which a text is searched in the log."""

from textual import on
from textual.message import Message
from textual.widgets import Input

from tui.widgets.typed_line import TypedLine


class SearchLine(TypedLine):
    """`/` and the text; not there until it is opened; esc searches for nothing."""

    class Asked(Message):
        """The person wants to see where this stands; empty: nothing is searched any more."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def __init__(self) -> None:
        super().__init__("a text in the log")

    @on(Input.Changed)
    def keep_to_itself(self, event: Input.Changed) -> None:
        """A log may be long: it is searched when the person has typed all."""
        event.stop()

    def typed(self) -> None:
        self.post_message(self.Asked(self._input.value))
