"""What a person wants to be told of: a run that ended or died, or beat all others."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from handseg.runs.summary import RunSummary, State
from tui.wording import dice

ENDED: dict[State, str] = {
    "finished": "finished",
    "stopped": "was stopped",
    "failed": "failed",
    "dead": "died",
}
DAMAGED = "can no longer be read"


@dataclass(frozen=True)
class Notice:
    """Something that happened to a run: at `time` (seconds since 1970), in words."""

    time: float
    run: str
    state: State
    text: str


def notices_between(
    before: Mapping[str, RunSummary], runs: Iterable[RunSummary], now: float
) -> list[Notice]:
    """What happened to runs since they were known as `before`."""
    best = max(
        (run.best_dice for run in before.values() if run.best_dice == run.best_dice), default=0.0
    )
    found: list[Notice] = []
    for run in runs:
        old = before.get(run.name)
        if old is None or old is run:
            continue
        for text in (_ended(old, run), _beaten(old, run, best)):
            if text:
                found.append(Notice(now, run.name, run.state, text))
    return found


def _ended(old: RunSummary, run: RunSummary) -> str:
    if old.is_live and run.state in ENDED:
        why = f": {run.message}" if run.message else ""
        score = f", best Dice {dice(run.best_dice)}" if math.isfinite(run.best_dice) else ""
        return ENDED[run.state] + why + score
    return DAMAGED if run.state == "broken" != old.state else ""


def _beaten(old: RunSummary, run: RunSummary, best: float) -> str:
    """A validation that is better than all that any run had."""
    if not run.best_dice > best or run.best_dice == old.best_dice:
        return ""
    return f"beats all runs: Dice {dice(run.best_dice)} (before {dice(best)})" if best else ""
