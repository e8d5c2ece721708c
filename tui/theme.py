"""The colours and signs of the dashboard: one accent, states by sign and colour, three themes.

All colours are of the 256 that tmux passes without COLORTERM, so that nothing shifts there. The
app's theme is the one source: `theme_of(widget)` when something is drawn, never earlier; what is
kept drawn is kept together with its theme.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, get_args

from textual.dom import DOMNode
from textual.theme import Theme as TextualTheme

from handseg.runs.layout import State
from handseg.text import STATE_SIGNS
from handseg.view.curves import BARS
from handseg.view.strips import LEVELS, level

ThemeName = Literal["dark", "light", "safe"]

NO_DICE = "·"
"""The sign of a class that has no Dice."""
DICE_BARS = BARS[:LEVELS]
"""A higher bar is a better Dice: they are seen without colours, too."""


@dataclass(frozen=True)
class Theme:
    """The colours of a theme."""

    name: ThemeName
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

    @cached_property
    def signs(self) -> dict[State, tuple[str, str]]:
        """Sign and colour of each state."""
        colours: dict[State, str] = {
            "running": self.good,
            "quiet": self.warn,
            "dead": self.bad,
            "failed": self.bad,
            "stopped": self.dim,
            "finished": self.accent,
            "broken": self.warn,
        }
        return {state: (STATE_SIGNS[state], colour) for state, colour in colours.items()}

    def dice_colour(self, dice: float) -> str:
        at = level(dice)
        return self.line if at < 0 else self.scale[at]

    def to_textual(self) -> TextualTheme:
        return TextualTheme(
            name=self.name,
            primary=self.accent,
            accent=self.accent,
            success=self.good,
            warning=self.warn,
            error=self.bad,
            foreground=self.text,
            background=self.ground,
            surface=self.ground,
            panel=self.raised,
            dark=self.dark,
            variables={
                "scrollbar": self.line,
                "scrollbar-hover": self.dim,
                "scrollbar-active": self.dim,
                "scrollbar-background": self.ground,
                "scrollbar-background-hover": self.ground,
                "scrollbar-background-active": self.ground,
                "scrollbar-corner-color": self.ground,
                "line": self.line,
                "input-cursor-background": self.text,
                "input-cursor-foreground": self.ground,
                "input-selection-background": self.line,
            },
        )


def dice_bar(dice: float) -> str:
    at = level(dice)
    return NO_DICE if at < 0 else DICE_BARS[at]


DARK = Theme(
    name="dark",
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
LIGHT = Theme(
    name="light",
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
)
# Nothing is told apart by red and green: blue, yellow and orange, as Okabe and Ito proposed
# (Color Universal Design, 2008); the scale rises in lightness like viridis.
SAFE = replace(
    DARK,
    name="safe",
    accent="#87d7ff",
    good="#5fafff",
    warn="#ffd75f",
    bad="#ff8700",
    series=(
        *("#5fafff", "#ff8700", "#ffff5f", "#00af87"),
        *("#d787af", "#5f87ff", "#d75f00", "#d0d0d0"),
    ),
    scale=("#5f0087", "#5f5faf", "#5f87af", "#5fafaf", "#87d787", "#d7d75f", "#ffff87"),
)
THEMES: dict[str, Theme] = {theme.name: theme for theme in (DARK, LIGHT, SAFE)}
assert tuple(THEMES) == get_args(ThemeName)


def theme_of(node: DOMNode) -> Theme:
    return THEMES.get(node.app.theme, DARK)  # pyright: ignore[reportUnknownMemberType]
