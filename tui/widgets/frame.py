"""The first and the last line of every screen: where one is, and what one can type."""

import time
from collections import Counter

from rich.cells import cell_len
from rich.text import Text

from handseg.runs.summary import STATES
from tui import palette
from tui.keys import Place, help_line
from tui.state import State
from tui.widgets.lines import Lines
from tui.wording import cell, joined, one_line

SCREENS: dict[Place, str] = {"runs": "1 Runs", "viewer": "3 Viewer"}


class TitleLine(Lines):
    """The folder, how many runs there are in which state, the screens and the time."""

    def __init__(self, state: State, place: Place) -> None:
        super().__init__()
        self._state = state
        self._place: Place = place

    def lines(self, width: int, height: int) -> list[Text]:
        """One line; the right side gives way where it is narrow."""
        left, folder, right = self._left(), self._folder(), self._right()
        if left.cell_len + folder.cell_len + right.cell_len < width:
            left = joined(left, folder)
        if left.cell_len + right.cell_len >= width:
            right = Text("")
        gap = " " * max(0, width - left.cell_len - right.cell_len)
        return [joined(left, gap, right)]

    def _left(self) -> Text:
        runs = self._state.runs
        parts: list[Text] = [Text(" handseg ", f"bold {palette.ACCENT}")]
        counts = Counter(run.state for run in runs)
        for state in STATES:
            if counts[state]:
                sign, colour = palette.SIGNS[state]
                parts.append(Text(f" {sign}{counts[state]}", colour))
        number = "1 run" if len(runs) == 1 else f"{len(runs)} runs"
        parts.append(Text(f"  {number}", palette.DIM))
        return joined(*parts)

    def _folder(self) -> Text:
        return Text(f" in {one_line(str(self._state.runs_folder))}", palette.DIM)

    def _right(self) -> Text:
        parts: list[Text] = []
        for place, name in SCREENS.items():
            here = place == self._place
            style = f"bold {palette.TEXT}" if here else palette.DIM
            parts.append(Text(f"[{name}]" if here else f" {name} ", style))
        clock = time.strftime("%H:%M:%S")
        return joined(*parts, Text(f"  {clock} ", palette.DIM))


class HelpLine(Lines):
    """The keys of this screen, as many as there is room for; `? help` is always there."""

    def __init__(self, place: Place) -> None:
        super().__init__()
        self._entries = help_line(place)

    def lines(self, width: int, height: int) -> list[Text]:
        """One line."""
        parts, room = list[Text](), width
        for key, label in self._entries:
            needed = cell_len(f" {key} {label} ")
            if needed > room and parts:
                break
            room -= needed
            parts += [Text(f" {key}", palette.ACCENT), Text(f" {label} ", palette.DIM)]
        return [joined(*parts) if width > 8 else cell("?", width, palette.ACCENT)]
