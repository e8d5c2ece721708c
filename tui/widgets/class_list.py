"""The classes of a picture: colour, name, Dice between its label and its prediction."""

import math

from rich.text import Text

from handseg.anatomy import colours
from tui import palette
from tui.pictures import Picture
from tui.widgets.lines import Lines
from tui.wording import cell, dice, joined, without_middle

ALL = ""
"""The key of the line that means all classes; no class is called so."""
SIGN, DICE = 3, 6


class ClassHeads(Lines):
    """The names of the columns."""

    def lines(self, width: int, height: int) -> list[Text]:
        """One line."""
        name = max(1, width - SIGN - DICE - 1)
        text = cell("", SIGN) + cell("bone", name) + cell("Dice", DICE, align="right")
        return [Text(text.plain, palette.FAINT)]


def class_rows(
    classes: tuple[str, ...], picture: Picture | None, width: int
) -> list[tuple[str, Text]]:
    """A line for all classes and one for each."""
    name = max(1, width - SIGN - DICE - 1)
    found = [(ALL, joined(cell("", SIGN), cell("all bones", name, palette.DIM)))]
    values = picture.dice(len(classes)) if picture else [math.nan] * len(classes)
    for label, (red, green, blue), value in zip(classes, colours(classes), values, strict=True):
        colour = f"#{red:02x}{green:02x}{blue:02x}"
        bad = palette.BAD if value < 0.5 else ""
        parts = [cell(" ■ ", SIGN, colour), cell(without_middle(label, name), name)]
        found.append((label, joined(*parts, cell(dice(value, 3), DICE, bad, "right"))))
    return found
