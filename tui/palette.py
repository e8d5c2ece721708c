"""Colours and signs: one accent, states by sign and colour.

All colours are of the 256 that tmux passes without COLORTERM, so that nothing shifts there.
"""

from textual.theme import Theme

from handseg.runs.summary import State

TEXT = "#d0d0d0"
DIM = "#808080"
FAINT = "#585858"
LINE = "#3a3a3a"
GROUND = "#121212"
RAISED = "#262626"
ACCENT = "#87afff"
GOOD = "#87af87"
WARN = "#d7af5f"
BAD = "#d75f5f"

SIGNS: dict[State, tuple[str, str]] = {
    "running": ("●", GOOD),
    "quiet": ("◐", WARN),
    "dead": ("✖", BAD),
    "failed": ("✗", BAD),
    "stopped": ("■", DIM),
    "finished": ("✔", ACCENT),
    "broken": ("!", WARN),
}

THEME = Theme(
    name="handseg",
    primary=ACCENT,
    accent=ACCENT,
    success=GOOD,
    warning=WARN,
    error=BAD,
    foreground=TEXT,
    background=GROUND,
    surface=GROUND,
    panel=RAISED,
    dark=True,
    variables={
        "scrollbar": LINE,
        "scrollbar-hover": DIM,
        "scrollbar-active": DIM,
        "scrollbar-background": GROUND,
        "scrollbar-background-hover": GROUND,
        "scrollbar-background-active": GROUND,
        "scrollbar-corner-color": GROUND,
        "line": LINE,
    },
)
