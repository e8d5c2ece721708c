"""The curves of the chosen runs over each other, with zoom and a cursor that reads values."""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
from rich.cells import cell_len
from rich.segment import Segment
from rich.text import Text
from textual import events
from textual.binding import BindingType
from textual.strip import Strip
from textual.widget import Widget

from handseg.runs.history import RunDetails
from handseg.runs.summary import RunSummary
from handseg.text import dice_text
from handseg.view.curves import Curve, CurveLine, CurveRaster, Viewport, draw, line_of
from tui.keys import bindings
from tui.state import State
from tui.theme import theme_of
from tui.widgets.chart_lines import (
    AXIS,
    ChartLayout,
    ChartStyle,
    Entry,
    legend,
    plot_lines,
    x_label,
    x_line,
    x_numbers,
)
from tui.widgets.lines import cell, quantity, rule, strip_of

Axis = Literal["epoch", "step"]
FIRST = ("loss", "lr")
"""What steps log is offered in this order, then by name."""
LEAST_AXIS = 0.004
"""What an axis of Dice is long at least."""
FINEST_PART = 64
"""Parts of the axis by which its end grows with a live run: curves that rest are not reduced anew
each second."""


class ChartValue(NamedTuple):
    """What is drawn: the mean Dice, that of the chosen class, or what every step logs."""

    kind: Literal["mean", "class", "step"]
    name: str = ""

    @property
    def is_dice(self) -> bool:
        return self.kind != "step"

    def title(self, chosen: str | None) -> str:
        """What a person calls it."""
        if self.kind == "step":
            return "learning rate" if self.name == "lr" else self.name
        return "validation Dice" if self.kind == "mean" else f"Dice of {chosen}"


MEAN = ChartValue("mean")


def drawn_runs(state: State) -> list[RunDetails]:
    """The runs whose curves are drawn, the pinned one undermost, the highlighted one on top."""
    names = [state.pinned, *state.selected, state.highlighted]
    order = dict.fromkeys(name for name in names if name and name != state.highlighted)
    found = [*order, *([state.highlighted] if state.highlighted else [])]
    return [state.details[name] for name in found if name in state.details]


def values(runs: Iterable[RunDetails], chosen: str | None) -> list[ChartValue]:
    """What can be drawn of these runs."""
    logged = {name for run in runs for name in run.steps}
    first = [name for name in FIRST if name in logged]
    dice = [MEAN, *([ChartValue("class")] if chosen else [])]
    return dice + [ChartValue("step", name) for name in [*first, *sorted(logged - {*FIRST})]]


def curve_of(run: RunDetails, value: ChartValue, chosen: str | None, axis: Axis) -> Curve | None:
    """The curve of a run; None where it has no such value."""
    if value.kind == "step":
        series = run.steps.get(value.name)
        unit = steps_an_epoch(run) if axis == "epoch" else 1.0
        return None if series is None else Curve(series.steps, series.values, unit)
    places = run.epochs if axis == "epoch" else run.validation_steps
    if value.kind == "mean":
        return Curve(places, run.means)
    if chosen not in run.summary.classes:
        return None
    return Curve(places, run.dice[:, run.summary.classes.index(chosen)])


def steps_an_epoch(run: RunDetails) -> float:
    """How many steps an epoch has; NaN where neither the run nor a validation tells."""
    if run.summary.steps_per_epoch:
        return float(run.summary.steps_per_epoch)
    known = np.isfinite(run.epochs) & (run.epochs > 0) & (run.validation_steps > 0)
    if not known.any():
        return math.nan
    last = int(np.flatnonzero(known)[-1])
    return float(run.validation_steps[last] / run.epochs[last])


def common_axis(runs: Iterable[RunDetails], value: ChartValue, wanted: Axis) -> Axis:
    """The wanted axis, or steps where a run cannot tell its epochs: axes are not mixed."""
    if value.is_dice:
        known = all(np.isfinite(run.epochs).all() for run in runs)
    else:
        known = all(math.isfinite(steps_an_epoch(run)) for run in runs)
    return wanted if known else "step"


def whole(curves: Iterable[Curve]) -> tuple[float, float]:
    """From zero, or the first place where that is far, to a round place beyond the last one."""
    reaches = [curve.reach for curve in curves if len(curve.x)]
    if not reaches:
        return 0.0, 1.0
    first, last = min(reach[0] for reach in reaches), max(reach[1] for reach in reaches)
    if last <= first:
        return (first - 0.5, first + 0.5) if first > 1 else (0.0, max(first, 1.0))
    if 0 < first < 0.2 * last:
        first = 0.0
    part = 2.0 ** math.floor(math.log2((last - first) / FINEST_PART))
    return first, math.ceil(last / part) * part


