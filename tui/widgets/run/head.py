"""What the Run screen says of its run above the panes."""

from collections.abc import Sequence

from rich.text import Text

from tui import palette
from tui.state import State
from tui.widgets.lines import Lines
from tui.widgets.run_panel import process, progress, scores, worst
from tui.wording import cell, joined, one_line


class RunHead(Lines):
    """Name, state and process; epoch, Dice and worst bone; what it is held against."""

    def __init__(self, state: State) -> None:
        super().__init__()
        self._state = state
        self._shown: list[Text] = []

    def take(self) -> None:
        if self.size.width and self._shown != self.lines(*self.size):
            self.refresh()

    def lines(self, width: int, height: int) -> list[Text]:
        """Two lines."""
        state, run = self._state, self._state.run
        if run is None:
            found = [Text(" no run is chosen: choose one on the screen Runs", palette.DIM)]
        else:
            name = Text(f" {one_line(run.name)}  ", f"bold {palette.TEXT}")
            found = [joined(name, process(run, state.now()))]
            if run.state != "broken":
                facts = (progress(run), scores(run), joined("worst ", worst(state, run)))
                found.append(as_many_as_fit(facts, width))
        for line in found:
            line.truncate(max(1, width), overflow="ellipsis")
        self._shown = found
        return found


def as_many_as_fit(facts: Sequence[Text], width: int) -> Text:
    """Facts side by side; the first is always there, of the others none is cut."""
    line = joined(" ", facts[0])
    for fact in facts[1:]:
        if line.cell_len + 3 + fact.cell_len > width:
            break
        line = joined(line, "   ", fact)
    return line


class PaneTabs(Lines):
    """The names of the panes where one is shown at a time."""

    def __init__(self, panes: tuple[str, ...]) -> None:
        super().__init__()
        self._panes = panes
        self._shown = panes[0]

    def show(self, pane: str) -> None:
        self._shown = pane
        self.refresh()

    def pane_at(self, x: int) -> str | None:
        """The pane whose name stands in a cell."""
        end = 1
        for pane in self._panes:
            start, end = end, end + len(pane) + 2
            if start <= x < end:
                return pane
        return None

    def lines(self, width: int, height: int) -> list[Text]:
        """One line."""
        parts = [
            Text(f"[{pane}]", palette.TEXT)
            if pane == self._shown
            else Text(f" {pane} ", palette.DIM)
            for pane in self._panes
        ]
        return [joined(" ", *parts, cell("", max(0, width)))]
