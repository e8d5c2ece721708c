"""The hand: every bone in the colour of its Dice, the chosen one outlined."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from handseg.anatomy import BONES, bones_of
from handseg.text import dice_text
from handseg.view import hand_map
from handseg.view.hand_map import NO_BONE
from tui.theme import dice_bar, theme_of
from tui.widgets.lines import cell, strip_of

RING = -2
"""A pixel around the chosen bone."""
LEAST_BONES = 20
"""A class list of fewer bones is no hand."""


class Hand(Widget):
    """A right hand from the back; a click chooses a bone."""

    @dataclass
    class BoneClicked(Message):
        """A bone was clicked: the class that it has in the data."""

        label: str

    def __init__(self) -> None:
        super().__init__()
        self._class_of: dict[str, str] = {}
        """The class of each bone."""
        self._values: Mapping[str, float] = {}
        self._chosen: str | None = None
        self._pixels = np.full((0, 0), NO_BONE, np.int8)
        self._strips: list[Strip] = []
        self._made_of: tuple[Any, ...] = ()

    def show(
        self, classes: tuple[str, ...], values: Mapping[str, float], chosen: str | None
    ) -> None:
        """Show the Dice of the classes, and which of them is chosen."""
        self._class_of = {bone: name for name, bone in bones_of(classes).items()}
        self._values, self._chosen = values, chosen
        if self._make():
            self.refresh()

    def on_resize(self) -> None:
        self._make()

    def render_line(self, y: int) -> Strip:
        if y == 0:
            self._make()
        if y < len(self._strips):
            return self._strips[y]
        return Strip.blank(self.size.width, self.rich_style)

    def _make(self) -> bool:
        """Draw anew if anything changed; whether it did."""
        # Without colours the bars of two levels look the same, so values are kept as levels.
        looks = tuple(self._look(bone) for bone in BONES)
        title = self._title()
        made_of = (self.size, looks, title, self._chosen, theme_of(self).name, self.rich_style)
        if made_of == self._made_of:
            return False
        self._made_of = made_of
        width, height = self.size
        self._pixels = hand_map.bones_of_pixels(
            *hand_map.fitting(2 * max(0, height - 1), max(0, width - 2))
        )
        plain = self.app.no_color  # pyright: ignore[reportUnknownMemberType]
        lines = self._signs() if plain else self._colours()
        self._strips = [self._title_strip(title), *(self._strip(line) for line in lines)]
        return True

    def _look(self, bone: str) -> tuple[str, str]:
        label, theme = self._class_of.get(bone), theme_of(self)
        if label is None:
            return theme.raised, " "
        value = self._values.get(label, math.nan)
        return theme.dice_colour(value), dice_bar(value)

    def _title(self) -> str:
        if self._chosen is None:
            return "right hand from the back"
        return f"{self._chosen} {dice_text(self._values.get(self._chosen, math.nan), 3)}"

    def _title_strip(self, title: str) -> Strip:
        width, theme = self.size.width, theme_of(self)
        style = f"bold {theme.text}" if self._chosen else theme.dim
        return strip_of(self, cell(title.center(max(0, width)), width, style), self.rich_style)

    def _strip(self, line: list[Segment]) -> Strip:
        left = max(0, (self.size.width - self._pixels.shape[1]) // 2)
        ground = self.rich_style
        return strip_of(self, [Segment(" " * left, ground), *line], ground)

    def _chosen_bone(self) -> int:
        names = [self._class_of.get(bone) for bone in BONES]
        return names.index(self._chosen) if self._chosen in names and self._chosen else NO_BONE

    def _colours(self) -> list[list[Segment]]:
        """Half cells; what lies around the chosen bone is bright."""
        shades = [self._look(bone)[0] for bone in BONES]
        chosen = self._chosen_bone()
        free = np.where(hand_map.around(self._pixels, chosen), np.int8(RING), np.int8(NO_BONE))
        pixels: NDArray[np.int8] = np.where(self._pixels == NO_BONE, free, self._pixels)
        if len(pixels) % 2:
            pixels = np.pad(pixels, ((0, 1), (0, 0)), constant_values=NO_BONE)
        # The last two are for RING and NO_BONE, which count from the end.
        ground = theme_of(self).ground
        colours = [*shades, theme_of(self).text, ground]
        rows: list[list[int]] = np.asarray(pixels, np.int64).tolist()
        return [
            [
                half(colours[up], colours[down], ground)
                for up, down in zip(above, below, strict=True)
            ]
            for above, below in zip(rows[::2], rows[1::2], strict=True)
        ]

    def _signs(self) -> list[list[Segment]]:
        """Whole cells, for terminals without colours: the bar of each bone, full ones around."""
        chosen = self._chosen_bone()
        ring = hand_map.around(self._pixels, chosen)
        found: list[list[Segment]] = []
        for row in range(0, self._pixels.shape[0], 2):
            upper, lower = self._pixels[row], self._pixels[min(row + 1, len(self._pixels) - 1)]
            bones: list[int] = np.maximum(upper, lower).tolist()
            edge = (ring[row] | ring[min(row + 1, len(ring) - 1)]).tolist()
            text = "".join(
                "█" if outlined and bone == NO_BONE else self._bar(bone)
                for bone, outlined in zip(bones, edge, strict=True)
            )
            found.append([Segment(text, self.rich_style)])
        return found

    def _bar(self, bone: int) -> str:
        return " " if bone == NO_BONE else self._look(BONES[bone])[1]

    def on_click(self, event: events.Click) -> None:
        """Choose the bone under the mouse, or near it."""
        left = max(0, (self.size.width - self._pixels.shape[1]) // 2)
        row, column = 2 * (event.y - 1) + 0.5, event.x - left
        bone = hand_map.nearest(self._pixels, row, column)
        label = self._class_of.get(BONES[bone]) if bone != NO_BONE else None
        if label is not None:
            self.post_message(self.BoneClicked(label))


def is_hand(classes: tuple[str, ...]) -> bool:
    return len(bones_of(classes)) >= max(LEAST_BONES, len(classes) - 1)


@lru_cache(maxsize=4096)
def half(above: str, below: str, ground: str) -> Segment:
    """A cell of two pixels; blank where there is nothing in either."""
    if above == below:
        return Segment(" " if above == ground else "█", Style(color=above, bgcolor=above))
    return Segment("▀", Style(color=above, bgcolor=below))