def best_of_all(summaries: Iterable[RunSummary], value: ChartValue, chosen: str | None) -> float:
    """The best Dice that any run has reached; NaN where none has, or it is no Dice."""
    if value.kind == "step":
        return math.nan
    if value.kind == "mean":
        found = [run.best_dice for run in summaries]
    else:
        found = [run.best_by_class.get(chosen or "", math.nan) for run in summaries]
    return max(filter(math.isfinite, found), default=math.nan)


SMOOTHINGS = (0.0, 0.6, 0.9, 0.97)
ZOOM, PAN, WHEEL = 0.5, 0.25, 0.8
FINEST = 1e-6
"""Share of the largest place that a stretch is long at least."""

Drawn = Text | list[Segment]
Range = tuple[float, float]


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

    def cursor_cell(self, frame: Viewport) -> int | None:
        """The column of cells of the cursor; None where it is not in the frame."""
        if self.cursor is None or not frame.x[0] <= self.cursor <= frame.x[1]:
            return None
        return min(frame.width - 1, max(0, round((frame.column_of(self.cursor) - 0.5) / 2)))

    def put_cursor(self, column: int, frame: Viewport) -> None:
        self.cursor = frame.place_of(2 * min(frame.width - 1, max(0, column)) + 0.5)

    def move_cursor(self, by: int, frame: Viewport) -> None:
        """Move the cursor by cells; it comes from the right."""
        at = self.cursor_cell(frame)
        self.put_cursor(frame.width - 1 if at is None else at + by, frame)


class Reduced(NamedTuple):
    """A curve reduced to columns, and what it was made of."""

    run: RunDetails
    what: tuple[ChartValue, str | None, Axis, Viewport]
    line: CurveLine


