"""What is known of the highlighted run, in words."""

import math
from collections.abc import Mapping
from textwrap import wrap
from typing import Any

from rich.text import Text

from handseg.runs import layout
from handseg.runs.control import resume_command
from handseg.runs.history import eta_range
from handseg.runs.jsonl import number
from handseg.runs.summary import RunSummary
from handseg.text import size_text
from tui import palette
from tui.bones import rival
from tui.state import State
from tui.widgets.bones import difference
from tui.widgets.lines import KeptLines
from tui.widgets.run_columns import epochs
from tui.wording import cell, count, dice, joined, one_line, quantity, rule, span

LABEL = 9
FIRST = ("loss", "lr", "grad")
"""Logged values that lead."""
MOST_LINES = 4
TOLD_ELSEWHERE = ("speed", "wait", "memory")


class RunPanel(KeptLines):
    """State with process and host, epoch, step and speed, time left, loss, worst bone, machine."""

    def __init__(self, state: State, *, id: str | None = None) -> None:  # noqa: A002 - Textual's
        super().__init__(id=id)
        self._state = state
        self._rows = 0

    def take(self) -> None:
        """A second has passed, or the state has changed: draw what changed, in as many lines."""
        super().take()
        if self._rows != len(self.told):
            self._rows = len(self.told)
            self.styles.height = max(1, self._rows)

    def lines(self, width: int, height: int) -> list[Text]:
        """A line for each, under the name of the run."""
        run = self._state.run
        if run is None:
            return []
        told = facts(self._state, run, width - LABEL)
        head = rule(run.name, width, palette.FAINT)
        return [head, *(entry(label, value, width) for label, value in told)]


class Compact(KeptLines):
    """The same for a very small window: state, epoch, Dice, worst bone."""

    def __init__(self, state: State) -> None:
        super().__init__()
        self._state = state

    def lines(self, width: int, height: int) -> list[Text]:
        """Five lines."""
        run = self._state.run
        if run is None:
            return [cell(" no runs", width, palette.DIM)]
        sign, colour = palette.SIGNS[run.state]
        state = f"{run.state} {span(run.eta)} left" if math.isfinite(run.eta) else run.state
        return [
            joined(cell(f" {sign} ", 3, colour), cell(run.name, width - 3, "bold")),
            entry("state", Text(state, colour), width),
            entry("epoch", Text(epochs(run)), width),
            entry("Dice", Text(f"{dice(run.last_dice)}  best {dice(run.best_dice)}"), width),
            entry("worst", worst(self._state, run), width),
        ]


def entry(label: str, value: Text, width: int) -> Text:
    """A label and what it is."""
    text = joined(cell(f" {label}", LABEL, palette.DIM), value)
    text.truncate(max(1, width), overflow="ellipsis")
    return text


def facts(state: State, run: RunSummary, room: int) -> list[tuple[str, Text]]:
    """The lines of the panel: label and value, which has so many cells."""
    found = state_lines(run, state.now(), room)
    if run.state == "broken":
        return found
    found.append(("epoch", progress(run)))
    if math.isfinite(run.eta):
        found.append(("left", left(state, run)))
    found += [("Dice", scores(run)), ("worst", worst(state, run))]
    if values := logged(run):
        found.append(("loss", values))
    found += machine_of(state, run)
    if (command := resume_command(run)) is not None:
        found += wrapped("resume", command, room, palette.TEXT)
    return found


def process(run: RunSummary, now: float) -> Text:
    """Sign and word, the process and its host or what is wrong, how long ago it was heard."""
    where = f"pid {run.pid} on {run.host}" if run.is_live else run.message
    return _stated(run, now, where)


def _stated(run: RunSummary, now: float, where: str) -> Text:
    sign, colour = palette.SIGNS[run.state]
    ago = f"{span(run.age(now))} ago" if run.updated else ""
    rest = one_line(", ".join(filter(None, (where, ago))))
    return joined(Text(f"{sign} {run.state}", colour), Text(f"  {rest}", palette.DIM))


def state_lines(run: RunSummary, now: float, room: int) -> list[tuple[str, Text]]:
    """The same; what went wrong is told whole, in lines of its own where it is long."""
    line = process(run, now)
    if run.is_live or line.cell_len <= room:
        return [("state", line)]
    return [("state", _stated(run, now, "")), *wrapped("why", run.message, room, palette.DIM)]


