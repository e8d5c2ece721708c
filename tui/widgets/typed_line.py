"""A line that opens at a key for a person to type in."""

from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input

from tui import palette
from tui.widgets.lines import Lines


class Sign(Lines):
    """The key that opens the line."""

    def lines(self, width: int, height: int) -> list[Text]:
        return [Text(" / ", palette.ACCENT)]


class TypedInput(Input):
    """Where the text is typed: enter leaves it, esc clears it first."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "give_up", "clear", show=False),
    ]

    class Left(Message):
        """The person is done with it."""

    def action_give_up(self) -> None:
        self.value = ""
        self.post_message(self.Left())

    def on_blur(self) -> None:
        self.post_message(self.Left())


class TypedLine(Horizontal):
    """`/` and the text; it has the class `-open` while the person types."""

    def __init__(self, placeholder: str, *, select_on_focus: bool = True) -> None:
        super().__init__()
        self._input = TypedInput(
            placeholder=placeholder, compact=True, select_on_focus=select_on_focus
        )
        self._input.can_focus = False

    def compose(self) -> ComposeResult:
        yield Sign()
        yield self._input

    @property
    def is_typed_in(self) -> bool:
        return self._input.has_focus

    def open(self) -> None:
        """Let the person type."""
        self.add_class("-open")
        self._input.can_focus = True
        self._input.focus()

    @on(Input.Submitted)
    @on(TypedInput.Left)
    def leave(self, event: Message) -> None:
        """Keep what was typed, and let the keys go elsewhere."""
        event.stop()
        if self.has_class("-open"):
            self.remove_class("-open")
            self._input.can_focus = False
            self.typed()

    def typed(self) -> None:
        """The person is done with it."""
        raise NotImplementedError