class Chart(Widget, can_focus=True):
    """Curves of the highlighted, the selected and the pinned runs; drawn anew only on a change."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("chart")

    def __init__(self, state: State) -> None:
        super().__init__()
        self._state = state
        self.value = MEAN
        self.axis: Axis = "epoch"
        self.smoothing = 0.0
        self.logarithmic = False
        self.window = Window()
        self._frame: Viewport | None = None
        """What was drawn last; None while there is no curve."""
        self._strips: list[Strip] = []
        self._made_of: tuple[tuple[Any, ...], list[RunDetails]] = ((), [])
        self._reduced: dict[str, Reduced] = {}
        self._curves: dict[str, Curve] = {}
        """By run, those that are drawn."""
        self._best: tuple[object, object, float | None] = (None, None, None)
        """The best of all runs, and of which runs and what."""
        self._grip: tuple[int, Range] | None = None
        """Where the mouse took hold, and what was shown then."""

    def values(self) -> list[ChartValue]:
        return values(drawn_runs(self._state), self._state.chosen_class)

    def next_value(self, by: int = 1) -> bool:
        """Draw the next value, or the one before (-1); whether that did not pass an end."""
        found = self.values()
        place = found.index(self.value) + by if self.value in found else 0
        self.value = found[place % len(found)]
        self.update()
        return 0 <= place < len(found)

    # Drawing

    def update(self) -> None:
        if self._make():
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """One line; all of them are made together."""
        if y == 0 or not self._strips:
            self._make()
        if y < len(self._strips):
            return self._strips[y]
        return Strip.blank(self.size.width, self.rich_style)

    def _make(self) -> bool:
        """Make the lines anew if anything changed that they depend on; whether it did."""
        runs, state = drawn_runs(self._state), self._state
        if self.value.kind == "class" and state.chosen_class is None:
            self.value = MEAN
        axis, known = self._known(runs)
        window = self.window
        if known:
            window.whole = whole(curve for _, curve in known)
        facts = (
            *(self.size, self.value, self.axis, self.smoothing, self.logarithmic),
            *(window.shown, window.cursor, self.has_focus, theme_of(self).name, self.rich_style),
            *(state.chosen_class, state.fault, state.highlighted, state.pinned, len(state.runs)),
            *(self._ghost(), *(state.series_of(run.summary.name) for run in runs)),
        )
        before, drawn = self._made_of
        same = facts == before and len(runs) == len(drawn)
        if same and all(map(self._is_drawn, runs, drawn)):
            return False
        self._made_of = (facts, runs)
        ground = self.rich_style
        self._strips = [strip_of(self, line, ground) for line in self._lines(runs, axis, known)]
        return True

    def _known(self, runs: list[RunDetails]) -> tuple[Axis, list[tuple[RunDetails, Curve]]]:
        """The axis that all runs share, and the curves that there are."""
        axis = common_axis(runs, self.value, self.axis)
        chosen = self._state.chosen_class
        found = [(run, curve_of(run, self.value, chosen, axis)) for run in runs]
        return axis, [(run, curve) for run, curve in found if curve is not None and len(curve.x)]

    def _is_drawn(self, run: RunDetails, drawn: RunDetails) -> bool:
        """Whether the curve of a run that was read again is still the one that was drawn."""
        if run is drawn:
            return True
        chosen, axis = self._state.chosen_class, self.axis
        one, other = (curve_of(each, self.value, chosen, axis) for each in (run, drawn))
        if one is None or other is None:
            return one is other
        return run.summary.name == drawn.summary.name and one.same_as(other)

    def _ghost(self) -> float | None:
        """The best of all runs, where there is one and it is a Dice."""
        runs, what = self._state.runs, (self.value, self._state.chosen_class)
        if self._best[0] is not runs or self._best[1] != what:
            best = best_of_all(runs, *what)
            self._best = (runs, what, best if math.isfinite(best) else None)
        return self._best[2]

    def _lines(
        self, runs: list[RunDetails], axis: Axis, known: list[tuple[RunDetails, Curve]]
    ) -> list[Drawn]:
        layout = ChartLayout(*self.size)
        width, height = layout.plot
        if not known or width < 2 or height < 1:
            self._frame = None
            nothing = cell(self._nothing(runs), layout.width, theme_of(self).dim)
            return [self._title(layout.width, ""), nothing]
        shown = self.window.shown
        least = LEAST_AXIS if self.value.is_dice else 0.0
        self._frame = frame = Viewport(
            shown, width, height, self.smoothing, self.logarithmic, least
        )
        lines = [self._line(run, curve, axis, frame) for run, curve in known]
        names = [run.summary.name for run, _ in known]
        self._curves = {run.summary.name: curve for run, curve in known}
        for gone in self._reduced.keys() - names:
            del self._reduced[gone]
        on_top = len(names) - 1 if names[-1] == self._state.highlighted else None
        drawing = draw(lines, frame, on_top)
        title = self._title(layout.width, "░ raw band" if drawing.band.any() else "")
        return [title, *self._picture(drawing, names, lines, axis, layout)]

    def _nothing(self, runs: Sequence[RunDetails]) -> str:
        if not self._state.runs:
            return " no runs"
        if self._state.run is None:
            return " no run is shown: esc clears the filter"
        return " nothing logged yet" if runs else f" {self._state.fault or 'reading ...'}"

    def _line(self, run: RunDetails, curve: Curve, axis: Axis, frame: Viewport) -> CurveLine:
        """The curve reduced; remembered as long as nothing of it changed."""
        what = (self.value, self._state.chosen_class, axis, frame)
        known = self._reduced.get(run.summary.name)
        if known is None or known.run is not run or known.what != what:
            known = Reduced(run, what, line_of(curve, frame))
            self._reduced[run.summary.name] = known
        return known.line

    def _picture(
        self,
        drawing: CurveRaster,
        names: list[str],
        lines: list[CurveLine],
        axis: Axis,
        layout: ChartLayout,
    ) -> list[Drawn]:
        frame = self._frame
        assert frame is not None, "there are curves"
        theme = theme_of(self)
        colours = [theme.series[self._state.series_of(name)] for name in names]
        cursor = self.window.cursor_cell(frame)
        look = ChartStyle(theme, colours, self.rich_style, self._ghost(), cursor)
        found: list[Drawn] = [*plot_lines(drawing, frame, look)]
        if layout.line:
            found.append(x_line(frame, look))
        if layout.numbers:
            found.append(x_numbers(frame, axis, look))
        if layout.legend:
            entries = [
                Entry("★" if name == self._state.pinned else "━", name, colour, line)
                for name, colour, line in zip(names, colours, lines, strict=True)
            ]
            found.append(self._legend(entries[::-1], axis, frame, cursor))
        return found

    def _legend(
        self, entries: Sequence[Entry], axis: Axis, frame: Viewport, cursor: int | None
    ) -> Text:
        """What each run has at the cursor, else at its end."""
        worded: Callable[[float], str] = dice_text if self.value.is_dice else quantity
        column = None if cursor is None else 2 * cursor
        read = [worded(entry.line.read(column)) for entry in entries]
        place = "last"
        if cursor is not None:
            at = frame.place_of(2 * cursor + 0.5)
            if self.value.is_dice and not self.smoothing:
                # A validation may be far from the cursor, and outside of a part that is shown.
                slack = frame.place_of(2) - frame.place_of(0)
                found = [self._curves[entry.name].nearest(at, slack) for entry in entries]
                read = [worded(dice) for _, dice in found]
                at = next((place for place, _ in found if math.isfinite(place)), at)
            place = f"at {axis} {x_label(at, frame, axis)}"
        return legend(entries, read, place, self.size.width, theme_of(self))

    def _title(self, width: int, band: str) -> Text:
        """What is drawn and how; what the signs mean as far as there is room for it."""
        parts = [self.value.title(self._state.chosen_class)]
        parts.append(f"━ smooth {self.smoothing:g}" if self.smoothing else "━ mean")
        parts.append("log" if self.logarithmic else "linear")
        if self.window.scale > 1:
            parts.append(f"× {self.window.scale:.3g}")
        ghost = "" if self._ghost() is None or self._frame is None else "· · · best of all"
        for sign in filter(None, (band, ghost)):
            if cell_len("  ".join(["─", *parts, sign])) < width:
                parts.append(sign)
        theme = theme_of(self)
        return rule("  ".join(parts), width, theme.accent if self.has_focus else theme.faint)

    # What the person does

    def action_curve(self, what: str) -> None:
        """What a key does to the curves; the screen calls it too."""
        window, frame = self.window, self._frame
        if what in ("next", "before"):
            self.next_value(1 if what == "next" else -1)
        elif what == "log":
            self.logarithmic = not self.logarithmic
        elif what == "smooth":
            place = SMOOTHINGS.index(self.smoothing) + 1
            self.smoothing = SMOOTHINGS[place % len(SMOOTHINGS)]
        elif what == "axis":
            self.axis = "step" if self.axis == "epoch" else "epoch"
            window.forget()
        elif frame is not None:
            self._move(what, window, frame)
        self.update()

    def reset_view(self) -> bool:
        """Put the cursor away and show all again; False where neither was to be done."""
        changed = self.window.cursor is not None or self.window.scale > 1
        self.window.forget()
        self.update()
        return changed

    def _move(self, what: str, window: Window, frame: Viewport) -> None:
        moves: dict[str, Callable[[], None]] = {
            "closer": lambda: window.zoom(ZOOM),
            "farther": lambda: window.zoom(1 / ZOOM),
            "left": lambda: window.pan(-PAN),
            "right": lambda: window.pan(PAN),
            "whole": window.show_all,
            "cursor_left": lambda: window.move_cursor(-1, frame),
            "cursor_right": lambda: window.move_cursor(1, frame),
        }
        moves[what]()

    def on_resize(self) -> None:
        self.update()

    def on_focus(self) -> None:
        self.update()

    def on_blur(self) -> None:
        self.update()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self._wheel(event, WHEEL)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self._wheel(event, 1 / WHEEL)

    def _wheel(self, event: events.MouseEvent, factor: float) -> None:
        if self._frame is not None:
            event.stop()
            self.window.zoom(factor, self._frame.place_of(2 * (event.x - AXIS) + 0.5))
            self.update()

    def on_mouse_down(self, event: events.MouseDown) -> None:
        self._grip = (event.x, self.window.shown)
        self.capture_mouse()

    def on_mouse_up(self) -> None:
        self._grip = None
        self.release_mouse()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Move the cursor, or the curves where they are held."""
        frame = self._frame
        if frame is None:
            return
        if self._grip is not None:
            start, (low, high) = self._grip
            by = (start - event.x) / max(1, frame.width) * (high - low)
            self.window.show(low + by, high + by)
        self.window.put_cursor(event.x - AXIS, frame)
        self.update()

    def on_leave(self) -> None:
        """Without the mouse there is no cursor, but for the keys'."""
        if not self.has_focus:
            self.window.cursor = None
            self.update()
