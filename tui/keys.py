"""The one table of keys: the bindings, the help and the palette of commands are made from it."""

from collections.abc import Iterable
from dataclasses import dataclass

from textual.binding import Binding, BindingType

from tui.registry import SCREENS

HEADS = {
    "everywhere": "everywhere",
    "chart": "curves",
    **{name: entry.label for name, entry in SCREENS.items()},
}
"""How the help calls the places where keys count: the app, a widget, a screen."""


@dataclass(frozen=True)
class Key:
    """A key, where it counts, what it is called in the line of help and what it does."""

    place: str
    key: str
    """As Textual names it; several divided by commas."""
    shown: str
    """As a person reads it."""
    action: str
    """The action that it calls; empty where the focused widget answers by itself."""
    label: str
    """One or two words for the line of help; empty where only the help page tells."""
    means: str
    writes: bool = False
    """Whether it does something to a run: not with `--read-only`."""


KEYS = (
    Key("everywhere", "question_mark", "?", "app.help", "help", "this page"),
    Key("everywhere", "colon,ctrl+p", ":", "app.palette", "palette", "find a command, a run"),
    *(
        Key("everywhere", one.key, one.key, f"app.show('{name}')", "", f"the screen {one.title}")
        for name, one in SCREENS.items()
    ),
    Key("everywhere", "escape", "esc", "app.step_out", "", "one step out"),
    Key("everywhere", "tab", "tab", "", "", "to the next part of the screen"),
    Key("everywhere", "y", "y", "app.copy_command", "copy", "copy the command that prints this"),
    Key("everywhere", "P,shift+p", "P", "app.save_screenshot", "", "save the screen as a picture"),
    Key(
        "everywhere", "exclamation_mark", "!", "app.notifications", "", "what happened to the runs"
    ),
    Key("everywhere", "t", "t", "app.next_theme", "", "next theme: dark, light, colour-blind safe"),
    Key("everywhere", "q", "q", "app.quit", "quit", "quit"),
    Key("runs", "slash", "/", "filter", "filter", "filter: words, state:running, dice>0.9"),
    Key("runs", "s", "s", "next_order", "sort", "sort by the next column"),
    Key("runs", "S,shift+s", "S", "reverse_order", "", "sort the other way round"),
    Key("runs", "space", "space", "select", "select", "draw the curves of this run too"),
    Key("runs", "p", "p", "pin", "pin", "hold the others against this run"),
    Key("runs", "up,down", "↑ ↓", "", "", "choose a run, or a bone"),
    Key("runs", "enter", "enter", "", "look", "look at its pictures; choose the bone"),
    Key("chart", "v", "v", "curve('next')", "curve", "next value to draw"),
    Key("chart", "V,shift+v", "V", "curve('before')", "", "the value before"),
    Key("chart", "l", "l", "curve('log')", "log", "logarithmic scale, or linear"),
    Key("chart", "z", "z", "curve('smooth')", "smooth", "smoother: 0.6, 0.9, 0.97, none"),
    Key("chart", "x", "x", "curve('axis')", "", "epochs or steps"),
    Key("chart", "plus", "+", "curve('closer')", "", "closer, around the cursor"),
    Key("chart", "minus", "-", "curve('farther')", "", "farther"),
    Key("chart", "less_than_sign,shift+left", "<", "curve('left')", "", "to what was earlier"),
    Key("chart", "greater_than_sign,shift+right", ">", "curve('right')", "", "to what was later"),
    Key("chart", "0", "0", "curve('whole')", "", "all of it"),
    Key("chart", "left", "←", "curve('cursor_left')", "", "read the values to the left"),
    Key("chart", "right", "→", "curve('cursor_right')", "", "read the values to the right"),
    Key("classes", "up,down", "↑ ↓", "", "bone", "choose a bone, here and on every screen"),
    Key("classes", "left", "←", "validation(-1)", "", "validations before"),
    Key("classes", "right", "→", "validation(1)", "", "later validations"),
    Key("classes", "s", "s", "next_sort", "sort", "as in the data, worst now, largest fall"),
    Key("classes", "v", "v", "next_view", "view", "in a narrow window: strips or hand"),
    Key("classes", "a", "a", "no_class", "all", "choose no bone"),
    Key("viewer", "n", "n", "image(1)", "", "next image"),
    Key("viewer", "N,shift+n", "N", "image(-1)", "", "image before"),
    Key("viewer", "up,down", "↑ ↓", "", "bone", "choose a bone; the first line means all"),
    Key("viewer", "o", "o", "only", "only", "the chosen bone only, or the others too"),
    Key("viewer", "a", "a", "all", "all", "all bones"),
    Key("viewer", "v", "v", "next_view", "view", "prediction, label, one against the other"),
    Key("viewer", "left_square_bracket", "[", "validation(-1)", "", "validation before"),
    Key("viewer", "right_square_bracket", "]", "validation(1)", "", "next validation"),
    Key("run", "X,shift+x", "X", "stop", "stop", "stop the run; asks first", writes=True),
    Key("run", "R,shift+r", "R", "resume", "resume", "go on with the run; asks first", writes=True),
    Key("run", "slash", "/", "search", "search", "search the log"),
    Key("run", "n", "n", "next_match(1)", "", "the match before: a search begins at the end"),
    Key("run", "N,shift+n", "N", "next_match(-1)", "", "the match after"),
    Key("run", "left,right", "← →", "", "", "what stands left or right in long lines of the log"),
    Key("run", "v", "v", "next_pane", "pane", "next pane: recipe, log, checkpoints, events"),
    Key("run", "d", "d", "differences", "differ", "only what differs from the pinned run's recipe"),
    Key("run", "f", "f", "next_filter", "events", "which events: all, validations, warnings, …"),
    Key("run", "left_square_bracket", "[", "other_run(-1)", "", "the run before in the list"),
    Key("run", "right_square_bracket", "]", "other_run(1)", "", "the next run in the list"),
)

EXTRA_LABELS: dict[str, tuple[tuple[str, str], ...]] = {
    "classes": (("← →", "epoch"),),
    "viewer": (("n/N", "image"), ("[ ]", "epoch")),
}
"""Pairs of keys that share one place in the line of help."""

LAST: tuple[str, ...] = ("copy", "quit")
"""Of the words of the line of help, those that give way first."""


def bindings(place: str, *, writes: bool = True) -> list[BindingType]:
    """The bindings of a screen, a widget or the app."""
    return [
        Binding(key.key, key.action, key.means, show=False)
        for key in KEYS
        if key.place == place and key.action and (writes or not key.writes)
    ]


def help_line(places: Iterable[str], *, writes: bool = True) -> list[tuple[str, str]]:
    """Key and word, in the order in which they give way where the line is short."""
    wanted: tuple[str, ...] = (
        "everywhere",
        *(place for place in places if place != "everywhere"),
    )
    found: list[tuple[str, str]] = []
    for place in wanted:
        found += EXTRA_LABELS.get(place, ())
        found += [
            (key.shown, key.label)
            for key in KEYS
            if key.place == place and key.label and (writes or not key.writes)
        ]
    return sorted(found, key=lambda entry: entry[1] in LAST)


def help_page(here: Iterable[str] = (), *, writes: bool = True) -> list[tuple[str, list[Key]]]:
    """The keys of the help page, in groups: those that count here first."""
    places = dict.fromkeys((*here, *HEADS))
    return [
        (place, [key for key in KEYS if key.place == place and (writes or not key.writes)])
        for place in places
        if any(key.place == place for key in KEYS)
    ]
