"""The stretch of the axis that a chart shows, and the cursor on it."""

from handseg.view.curves import Frame

Range = tuple[float, float]
FINEST = 1e-6
"""Share of the largest place that a stretch is long at least."""


class Window:
    """All of the axis or a part of it; moved and scaled within the whole."""

    def __init__(self) -> None:
        self.whole: Range = (0.0, 1.0)
        self._part: Range | None = None
        self.cursor: float | None = None
        """A place on the axis."""

    @property
    def shown(self) -> Range:
        return self._part or self.whole

    @property
    def scale(self) -> float:
        """How many times closer than the whole."""
        low, high = self.shown
        return (self.whole[1] - self.whole[0]) / (high - low) if self._part else 1.0

    def forget(self) -> None:
        """Another axis: places on the old one mean nothing."""
        self._part = self.cursor = None

    def show_all(self) -> None:
        self._part = None

    def show(self, low: float, high: float) -> None:
        """Show this stretch, as far as it lies within the whole."""
        first, last = self.whole
        size = max(high - low, FINEST * max(abs(first), abs(last), 1.0))
        low = min(max(low, first), last - size)
        self._part = None if size >= last - first else (low, low + size)

    def zoom(self, factor: float, about: float | None = None) -> None:
        """Show so many times as much; what lies at `about`, else at the cursor, stays there."""
        low, high = self.shown
        centre = (low + high) / 2
        if about is not None:
            centre = about
        elif self.cursor is not None and low <= self.cursor <= high:
            centre = self.cursor
        self.show(centre - (centre - low) * factor, centre + (high - centre) * factor)

    def pan(self, share: float) -> None:
        """Move by a share of what is shown."""
        low, high = self.shown
        by = share * (high - low)
        self.show(low + by, high + by)

    def cursor_cell(self, frame: Frame) -> int | None:
        """The column of cells of the cursor; None where it is not in the frame."""
        if self.cursor is None or not frame.x[0] <= self.cursor <= frame.x[1]:
            return None
        return min(frame.width - 1, max(0, round((frame.column_of(self.cursor) - 0.5) / 2)))

    def put_cursor(self, column: int, frame: Frame) -> None:
        self.cursor = frame.place_of(2 * min(frame.width - 1, max(0, column)) + 0.5)

    def move_cursor(self, by: int, frame: Frame) -> None:
        """Move the cursor by cells; it comes from the right."""
        at = self.cursor_cell(frame)
        self.put_cursor(frame.width - 1 if at is None else at + by, frame)
