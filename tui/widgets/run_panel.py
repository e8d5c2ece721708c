"""What is known of the highlighted run, in words."""

import math
from collections.abc import Mapping
from textwrap import wrap
from typing import Any, NamedTuple

from rich.text import Text

from handseg.runs import layout
from handseg.runs.control import resume_command
from handseg.runs.history import eta_range
from handseg.runs.jsonl import number
from handseg.runs.summary import RunSummary
from handseg.text import NONE, counted, dice_text, one_line, short_duration, size_text
from tui.state import State
from tui.theme import Theme
from tui.widgets.lines import UpdatedLines, cell, count, cut, difference, joined, quantity, rule
from tui.widgets.runs_table import epochs

LABEL = 9
FIRST = ("loss", "lr", "grad")
"""Logged values that lead."""
MOST_LINES = 4
SHOWN_ELSEWHERE = ("speed", "wait", "memory")


class RunFacts(NamedTuple):
    """What is known of a run, in words."""

    state: State
    run: RunSummary
    theme: Theme

    def lines(self, room: int) -> list[tuple[str, Text]]:
        """The lines of the panel: label and value, which has so many cells."""
        run, state_lines = self.run, self._state_lines(room)
        if run.state == "broken":
            return state_lines
        details = self.state.details.get(run.name)
        if details is not None and details.unread:
            words = f"{counted(details.unread, 'line')} cannot be read: what they said is missing"
            state_lines = [*state_lines, *wrapped("log", words, room, self.theme.warn)]
        found = [*state_lines, ("epoch", self.progress)]
        if math.isfinite(run.eta):
            found.append(("left", self._left))
        found += [("Dice", self.scores), ("worst", self.worst)]
        if values := self._logged:
            found.append(("loss", values))
        found += self._machine
        if (command := resume_command(run)) is not None:
            found += wrapped("resume", command, room, self.theme.text)
        return found

    @property
    def process(self) -> Text:
        run = self.run
        return self._stated(f"pid {run.pid} on {run.host}" if run.is_live else run.message)

    def _stated(self, where: str) -> Text:
        run = self.run
        sign, colour = self.theme.signs[run.state]
        age = run.age(self.state.now())
        ago = f"{short_duration(age)} ago" if math.isfinite(age) else ""
        rest = one_line(", ".join(filter(None, (where, ago))))
        return joined(Text(f"{sign} {run.state}", colour), Text(f"  {rest}", self.theme.dim))

    def _state_lines(self, room: int) -> list[tuple[str, Text]]:
        """The process; what went wrong is told whole, in lines of its own where it is long."""
        line = self.process
        if self.run.is_live or line.cell_len <= room:
            return [("state", line)]
        why = wrapped("why", self.run.message, room, self.theme.dim)
        return [("state", self._stated("")), *why]

    @property
    def progress(self) -> Text:
        """Epochs, steps and speed."""
        run = self.run
        parts = [epochs(run), f"step {count(run.step)}"]
        if run.is_live and math.isfinite(run.logged.get("speed", math.nan)):
            parts.append(f"{quantity(run.logged['speed'])} img/s")
        if run.fold is not None:
            parts.append(f"fold {run.fold}")
        return Text(" · ".join(parts))

    @property
    def _left(self) -> Text:
        """The time left with its spread, and when it will be done."""
        details = self.state.details.get(self.run.name)
        span = eta_range(details) if details is not None else (math.nan, math.nan)
        low, high = map(short_duration, span)
        spread = f"  ({low} – {high})" if math.isfinite(sum(span)) and low != high else ""
        return joined(Text(short_duration(self.run.eta)), Text(spread, self.theme.dim))

    @property
    def scores(self) -> Text:
        """Last and best mean."""
        run = self.run
        best = f"   best {dice_text(run.best_dice)} at epoch {run.best_epoch:g}"
        known = math.isfinite(run.best_epoch)
        last = Text(dice_text(run.last_dice), "bold")
        words = "  * all classes" if run.counted_no_bones else ""
        return joined(last, Text((best if known else "") + words, self.theme.dim))

    @property
    def worst(self) -> Text:
        """The worst bone, its Dice and how that stands to the pinned run."""
        run, label = self.run, self.run.worst_class
        if label is None:
            return Text(NONE, self.theme.dim)
        value = run.dice.get(label, math.nan)
        parts = [Text(one_line(label)), Text(f" {dice_text(value, 3)}", self.theme.bad)]
        if (pinned := self.state.baseline) is not None and label in pinned.dice:
            text, style = difference(value - pinned.dice[label], self.theme)
            parts.append(Text(f"  {text} to ★", style))
        return joined(*parts)

    @property
    def _logged(self) -> Text | None:
        """The newest logged values: loss, rate and gradient first."""
        logged = self.run.logged
        first = [name for name in FIRST if name in logged]
        rest = [name for name in logged if name not in (*first, *SHOWN_ELSEWHERE)]
        parts: list[Text] = []
        for name in [*first, *rest][:5]:
            word = "" if name == "loss" else f"{one_line(name)} "
            parts += [Text(word, self.theme.dim), Text(f"{quantity(logged[name])}  ")]
        return joined(*parts) if parts else None

    @property
    def _machine(self) -> list[tuple[str, Text]]:
        """Memory of the device, waiting for the loader; processors and memory of the machine."""
        if not self.run.is_live:
            return []
        system, logged = self._last_system, self.run.logged
        device = [_share(system, "memory")]
        if not device[0] and math.isfinite(logged.get("memory", math.nan)):
            device = [f"{quantity(logged['memory'])} GB"]
        if math.isfinite(wait := logged.get("wait", math.nan)):
            device.append(f"{'loader wait' if device[0] else 'wait'} {100 * wait:.0f} %")
        ram, cpu = _share(system, "ram"), number(system.get("cpu"))
        machine = [f"ram {ram}" if ram else "", f"cpu {cpu:.0f} %" if math.isfinite(cpu) else ""]
        lines = (("memory" if device[0] else "loader", device), ("machine", machine))
        return [
            (label, Text(" · ".join(filter(None, parts)))) for label, parts in lines if any(parts)
        ]

    @property
    def _last_system(self) -> Mapping[str, Any]:
        """The newest figures of the machine."""
        details = self.state.details.get(self.run.name)
        events = reversed(details.events) if details is not None else ()
        nothing: Mapping[str, Any] = {}
        return next((event for event in events if event.get("kind") == layout.SYSTEM), nothing)


