"""Lines that open at a key for a person to type in: the filter of the runs, a search in the log."""

from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input

from tui.state import State
from tui.widgets.lines import Lines, fitted

EXAMPLE = "words  state:running  dice>0.9  recipe:segformer"


class Slash(Lines):
    """The key that opens the line."""

    def lines(self, width: int, height: int) -> list[Text]:
        return [Text(" / ", self.theme.accent)]


class LeavableInput(Input):
    """Where the text is typed: enter leaves it, esc clears it first."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "clear_and_leave", "clear", show=False),
    ]

    class Left(Message):
        """The person is done with it."""

    def action_clear_and_leave(self) -> None:
        self.value = ""
        self.post_message(self.Left())

    def on_blur(self) -> None:
        self.post_message(self.Left())


class InputLine(Horizontal):
    """`/` and the text; it has the class `-open` while the person types."""

    @dataclass
    class Done(Message):
        """The person is done with it, and this is what it holds."""

        text: str

    def __init__(self, placeholder: str, *, select_on_focus: bool = True) -> None:
        super().__init__()
        self._input = LeavableInput(
            placeholder=placeholder, compact=True, select_on_focus=select_on_focus
        )
        self._input.can_focus = False

    def compose(self) -> ComposeResult:
        yield Slash()
        yield self._input

    def open(self) -> None:
        """Let the person type."""
        self.add_class("-open")
        self._input.can_focus = True
        self._input.focus()

    @on(Input.Submitted)
    @on(LeavableInput.Left)
    def leave(self, event: Message) -> None:
        """Keep what was typed, and let the keys go elsewhere."""
        event.stop()
        if self.has_class("-open"):
            self.remove_class("-open")
            self._input.can_focus = False
            self.post_message(self.Done(self._input.value))


class SearchLine(InputLine):
    """Not there until it is opened; esc searches for nothing."""

    def __init__(self) -> None:
        super().__init__("a text in the log")

    @on(Input.Changed)
    def keep_to_itself(self, event: Input.Changed) -> None:
        """A log may be long: it is searched when the person has typed all."""
        event.stop()


class FilterLine(InputLine):
    """The filter at the left, what is shown at the right; esc clears the filter."""

    @dataclass
    class FilterChanged(Message):
        """The filter is another: runs are filtered while the person types."""

        text: str

    def __init__(self, state: State) -> None:
        super().__init__(EXAMPLE, select_on_focus=False)
        self._state = state
        self._count = RunCount(state)

    def compose(self) -> ComposeResult:
        yield from super().compose()
        yield self._count

    def update(self) -> None:
        if self._input.value != self._state.filter_text and not self._input.has_focus:
            self._input.value = self._state.filter_text
        self.set_class(bool(self._state.filter_text), "-filtered")
        self._count.update()

    @on(Input.Changed)
    def filter_runs(self, event: Input.Changed) -> None:
        event.stop()
        if event.value != self._state.filter_text:
            self.post_message(self.FilterChanged(event.value))


class RunCount(Lines):
    """How many runs are shown and how they are sorted, or what is wrong with the filter."""

    def __init__(self, state: State) -> None:
        super().__init__()
        self._state = state
        self._drawn = ""

    def update(self) -> None:
        if (text := self.text) != self._drawn:
            self._drawn = text
            self.styles.width = cell_len(text) + 2
            self.refresh()

    @property
    def text(self) -> str:
        state = self._state
        if state.filter_fault:
            return f"✗ {state.filter_fault}; all are shown"
        order = f"sorted by {state.order.key.title} {state.order.arrow}"
        return f"{len(state.shown)} of {len(state.runs)} shown · {order}"

    def lines(self, width: int, height: int) -> list[Text]:
        style = self.theme.warn if self._state.filter_fault else self.theme.dim
        return [Text(fitted(f"{self.text} ", width, "right"), style)]
