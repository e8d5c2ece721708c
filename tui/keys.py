"""The one table of keys: the bindings and the help are made from it."""

from dataclasses import dataclass
from typing import Literal

from textual.binding import Binding, BindingType

Place = Literal["everywhere", "runs", "viewer"]


@dataclass(frozen=True)
class Key:
    """A key, where it counts, what it is called in the line of help and what it does."""

    place: Place
    key: str
    """As Textual names it; several divided by commas."""
    shown: str
    """As a person reads it."""
    action: str
    """The action that it calls; empty where the focused widget answers by itself."""
    label: str
    """One or two words for the line of help; empty where only the help page tells."""
    means: str


KEYS = (
    Key("everywhere", "question_mark", "?", "app.help", "help", "this page"),
    Key("everywhere", "q", "q", "app.quit", "quit", "quit"),
    Key("everywhere", "1", "1", "app.show('runs')", "", "the runs"),
    Key("everywhere", "3", "3", "app.show('viewer')", "", "the viewer"),
    Key("everywhere", "escape", "esc", "app.step_out", "", "one step out"),
    Key("runs", "up,down", "↑ ↓", "", "run", "choose a run"),
    Key("runs", "enter", "enter", "", "look", "look at its pictures"),
    Key("runs", "v", "v", "next_view", "view", "next curve; in a narrow window bones, curve, run"),
    Key("viewer", "n", "n", "image(1)", "", "next image"),
    Key("viewer", "N,shift+n", "N", "image(-1)", "", "image before"),
    Key("viewer", "up,down", "↑ ↓", "", "bone", "choose a bone; the first line means all"),
    Key("viewer", "o", "o", "only", "only", "the chosen bone only, or the others too"),
    Key("viewer", "a", "a", "all", "all", "all bones"),
    Key("viewer", "v", "v", "next_view", "view", "prediction, label, one against the other"),
    Key("viewer", "left_square_bracket", "[", "validation(-1)", "", "validation before"),
    Key("viewer", "right_square_bracket", "]", "validation(1)", "", "next validation"),
)

EXTRA_LABELS: dict[Place, tuple[tuple[str, str], ...]] = {
    "everywhere": (),
    "runs": (),
    "viewer": (("n/N", "image"), ("[ ]", "epoch")),
}
"""Pairs of keys that share one place in the line of help."""


def bindings(place: Place) -> list[BindingType]:
    """The bindings of a screen, or of the app."""
    return [
        Binding(key.key, key.action, key.means, show=False)
        for key in KEYS
        if key.place == place and key.action
    ]


def help_line(place: Place) -> list[tuple[str, str]]:
    """Key and word, in the order in which they give way where the line is short."""

    def labelled(wanted: Place) -> list[tuple[str, str]]:
        return [(key.shown, key.label) for key in KEYS if key.place == wanted and key.label]

    own = [] if place == "everywhere" else labelled(place)
    return [*labelled("everywhere"), *EXTRA_LABELS[place], *own]


def help_page() -> list[tuple[Place, list[Key]]]:
    """The keys of the help page, in groups."""
    places: tuple[Place, ...] = ("everywhere", "runs", "viewer")
    return [(place, [key for key in KEYS if key.place == place]) for place in places]
