"""The events of a run, the newest first: a sign for each kind, time, and what it says."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from rich.text import Text

from handseg.runs import layout
from handseg.runs.jsonl import number
from handseg.runs.layout import State
from handseg.text import dice_text, one_line, short_duration, size_text
from tui.theme import Theme
from tui.widgets.lines import cell, count, joined
from tui.widgets.table import Cell, DataTable, TableColumn

Event = Mapping[str, Any]
Filter = Literal["all", "validations", "checkpoints", "warnings", "machine", "turns"]
FILTERS: tuple[Filter, ...] = get_args(Filter)
TURNS = (layout.START, layout.RESUME, layout.END)
KINDS: dict[Filter, tuple[str, ...]] = {
    "validations": (layout.VALIDATION,),
    "checkpoints": (layout.CHECKPOINT,),
    "warnings": (layout.WARNING,),
    "machine": (layout.SYSTEM,),
    "turns": TURNS,
}
_NOTHING: Event = {}
TIME = 12
DAY = 86400.0


@dataclass(frozen=True)
class EventRow:
    """All that the look of a line depends on: the event, and its time in words."""

    event: Event
    moment: str


class EventsTable(DataTable[EventRow]):
    """The events that the filter lets through; any number of them."""

    def __init__(self, now: Callable[[], float]) -> None:
        super().__init__(id="events-list")
        self._now = now
        self._events: Sequence[Event] = ()
        self._filter: Filter = "all"
        self._first: str | None = None
        self.count = 0
        """Events that are let through."""

    def show_events(self, events: Sequence[Event], wanted: Filter) -> None:
        """Show these events; the cursor goes with the newest where it was on that."""
        if events is self._events and wanted == self._filter:
            self._refresh_changed()
            return
        self._events, self._filter = events, wanted
        kinds = KINDS.get(wanted)
        keys = [
            str(index)
            for index in range(len(events) - 1, -1, -1)
            if kinds is None or events[index].get("kind") in kinds
        ]
        at_first, self.count = self.cursor == self._first, len(keys)
        self._first = keys[0] if keys else None
        stays = not at_first and self.cursor in set(keys)
        self.show_keys(keys, self.cursor if stays else self._first)

    @property
    def columns(self) -> Sequence[TableColumn[EventRow]]:
        return COLUMNS

    def row(self, key: str) -> EventRow:
        place = int(key)
        event: Event = self._events[place] if place < len(self._events) else _NOTHING
        return EventRow(event, when(number(event.get("t")), self._now()))


def when(moment: float, now: float) -> str:
    """The time of day, or for what is older than a day the date too."""
    if not math.isfinite(moment):
        return ""
    form = "%H:%M:%S" if abs(now - moment) < DAY else "%m-%d %H:%M"
    return time.strftime(form, time.localtime(moment))


def event_cell(row: EventRow, width: int, theme: Theme) -> Cell:
    sign, colour = sign_of(row.event, theme)
    moment = cell(row.moment, TIME, theme.dim)
    return joined(Text(f" {sign} ", colour), moment, text_of(row.event, theme))


COLUMNS = (TableColumn(0, event_cell),)


def sign_of(event: Event, theme: Theme) -> tuple[str, str]:
    """The sign of a kind and its colour."""
    kind, state = str(event.get("kind")), event.get("state")
    if kind == layout.END:
        ending: State = "failed"
        if state == "finished" or state == "stopped":
            ending = state
        return theme.signs[ending]
    return {
        layout.START: ("▶", theme.accent),
        layout.RESUME: ("▶", theme.accent),
        layout.VALIDATION: ("◆", theme.good),
        layout.CHECKPOINT: ("▣", theme.text),
        layout.WARNING: ("!", theme.warn),
        layout.SYSTEM: ("·", theme.faint),
    }.get(kind, ("?", theme.dim))


def text_of(event: Event, theme: Theme) -> Text:
    """What an event says, whatever its fields hold."""
    kind = str(event.get("kind"))
    make = TEXTS.get(kind)
    if make is not None:
        return make(event, theme)
    rest = {k: v for k, v in event.items() if k not in ("v", "t", "kind")}
    return Text(one_line(f"{kind} {rest}"), theme.dim)


def validation(event: Event, theme: Theme) -> Text:
    """Epoch, mean, best, worst bone, how long it took."""
    mean, best = number(event.get("mean")), number(event.get("best_mean"))
    worst: Sequence[tuple[str, float]] = [event["worst"]] if "worst" in event else []
    parts = [
        Text(f"epoch {number(event.get('epoch'), 0):g}  ", theme.text),
        Text(dice_text(mean), f"bold {theme.text}"),
        Text(" best" if mean == best else f"  best {dice_text(best)}", theme.dim),
        *(Text(f"  {one_line(name)} {dice_text(value, 3)}", theme.bad) for name, value in worst),
    ]
    if event.get("uses_ema"):
        parts.append(Text("  EMA", theme.dim))
    if (seconds := number(event.get("seconds"))) == seconds:
        parts.append(Text(f"  in {short_duration(seconds)}", theme.dim))
    return joined(*parts)


def checkpoint(event: Event, theme: Theme) -> Text:
    """Step, size, whether it is the best."""
    parts = [f"checkpoint, step {count(number(event.get('step'), 0))}"]
    if (size := number(event.get("bytes"))) == size:
        parts.append(size_text(size))
    if event.get("best"):
        parts.append("the best so far")
    return Text(" · ".join(parts), theme.text)


def warning(event: Event, theme: Theme) -> Text:
    about = one_line(str(event.get("about") or ""))
    message = Text(one_line(str(event.get("message"))), theme.text)
    return joined(Text(f"{about}: " if about else "", theme.warn), message)


def system(event: Event, theme: Theme) -> Text:
    parts: list[str] = []
    if (cpu := number(event.get("cpu"))) == cpu:
        parts.append(f"cpu {cpu:.0f} %")
    for name, word in (("ram", "ram"), ("memory", str(event.get("device") or "device"))):
        used, total = number(event.get(name)), number(event.get(f"{name}_total"))
        if used == used:
            of = f" of {size_text(total)}" if total == total else ""
            parts.append(f"{one_line(word)} {size_text(used)}{of}")
    return Text(" · ".join(parts), theme.dim)


def start(event: Event, theme: Theme) -> Text:
    words = {
        "epochs": "epochs",
        "train_images": "images",
        "validation_images": "to validate on",
        "steps_per_epoch": "steps an epoch",
        "parameters": "weights",
    }
    parts = [
        f"{count(value)} {word}"
        for name, word in words.items()
        if (value := number(event.get(name))) == value
    ]
    return Text("started: " + ", ".join(parts), theme.text)


def resume(event: Event, theme: Theme) -> Text:
    """Where it went on, and why it had gone back."""
    text = f"went on from step {count(number(event.get('step'), 0))}"
    if event.get("rollback"):
        rate = number(event.get("rate"))
        text += f": back after losses that were not finite ({event['rollback']}), rate × {rate:g}"
    return Text(one_line(text), theme.text)


def end(event: Event, theme: Theme) -> Text:
    reason = str(event.get("reason") or "")
    text = f"{event.get('state')}" + (f": {reason}" if reason else "")
    return Text(one_line(text), theme.text)


TEXTS: dict[str, Callable[[Event, Theme], Text]] = {
    layout.VALIDATION: validation,
    layout.CHECKPOINT: checkpoint,
    layout.WARNING: warning,
    layout.SYSTEM: system,
    layout.START: start,
    layout.RESUME: resume,
    layout.END: end,
}
