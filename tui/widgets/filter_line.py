"""The line in which runs are filtered, and that says how many are shown in which order."""

from rich.cells import cell_len
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.message import Message
from textual.widgets import Input

from tui import palette
from tui.commands import ORDER_WORDS
from tui.state import State
from tui.widgets.lines import Lines
from tui.widgets.typed_line import TypedLine
from tui.wording import fitted

EXAMPLE = "words  state:running  dice>0.9  recipe:segformer"


class RunCount(Lines):
    """How many runs are shown and how they are sorted, or what is wrong with the filter."""

    def __init__(self, state: State) -> None:
        super().__init__()
        self._state = state
        self._drawn = ""

    def take(self) -> None:
        """The state has changed."""
        if (text := self.text) != self._drawn:
            self._drawn = text
            self.styles.width = cell_len(text) + 2
            self.refresh()

    @property
    def text(self) -> str:
        """What it says."""
        state = self._state
        if state.filter_fault:
            return f"✗ {state.filter_fault}; all are shown"
        order = f"sorted by {ORDER_WORDS[state.order.name]} {state.order.arrow}"
        return f"{len(state.shown)} of {len(state.runs)} shown · {order}"

    def lines(self, width: int, height: int) -> list[Text]:
        style = palette.WARN if self._state.filter_fault else palette.DIM
        return [Text(fitted(f"{self.text} ", width, "right"), style)]


class FilterLine(TypedLine):
    """`/` and the filter at the left, what is shown at the right; esc clears the filter."""

    class Typed(Message):
        """The filter is another."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Left(Message):
        """The person is done with it."""

    def __init__(self, state: State) -> None:
        super().__init__(EXAMPLE, select_on_focus=False)
        self._state = state
        self._shown = RunCount(state)

    def compose(self) -> ComposeResult:
        yield from super().compose()
        yield self._shown

    def take(self) -> None:
        """The state has changed."""
        if self._input.value != self._state.filter_text and not self.is_typed_in:
            self._input.value = self._state.filter_text
        self.set_class(bool(self._state.filter_text), "-filtered")
        self._shown.take()

    @on(Input.Changed)
    def tell(self, event: Input.Changed) -> None:
        """Filter while the person types."""
        event.stop()
        if event.value != self._state.filter_text:
            self.post_message(self.Typed(event.value))

    def typed(self) -> None:
        self.post_message(self.Left())