def wrapped(label: str, words: str, room: int, style: str) -> list[tuple[str, Text]]:
    lines = wrap(one_line(words), max(8, room), break_on_hyphens=False)[:MOST_LINES]
    return [(label if place == 0 else "", Text(line, style)) for place, line in enumerate(lines)]


def progress(run: RunSummary) -> Text:
    """Epochs, steps and speed."""
    parts = [epochs(run), f"step {count(run.step)}"]
    if run.is_live and math.isfinite(run.logged.get("speed", math.nan)):
        parts.append(f"{quantity(run.logged['speed'])} img/s")
    if run.fold is not None:
        parts.append(f"fold {run.fold}")
    return Text(" · ".join(parts))


def left(state: State, run: RunSummary) -> Text:
    """The time left with its spread, and when it will be done."""
    details = state.details.get(run.name)
    low, high = eta_range(details) if details is not None else (math.nan, math.nan)
    known = math.isfinite(low + high) and span(low) != span(high)
    spread = f"  ({span(low)} – {span(high)})" if known else ""
    return joined(Text(span(run.eta)), Text(spread, palette.DIM))


def scores(run: RunSummary) -> Text:
    """Last and best mean."""
    best = f"   best {dice(run.best_dice)} at epoch {run.best_epoch:g}"
    known = math.isfinite(run.best_epoch)
    return joined(Text(dice(run.last_dice), "bold"), Text(best if known else "", palette.DIM))


def worst(state: State, run: RunSummary) -> Text:
    """The worst bone, its Dice and how that stands to the pinned run."""
    label = run.worst_class
    if label is None:
        return Text("–", palette.DIM)
    value = run.dice.get(label, math.nan)
    parts = [Text(one_line(label)), Text(f" {dice(value, 3)}", palette.BAD)]
    if (pinned := rival(state)) is not None and label in pinned.dice:
        text, style = difference(value - pinned.dice[label])
        parts.append(Text(f"  {text} to ★", style))
    return joined(*parts)


def logged(run: RunSummary) -> Text | None:
    """The newest logged values: loss, rate and gradient first."""
    first = [name for name in FIRST if name in run.logged]
    rest = [name for name in run.logged if name not in (*first, *TOLD_ELSEWHERE)]
    names = [*first, *rest]
    parts: list[Text] = []
    for name in names[:5]:
        word = "" if name == "loss" else f"{one_line(name)} "
        parts += [Text(word, palette.DIM), Text(f"{quantity(run.logged[name])}  ")]
    return joined(*parts) if parts else None


def machine_of(state: State, run: RunSummary) -> list[tuple[str, Text]]:
    """Memory of the device and waiting for the loader; processors and memory of the machine."""
    if not run.is_live:
        return []
    system = _last_system(state, run.name)
    device = [_share(system, "memory")]
    if not device[0] and math.isfinite(run.logged.get("memory", math.nan)):
        device = [f"{quantity(run.logged['memory'])} GB"]
    if math.isfinite(wait := run.logged.get("wait", math.nan)):
        device.append(f"{'loader wait' if device[0] else 'wait'} {100 * wait:.0f} %")
    ram, cpu = _share(system, "ram"), number(system.get("cpu"))
    machine = [f"ram {ram}" if ram else "", f"cpu {cpu:.0f} %" if math.isfinite(cpu) else ""]
    lines = (("memory" if device[0] else "loader", device), ("machine", machine))
    return [
        (label, Text(" · ".join(part for part in parts if part)))
        for label, parts in lines
        if any(parts)
    ]


def _share(system: Mapping[str, Any], name: str) -> str:
    """What is used of what there is: `29.1 of 32 GB`; empty where it is not known."""
    used, total = number(system.get(name)), number(system.get(f"{name}_total"))
    if not math.isfinite(used):
        return ""
    if not math.isfinite(total):
        return size_text(used)
    words, unit = size_text(total).rsplit(" ", 1)
    own, own_unit = size_text(used).rsplit(" ", 1)
    return f"{own} of {words} {unit}" if unit == own_unit else f"{own} {own_unit} of {words} {unit}"


def _last_system(state: State, name: str) -> Mapping[str, Any]:
    """The newest figures of the machine."""
    details = state.details.get(name)
    events = reversed(details.events) if details is not None else ()
    nothing: Mapping[str, Any] = {}
    return next((event for event in events if event.get("kind") == layout.SYSTEM), nothing)