def wrapped(label: str, words: str, room: int, style: str) -> list[tuple[str, Text]]:
    lines = wrap(one_line(words), max(8, room), break_on_hyphens=False)[:MOST_LINES]
    return [(label if place == 0 else "", Text(line, style)) for place, line in enumerate(lines)]


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


class RunPanel(UpdatedLines):
    """State with process and host, epoch, step and speed, time left, loss, worst bone, machine."""

    def __init__(self, state: State, *, id: str | None = None) -> None:  # noqa: A002 - Textual's
        super().__init__(id=id)
        self._state = state
        self._rows = 0

    def update(self) -> None:
        """A second has passed, or the state has changed: draw what changed, in as many lines."""
        super().update()
        if self._rows != len(self.drawn):
            self._rows = len(self.drawn)
            self.styles.height = max(1, self._rows)

    def lines(self, width: int, height: int) -> list[Text]:
        """A line for each, under the name of the run."""
        run, theme = self._state.run, self.theme
        if run is None:
            return []
        facts = RunFacts(self._state, run, theme).lines(width - LABEL)
        head = rule(run.name, width, theme.faint)
        return [head, *(entry(label, value, width, theme) for label, value in facts)]


class CompactPanel(UpdatedLines):
    """The same for a very small window: state, epoch, Dice, worst bone."""

    def __init__(self, state: State) -> None:
        super().__init__()
        self._state = state

    def lines(self, width: int, height: int) -> list[Text]:
        run, theme = self._state.run, self.theme
        if run is None:
            return [cell(" no runs", width, theme.dim)]
        sign, colour = theme.signs[run.state]
        left = f" {short_duration(run.eta)} left" if math.isfinite(run.eta) else ""
        dice = f"{dice_text(run.last_dice)}  best {dice_text(run.best_dice)}"
        facts = (
            ("state", Text(run.state + left, colour)),
            ("epoch", Text(epochs(run))),
            ("Dice", Text(dice)),
            ("worst", RunFacts(self._state, run, theme).worst),
        )
        name = joined(cell(f" {sign} ", 3, colour), cell(run.name, width - 3, "bold"))
        return [name, *(entry(label, value, width, theme) for label, value in facts)]


def entry(label: str, value: Text, width: int, theme: Theme) -> Text:
    return cut(joined(cell(f" {label}", LABEL, theme.dim), value), width)
