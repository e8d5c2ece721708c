"""Colours and signs: one accent, states by sign and colour, three themes.

All colours are of the 256 that tmux passes without COLORTERM, so that nothing shifts there. The
names below are those of the theme that is worn: read them as `palette.TEXT` when something is
drawn, never earlier, and keep `palette.NAME` in the key of what is kept drawn.
"""

from dataclasses import dataclass, replace
from typing import Literal, get_args

from textual.theme import Theme

from handseg.runs.layout import State
from handseg.text import STATE_SIGNS

ThemeName = Literal["dark", "light", "safe"]
THEMES: tuple[ThemeName, ...] = get_args(ThemeName)


@dataclass(frozen=True)
class Colours:
    """The colours of a theme."""

    text: str
    dim: str
    faint: str
    line: str
    ground: str
    raised: str
    accent: str
    good: str
    warn: str
    bad: str
    series: tuple[str, ...]
    """A colour for each of eight runs."""
    scale: tuple[str, ...]
    """Dice from the worst to the best."""
    dark: bool = True


DARK = Colours(
    text="#d0d0d0",
    dim="#808080",
    faint="#585858",
    line="#3a3a3a",
    ground="#121212",
    raised="#262626",
    accent="#87afff",
    good="#87af87",
    warn="#d7af5f",
    bad="#d75f5f",
    series=(
        *("#87afff", "#ffaf5f", "#87d787", "#ff87af"),
        *("#d7d75f", "#5fd7d7", "#d787ff", "#d7af87"),
    ),
    scale=("#d70000", "#d75f00", "#d78700", "#d7af5f", "#afaf5f", "#87af5f", "#5faf5f"),
)

COLOURS: dict[ThemeName, Colours] = {
    "dark": DARK,
    "light": Colours(
        text="#303030",
        dim="#6c6c6c",
        faint="#9e9e9e",
        line="#c6c6c6",
        ground="#eeeeee",
        raised="#dadada",
        accent="#005faf",
        good="#008700",
        warn="#af5f00",
        bad="#af0000",
        series=(
            *("#005fd7", "#d75f00", "#008700", "#d70087"),
            *("#878700", "#008787", "#8700d7", "#875f00"),
        ),
        scale=("#af0000", "#d75f00", "#d78700", "#d7af00", "#afaf00", "#87af00", "#00af00"),
        dark=False,
    ),
    # Nothing is told apart by red and green: blue, yellow and orange, as Okabe and Ito proposed
    # (Color Universal Design, 2008); the scale rises in lightness like viridis.
    "safe": replace(
        DARK,
        accent="#87d7ff",
        good="#5fafff",
        warn="#ffd75f",
        bad="#ff8700",
        series=(
            *("#5fafff", "#ff8700", "#ffff5f", "#00af87"),
            *("#d787af", "#5f87ff", "#d75f00", "#d0d0d0"),
        ),
        scale=("#5f0087", "#5f5faf", "#5f87af", "#5fafaf", "#87d787", "#d7d75f", "#ffff87"),
    ),
}

NAME: ThemeName = "dark"
TEXT = COLOURS[NAME].text
DIM = COLOURS[NAME].dim
FAINT = COLOURS[NAME].faint
LINE = COLOURS[NAME].line
GROUND = COLOURS[NAME].ground
RAISED = COLOURS[NAME].raised
ACCENT = COLOURS[NAME].accent
GOOD = COLOURS[NAME].good
WARN = COLOURS[NAME].warn
BAD = COLOURS[NAME].bad
SERIES = COLOURS[NAME].series
SCALE = COLOURS[NAME].scale


def signs(colours: Colours) -> dict[State, tuple[str, str]]:
    """Sign and colour of each state."""
    of_state: dict[State, str] = {
        "running": colours.good,
        "quiet": colours.warn,
        "dead": colours.bad,
        "failed": colours.bad,
        "stopped": colours.dim,
        "finished": colours.accent,
        "broken": colours.warn,
    }
    return {state: (STATE_SIGNS[state], colour) for state, colour in of_state.items()}


SIGNS = signs(COLOURS[NAME])


def wear(name: ThemeName) -> None:
    """Draw everything in the colours of a theme from now on: a terminal has one."""
    colours = COLOURS[name]
    worn = {field.upper(): value for field, value in vars(colours).items()}
    globals().update(worn, NAME=name, SIGNS=signs(colours))


def theme(name: ThemeName) -> Theme:
    """What Textual wants to know of a theme."""
    colours = COLOURS[name]
    return Theme(
        name=name,
        primary=colours.accent,
        accent=colours.accent,
        success=colours.good,
        warning=colours.warn,
        error=colours.bad,
        foreground=colours.text,
        background=colours.ground,
        surface=colours.ground,
        panel=colours.raised,
        dark=colours.dark,
        variables={
            "scrollbar": colours.line,
            "scrollbar-hover": colours.dim,
            "scrollbar-active": colours.dim,
            "scrollbar-background": colours.ground,
            "scrollbar-background-hover": colours.ground,
            "scrollbar-background-active": colours.ground,
            "scrollbar-corner-color": colours.ground,
            "line": colours.line,
            "input-cursor-background": colours.text,
            "input-cursor-foreground": colours.ground,
            "input-selection-background": colours.line,
        },
    )
