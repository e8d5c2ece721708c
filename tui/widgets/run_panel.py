"""What is known of the highlighted run, in words."""

import math
import time

from rich.text import Text

from handseg.runs.summary import RunSummary
from tui import palette
from tui.state import State
from tui.widgets.lines import Lines
from tui.widgets.runs_table import epochs
from tui.wording import cell, count, dice, joined, quantity, rule, span

LABEL = 9


class RunPanel(Lines):
    """State with process and host, epoch and step, time left, loss and rate, the worst bone."""

    def __init__(self, state: State) -> None:
        super().__init__()
        self._state = state

    def lines(self, width: int, height: int) -> list[Text]:
        """A line for each, under the name of the run."""
        run = self._state.run
        if run is None:
            return []
        head = [rule(run.name, width, palette.FAINT)]
        return head + [entry(label, value, width) for label, value in facts(run)]


class Compact(Lines):
    """The same for a very small window: state, epoch, Dice, worst bone."""

    def __init__(self, state: State) -> None:
        super().__init__()
        self._state = state

    def lines(self, width: int, height: int) -> list[Text]:
        """Four lines."""
        run = self._state.run
        if run is None:
            return [cell("no runs", width, palette.DIM)]
        sign, colour = palette.SIGNS[run.state]
        state = f"{run.state} {span(run.eta)} left" if math.isfinite(run.eta) else run.state
        return [
            joined(cell(f" {sign} ", 3, colour), cell(run.name, width - 3, "bold")),
            entry("state", Text(state, colour), width),
            entry("epoch", Text(epochs(run)), width),
            entry("Dice", Text(f"{dice(run.last_dice)}  best {dice(run.best_dice)}"), width),
            entry("worst", worst(run), width),
        ]


def entry(label: str, value: Text, width: int) -> Text:
    """A label and what it is."""
    text = joined(cell(f" {label}", LABEL, palette.DIM), value)
    text.truncate(max(1, width), overflow="ellipsis")
    return text


def facts(run: RunSummary) -> list[tuple[str, Text]]:
    """The lines of the panel: label and value."""
    found = [("state", state(run))]
    if run.state == "broken":
        return found
    found += [("epoch", progress(run)), ("Dice", scores(run)), ("worst", worst(run))]
    if run.logged:
        found.append(("step", logged(run)))
    if run.state in ("dead", "stopped", "failed"):
        command = Text.assemble(("handseg train --resume ", palette.DIM), cell_name(run.name))
        found.append(("resume", command))
    return found


def cell_name(name: str) -> Text:
    """A name of data, as it is."""
    return cell(name, len(name))


def state(run: RunSummary) -> Text:
    """Sign and word, the process and its host, how long ago it wrote."""
    sign, colour = palette.SIGNS[run.state]
    text = Text(f"{sign} {run.state}", colour)
    ago = f"{span(time.time() - run.updated)} ago" if run.updated else ""
    where = f"pid {run.pid} on {run.host}" if run.is_live else run.message
    rest = ", ".join(part for part in (where, ago) if part)
    return joined(text, Text(f"  {rest}", palette.DIM))


def progress(run: RunSummary) -> Text:
    """Epochs, steps and what is left of them."""
    parts = [epochs(run), f"step {count(run.step)}"]
    if math.isfinite(run.eta):
        parts.append(f"{span(run.eta)} left")
    if run.fold is not None:
        parts.append(f"fold {run.fold}")
    return Text(" · ".join(parts))


def scores(run: RunSummary) -> Text:
    """Last and best mean."""
    best = f"   best {dice(run.best_dice)} at epoch {run.best_epoch:g}"
    known = math.isfinite(run.best_epoch)
    return joined(Text(dice(run.last_dice), "bold"), Text(best if known else "", palette.DIM))


def worst(run: RunSummary) -> Text:
    """The worst bone and its Dice."""
    if run.worst_class is None:
        return Text("–", palette.DIM)
    name = cell_name(run.worst_class)
    return joined(name, Text(f" {dice(run.dice[run.worst_class], 3)}", palette.BAD))


def logged(run: RunSummary) -> Text:
    """The newest logged values: loss and rate first."""
    first = [name for name in ("loss", "lr") if name in run.logged]
    names = first + [name for name in run.logged if name not in first]
    parts: list[Text] = []
    for name in names[:4]:
        parts += [Text(f"{name} ", palette.DIM), Text(f"{quantity(run.logged[name])}  ")]
    return joined(*parts)
