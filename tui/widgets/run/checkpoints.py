"""The checkpoints of a run: which is last and best, how good, how big, whether it looks whole."""

import math
from collections.abc import Sequence

from rich.text import Text

from handseg.runs.checkpoints import CheckpointFacts
from handseg.text import size_text
from tui import palette
from tui.wording import cell, count, dice, joined, one_line, span

MARKS, STEP, EPOCH, DICE, WEIGHTS, SIZE, AGE = 10, 9, 7, 6, 5, 9, 5


def checkpoint_head() -> Text:
    """The names of the columns."""
    names = (("step", STEP), ("epoch", EPOCH), ("Dice", DICE), ("by", WEIGHTS), ("size", SIZE))
    cells = [cell(name, width, align="right") for name, width in (*names, ("age", AGE))]
    return Text(joined(cell("", MARKS + 1), *cells).plain, palette.FAINT)


def checkpoint_rows(found: Sequence[CheckpointFacts], now: float) -> list[tuple[str, Text]]:
    """A row for each, below a head."""
    if not found:
        return [("none", Text(" no checkpoint yet", palette.DIM))]
    return [("head", checkpoint_head()), *((one.name, checkpoint_row(one, now)) for one in found)]


def checkpoint_row(one: CheckpointFacts, now: float) -> Text:
    """One line."""
    weights = {True: "EMA", False: "raw", None: "–"}[one.uses_ema]
    epoch = f"{one.epoch:.4g}" if math.isfinite(one.epoch) else "–"
    age = span(now - one.time) if one.time else "–"
    marks = [word for word, holds in (("last", one.is_last), ("best", one.is_best)) if holds]
    head = joined(
        " ", cell(" ".join(marks), MARKS, palette.GOOD), cell(count(one.step), STEP, align="right")
    )
    if one.fault:
        # What cannot be loaded has no figures worth a look.
        return joined(head, Text(f"  ! {one_line(one.fault)}", palette.BAD))
    return joined(
        head,
        cell(epoch, EPOCH, palette.DIM, "right"),
        cell(dice(one.mean), DICE, "", "right"),
        cell(weights, WEIGHTS, palette.DIM, "right"),
        cell(size_text(one.bytes) if one.bytes else "–", SIZE, palette.DIM, "right"),
        cell(age, AGE, palette.DIM, "right"),
    )
