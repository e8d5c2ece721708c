"""A place in the dashboard that shows a raster in half cells."""

import numpy as np
from numpy.typing import NDArray
from rich.segment import Segment
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from handseg.view.half_cells import segments


class HalfBlocks(Widget):
    """Shows uint8[height, width, 3], in the middle of its place."""

    class Resized(Message):
        """The place has another size: another raster is wanted."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's word
        super().__init__(id=id)
        self._lines: list[list[Segment]] = []
        self._width = 0

    @property
    def room(self) -> tuple[int, int]:
        """Height and width in pixels that there is room for."""
        return 2 * self.size.height, self.size.width

    def show(self, raster: NDArray[np.uint8] | None) -> None:
        """Show another raster, or none."""
        self._lines = [] if raster is None else segments(raster)
        self._width = 0 if raster is None else raster.shape[1]
        self.refresh()

    def on_resize(self) -> None:
        self.post_message(self.Resized())

    def render_line(self, y: int) -> Strip:
        width, ground = self.size.width, self.rich_style
        index = y - max(0, (self.size.height - len(self._lines)) // 2)
        if not 0 <= index < len(self._lines):
            return Strip.blank(width, ground)
        left = max(0, (width - self._width) // 2)
        line = [Segment(" " * left, ground), *self._lines[index]]
        return Strip(line).adjust_cell_length(width, ground)
