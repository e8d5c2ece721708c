"""A question before something is done to a run."""

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from tui import palette
from tui.wording import one_line


class AskScreen(ModalScreen[bool]):
    """Says what would be done and asks; or, without a question, only what to type."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "yes", show=False),
        Binding("n,escape", "answer(False)", "no", show=False),
    ]

    def __init__(
        self, title: str, says: Sequence[str], command: str = "", *, asks: bool = True
    ) -> None:
        super().__init__()
        self._title = title
        self._says = tuple(says)
        self._command = command
        self._asks = asks

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="ask"):
            yield Static(self._text())

    def _text(self) -> Text:
        lines = [Text(one_line(self._title), f"bold {palette.TEXT}"), Text("")]
        lines += [Text(one_line(line), palette.TEXT) for line in self._says]
        if self._command:
            lines += [Text(""), Text(f"  {one_line(self._command)}", palette.ACCENT)]
        return Text("\n").join([*lines, Text(""), self._keys()])

    def _keys(self) -> Text:
        if not self._asks:
            return Text("esc closes this", palette.DIM)
        parts = [(" y ", palette.ACCENT), ("do it    ", palette.DIM)]
        return Text.assemble(*parts, (" n ", palette.ACCENT), ("leave it", palette.DIM))

    def action_answer(self, answer: bool) -> None:
        """Close with the answer; without a question it is always no."""
        self.dismiss(answer and self._asks)
