"""The events of a run, the newest first: a sign for each kind, time, and what it says."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from rich.segment import Segment
from rich.text import Text

from handseg.runs import layout
from handseg.runs.jsonl import number
from handseg.runs.layout import State
from handseg.text import size_text
from tui import palette
from tui.widgets.sheet import Sheet
from tui.wording import cell, count, dice, joined, one_line, span

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
class EventLook:
    """All that the look of a line depends on."""

    event: Event
    moment: str


class EventsSheet(Sheet):
    """The events that the filter lets through; any number of them."""

    def __init__(self, now: Callable[[], float]) -> None:
        super().__init__(id="events-list")
        self._now = now
        self._events: Sequence[Event] = ()
        self._filter: Filter = "all"
        self._first: str | None = None
        self.count = 0
        """Events that are let through."""

    def show(self, events: Sequence[Event], wanted: Filter) -> None:
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

    def token(self, key: str) -> object:
        """The event, and its time in words: these change when a day has passed."""
        place = int(key)
        event: Event = self._events[place] if place < len(self._events) else _NOTHING
        return EventLook(event, when(number(event.get("t")), self._now()))

    def segments(self, token: object, width: int) -> list[Segment]:
        """One line."""
        if not isinstance(token, EventLook):
            return []
        text = event_line(token.event, token.moment)
        return list(text.render(self.app.console))  # pyright: ignore[reportUnknownMemberType]


def when(moment: float, now: float) -> str:
    """The time of day, or for what is older than a day the date too."""
    if not math.isfinite(moment):
        return ""
    form = "%H:%M:%S" if abs(now - moment) < DAY else "%m-%d %H:%M"
    return time.strftime(form, time.localtime(moment))


def event_line(event: Event, moment: str) -> Text:
    sign, colour = sign_of(event)
    return joined(Text(f" {sign} ", colour), cell(moment, TIME, palette.DIM), words_of(event))


def sign_of(event: Event) -> tuple[str, str]:
    """The sign of a kind and its colour."""
    kind, state = str(event.get("kind")), event.get("state")
    if kind == layout.END:
        ending: State = "failed"
        if state == "finished" or state == "stopped":
            ending = state
        return palette.SIGNS[ending]
    return {
        layout.START: ("▶", palette.ACCENT),
        layout.RESUME: ("▶", palette.ACCENT),
        layout.VALIDATION: ("◆", palette.GOOD),
        layout.CHECKPOINT: ("▣", palette.TEXT),
        layout.WARNING: ("!", palette.WARN),
        layout.SYSTEM: ("·", palette.FAINT),
    }.get(kind, ("?", palette.DIM))


def words_of(event: Event) -> Text:
    """What an event says, whatever its fields hold."""
    kind = str(event.get("kind"))
    tell = TELLERS.get(kind)
    if tell is not None:
        return tell(event)
    rest = {k: v for k, v in event.items() if k not in ("v", "t", "kind")}
    return Text(one_line(f"{kind} {rest}"), palette.DIM)


def validation(event: Event) -> Text:
    """Epoch, mean, best, worst bone, how long it took."""
    mean, best = number(event.get("mean")), number(event.get("best_mean"))
    worst: Sequence[tuple[str, float]] = [event["worst"]] if "worst" in event else []
    parts = [
        Text(f"epoch {number(event.get('epoch'), 0):g}  ", palette.TEXT),
        Text(dice(mean), f"bold {palette.TEXT}"),
        Text(" best" if mean == best else f"  best {dice(best)}", palette.DIM),
        *(Text(f"  {one_line(name)} {dice(value, 3)}", palette.BAD) for name, value in worst),
    ]
    if event.get("uses_ema"):
        parts.append(Text("  EMA", palette.DIM))
    if (seconds := number(event.get("seconds"))) == seconds:
        parts.append(Text(f"  in {span(seconds)}", palette.DIM))
    return joined(*parts)


def checkpoint(event: Event) -> Text:
    """Step, size, whether it is the best."""
    parts = [f"checkpoint, step {count(number(event.get('step'), 0))}"]
    if (size := number(event.get("bytes"))) == size:
        parts.append(size_text(size))
    if event.get("best"):
        parts.append("the best so far")
    return Text(" · ".join(parts), palette.TEXT)


def warning(event: Event) -> Text:
    """What a person should know."""
    about = one_line(str(event.get("about") or ""))
    message = Text(one_line(str(event.get("message"))), palette.TEXT)
    return joined(Text(f"{about}: " if about else "", palette.WARN), message)


def system(event: Event) -> Text:
    """What the machine had to do."""
    parts: list[str] = []
    if (cpu := number(event.get("cpu"))) == cpu:
        parts.append(f"cpu {cpu:.0f} %")
    for name, word in (("ram", "ram"), ("memory", str(event.get("device") or "device"))):
        used, total = number(event.get(name)), number(event.get(f"{name}_total"))
        if used == used:
            of = f" of {size_text(total)}" if total == total else ""
            parts.append(f"{one_line(word)} {size_text(used)}{of}")
    return Text(" · ".join(parts), palette.DIM)


def start(event: Event) -> Text:
    """What it set out to do."""
    told = {
        "epochs": "epochs",
        "train_images": "images",
        "validation_images": "to validate on",
        "steps_per_epoch": "steps an epoch",
        "parameters": "weights",
    }
    parts = [
        f"{count(value)} {word}"
        for name, word in told.items()
        if (value := number(event.get(name))) == value
    ]
    return Text("started: " + ", ".join(parts), palette.TEXT)


def resume(event: Event) -> Text:
    """Where it went on, and why it had gone back."""
    text = f"went on from step {count(number(event.get('step'), 0))}"
    if event.get("rollback"):
        rate = number(event.get("rate"))
        text += f": back after losses that were not finite ({event['rollback']}), rate × {rate:g}"
    return Text(one_line(text), palette.TEXT)


def end(event: Event) -> Text:
    """How it ended and why."""
    reason = str(event.get("reason") or "")
    text = f"{event.get('state')}" + (f": {reason}" if reason else "")
    return Text(one_line(text), palette.TEXT)


TELLERS: dict[str, Callable[[Event], Text]] = {
    layout.VALIDATION: validation,
    layout.CHECKPOINT: checkpoint,
    layout.WARNING: warning,
    layout.SYSTEM: system,
    layout.START: start,
    layout.RESUME: resume,
    layout.END: end,
}
