"""Dice as a colour, and as a sign where there are no colours."""

from rich.text import Text

from handseg.view.curves import BARS
from handseg.view.strips import BOUNDS, LEVELS, level
from tui import palette
from tui.wording import joined

NONE = "·"
"""The sign of a class that has no Dice."""
LEAST_TREND = 0.02
"""What a trend of Dice is high: the noise of a trained model must not look like a collapse."""
LEAST_AXIS = 0.004
"""What an axis of Dice is long at least."""
SIGNS = BARS[:LEVELS]
"""A higher bar is a better Dice: they are seen without colours, too."""


def colour(value: float) -> str:
    place = level(value)
    return palette.LINE if place < 0 else palette.SCALE[place]


def sign(value: float) -> str:
    place = level(value)
    return NONE if place < 0 else SIGNS[place]


def key(width: int, *, coloured: bool) -> Text:
    """What the colours, or the bars, mean."""
    parts = [Text(" Dice ", palette.DIM)]
    for place, bound in enumerate((0.0, *BOUNDS)):
        number = f"<{BOUNDS[0]:g}" if place == 0 else f"{bound:.2f}".rstrip("0")
        mark = "■" if coloured else SIGNS[place]
        parts += [
            Text(mark, palette.SCALE[place] if coloured else palette.TEXT),
            Text(f"{number.replace('0.', '.')} ", palette.DIM),
        ]
    text = joined(*parts, Text(f"{NONE} none", palette.DIM))
    text.truncate(max(0, width))
    return text
