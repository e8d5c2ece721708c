"""How long a run still takes, and how sure that is."""

import math

import numpy as np

from handseg.runs import fields
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
    low, high = np.percentile(paces[-RECENT:], (10, 90))
    return left * float(low), left * float(high)


def _paces(details: RunDetails) -> list[float]:
    """Seconds a step between validations; a resume begins anew: nobody trained in between."""
    found: list[float] = []
    before: tuple[float, float] | None = None
    for event in details.events:
        kind = event.get("kind")
        if kind in (fields.START, fields.RESUME):
            before = None
        elif kind == fields.VALIDATION:
            step, time = event.get("step"), event.get("t")
            if not isinstance(step, (int, float)) or not isinstance(time, (int, float)):
                continue
            if before is not None and step > before[0] and time > before[1]:
                found.append((time - before[1]) / (step - before[0]))
            before = float(step), float(time)
    return found
