"""What the palette offers: the keys that count here, screens, orders, themes, runs by name."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from handseg.runs.summary import RunSummary
from tui import palette
from tui.keys import KEYS, SCREENS, Key, Place
from tui.order import ORDERS, OrderName

ORDER_WORDS: dict[OrderName, str] = {
    "started": "start",
    "name": "name",
    "state": "state",
    "epoch": "epoch",
    "best": "best Dice",
    "last": "last Dice",
    "trend": "how much it rises",
    "left": "time left",
    "age": "age",
}
UNLISTED = ("app.palette", "step_out", "focus_next", "show(")
"""Actions that are of no use in the palette, or are offered in better words."""


@dataclass(frozen=True)
class Command:
    """Something to do: in words, with the key that does it too, and how."""

    title: str
    key: str
    do: Callable[[], object]


Do = Callable[[Place, str], Callable[[], object]]
"""Makes what carries out an action of a place."""


def key_commands(places: Iterable[Place], do: Do, *, writes: bool) -> list[Command]:
    """The keys of these places."""
    return [
        Command(title_of(key), key.shown, do(key.place, key.action))
        for place in places
        for key in KEYS
        if key.place == place
        and key.action
        and (writes or not key.writes)
        and not any(unlisted in key.action for unlisted in UNLISTED)
    ]


def title_of(key: Key) -> str:
    """What a key does, found by its word in the line of help too."""
    return key.means if key.label in key.means else f"{key.label}: {key.means}"


def screen_commands(do: Do) -> list[Command]:
    """The screens."""
    found: list[Command] = []
    for name, title in SCREENS.items():
        number, word = title.split(" ", 1)
        found.append(Command(f"screen {word}", number, do("everywhere", f"app.show('{name}')")))
    return found


def look_commands(do: Do) -> list[Command]:
    """Orders, themes and the bell."""
    orders = [
        Command(f"sort by {ORDER_WORDS[name]}", "", do("everywhere", f"app.order('{name}')"))
        for name in ORDERS
    ]
    themes = [
        Command(f"theme {name}", "", do("everywhere", f"app.wear('{name}')"))
        for name in palette.THEMES
    ]
    return [
        *orders,
        *themes,
        Command("bell with each notice: on, off", "", do("everywhere", "app.ring")),
    ]


def run_commands(runs: Sequence[RunSummary], go: Callable[[str], object]) -> list[Command]:
    """The runs by name."""

    def going(name: str) -> Callable[[], object]:
        return lambda: go(name)

    return [Command(f"run {run.name}", "", going(run.name)) for run in runs]


def matching(commands: Sequence[Command], text: str) -> list[Command]:
    """The commands that hold all words of the text; those that begin with it first."""
    words = text.lower().split()
    found = [command for command in commands if all(w in command.title.lower() for w in words)]
    start = " ".join(words)
    return sorted(found, key=lambda command: not command.title.lower().startswith(start))
