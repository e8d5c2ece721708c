"""How long a run still takes, and how sure that is."""

import math
from collections.abc import Sequence

from handseg.runs import layout
from handseg.runs.reader import RunDetails

RECENT = 8
"""Stretches between validations from which the pace is taken."""
LEAST = 3


def eta_range(details: RunDetails) -> tuple[float, float]:
    """Seconds until the last epoch is done, at the quickest and the slowest pace of late.

    The paces are those between the last validations since the process took the run; the range runs
    from their 10th to their 90th percentile. NaN where there are fewer than three, or nothing runs.
    """
    run = details.summary
    if not run.is_live or not run.epochs or not run.steps_per_epoch:
        return math.nan, math.nan
    paces = _paces(details)
    if len(paces) < LEAST:
        return math.nan, math.nan
    left = max(0.0, run.epochs * run.steps_per_epoch - run.step)
    paces.sort()
    return left * _quantile(paces, 0.1), left * _quantile(paces, 0.9)


def _quantile(rising: Sequence[float], share: float) -> float:
    """Between the two values next to it as numpy's percentile, which takes longer than all else."""
    place = share * (len(rising) - 1)
    low, high = rising[math.floor(place)], rising[math.ceil(place)]
    return low + (high - low) * (place - math.floor(place))


def _paces(details: RunDetails) -> list[float]:
    """Seconds a step between the last validations, the newest first.

    A resume begins anew: the time before it was no training.
    """
    found: list[float] = []
    after: tuple[float, float] | None = None
    for event in reversed(details.events):
        kind = event.get("kind")
        if kind in (layout.START, layout.RESUME):
            after = None
        elif kind == layout.VALIDATION:
            step, time = event.get("step"), event.get("t")
            if not isinstance(step, (int, float)) or not isinstance(time, (int, float)):
                continue
            if after is not None and step < after[0] and time < after[1]:
                found.append((after[1] - time) / (after[0] - step))
            if len(found) == RECENT:
                break
            after = float(step), float(time)
    return found
