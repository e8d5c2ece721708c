"""What a person wants to be told of: a run that ended or died, or beat all others."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from handseg.runs.layout import State
from handseg.runs.summary import RunSummary
from handseg.text import dice_text

ENDED: dict[State, str] = {
    "finished": "finished",
    "stopped": "was stopped",
    "failed": "failed",
    "dead": "died",
}
GOES_ON = "goes on"
DAMAGED = "can no longer be read"
GONE = "is gone: its folder was moved or deleted"
MOST_GONE = 3
"""So many are told one by one."""


@dataclass(frozen=True)
class Notification:
    """Something that happened to a run: at `time` (seconds since 1970), in words."""

    time: float
    run: str
    state: State
    text: str
    best: float = math.nan
    """The Dice with which it beats all runs; NaN where it tells of something else."""
    beaten: float = math.nan
    """The best Dice of before."""


def merged(
    notifications: Sequence[Notification], found: Iterable[Notification]
) -> list[Notification]:
    """The notifications and what was found since.

    A run that leads and beats itself again and again has one notification, which is told anew:
    against the Dice of before it led.
    """
    known = list(notifications)
    for one in found:
        if math.isfinite(one.best):
            leader = next((old for old in reversed(known) if math.isfinite(old.best)), None)
            if leader is not None and leader.run == one.run:
                one = _record(one.time, one.run, one.state, one.best, leader.beaten)
            known = [old for old in known if old.run != one.run or not math.isfinite(old.best)]
        known.append(one)
    return known


def notifications_between(
    before: Mapping[str, RunSummary], runs: Iterable[RunSummary], now: float
) -> list[Notification]:
    """What happened to runs since they were known as `before`."""
    best = max(
        (run.best_dice for run in before.values() if run.best_dice == run.best_dice), default=0.0
    )
    found: list[Notification] = []
    gone = dict(before)
    for run in runs:
        old = gone.pop(run.name, None)
        if old is None or old is run:
            continue
        if text := _ended(old, run):
            found.append(Notification(now, run.name, run.state, text))
        if best and run.best_dice > best and run.best_dice != old.best_dice:
            found.append(_record(now, run.name, run.state, run.best_dice, best))
    return found + _gone(list(gone.values()), now)


def _gone(runs: list[RunSummary], now: float) -> list[Notification]:
    """The runs that vanished; one notification for many, as when the folder of all of them did."""
    if len(runs) > MOST_GONE:
        text = f"and {len(runs) - 1} others are gone: their folders were moved or deleted"
        return [Notification(now, runs[0].name, runs[0].state, text)]
    return [Notification(now, run.name, run.state, GONE) for run in runs]


def _ended(old: RunSummary, run: RunSummary) -> str:
    if old.is_live and run.state in ENDED:
        why = f": {run.message}" if run.message else ""
        score = f", best Dice {dice_text(run.best_dice)}" if math.isfinite(run.best_dice) else ""
        return ENDED[run.state] + why + score
    if run.is_live and old.state in ENDED:
        return GOES_ON
    return DAMAGED if run.state == "broken" != old.state else ""


def _record(now: float, run: str, state: State, best: float, beaten: float) -> Notification:
    text = f"beats all runs: Dice {dice_text(best)} (before {dice_text(beaten)})"
    return Notification(now, run, state, text, best, beaten)
