"""What the chart can draw: the values, and the curves of the runs that the person has chosen."""

import math
from collections.abc import Iterable
from typing import Literal, NamedTuple

import numpy as np

from handseg.runs.history import RunDetails
from handseg.runs.summary import RunSummary
from handseg.view.curves import Curve
from tui.state import State

Axis = Literal["epoch", "step"]
FIRST = ("loss", "lr")
"""What steps log is offered in this order, then by name."""
FINEST = 64
"""Parts of the axis by which its end grows with a live run: curves that rest are not reduced anew
each second."""


class Value(NamedTuple):
    """What is drawn: the mean Dice, that of the chosen class, or what every step logs."""

    kind: Literal["mean", "class", "step"]
    name: str = ""

    @property
    def is_dice(self) -> bool:
        """Whether it is a Dice: one value a validation."""
        return self.kind != "step"

    def title(self, chosen: str | None) -> str:
        """What a person calls it."""
        if self.kind == "step":
            return "learning rate" if self.name == "lr" else self.name
        return "validation Dice" if self.kind == "mean" else f"Dice of {chosen}"


MEAN = Value("mean")


def drawn_runs(state: State) -> list[RunDetails]:
    """The runs whose curves are drawn, the pinned one undermost, the highlighted one on top."""
    names = [state.pinned, *state.selected, state.highlighted]
    order = dict.fromkeys(name for name in names if name and name != state.highlighted)
    found = [*order, *([state.highlighted] if state.highlighted else [])]
    return [state.details[name] for name in found if name in state.details]


def values(runs: Iterable[RunDetails], chosen: str | None) -> list[Value]:
    """What can be drawn of these runs."""
    logged = {name for run in runs for name in run.steps}
    first = [name for name in FIRST if name in logged]
    dice = [MEAN, *([Value("class")] if chosen else [])]
    return dice + [Value("step", name) for name in [*first, *sorted(logged - {*FIRST})]]


def curve_of(run: RunDetails, value: Value, chosen: str | None, axis: Axis) -> Curve | None:
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


def common_axis(runs: Iterable[RunDetails], value: Value, wanted: Axis) -> Axis:
    """The wanted axis, or steps where a run cannot tell its epochs: axes are not mixed."""
    knows = _knows_epochs_of_validations if value.is_dice else _knows_epochs_of_steps
    return wanted if all(map(knows, runs)) else "step"


def _knows_epochs_of_validations(run: RunDetails) -> bool:
    return bool(np.isfinite(run.epochs).all())


def _knows_epochs_of_steps(run: RunDetails) -> bool:
    return math.isfinite(steps_an_epoch(run))


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
    part = 2.0 ** math.floor(math.log2((last - first) / FINEST))
    return first, math.ceil(last / part) * part


def best_of_all(summaries: Iterable[RunSummary], value: Value, chosen: str | None) -> float:
    """The best Dice that any run has reached; NaN where none has, or it is no Dice."""
    if value.kind == "step":
        return math.nan
    if value.kind == "mean":
        found = [run.best_dice for run in summaries]
    else:
        found = [run.best_by_class.get(chosen or "", math.nan) for run in summaries]
    return max(filter(math.isfinite, found), default=math.nan)
