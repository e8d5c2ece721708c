"""A contact sheet: pictures side by side with their names, for a terminal or as one picture."""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.segment import Segment

from handseg.view.half_cells import segments

TILE_CELLS = 38
"""Cells that a picture has at least where the terminal is wide enough: 29 bones are told apart."""
GAP = 2
"""Cells, or twice as many pixels in a picture, between two."""
CAPTION = 22
"""Pixels of a name in a picture."""
GROUND = (24, 24, 24)
INK = (220, 220, 220)


class Tile(NamedTuple):
    """A picture of a sheet, uint8[side, side, 3], and its name."""

    name: str
    picture: NDArray[np.uint8]


def terminal_tiles(width: int) -> tuple[int, int]:
    """How many pictures a terminal of so many cells has side by side, and the pixels of a side."""
    columns = max(1, (width + GAP) // (TILE_CELLS + GAP))
    return columns, (width + GAP) // columns - GAP


def terminal_lines(tiles: Sequence[Tile], columns: int) -> Iterator[list[Segment]]:
    """The lines of a sheet in half cells: a line of names, then that row of pictures."""
    for first in range(0, len(tiles), columns):
        row = tiles[first : first + columns]
        side = row[0].picture.shape[1]
        names = (tile.name[-side:].ljust(side + GAP) for tile in row)
        yield [Segment("".join(names).rstrip())]
        gap = Segment(" " * GAP)
        for parts in zip(*(segments(tile.picture) for tile in row), strict=True):
            yield [segment for part in parts for segment in (*part, gap)][:-1]


def sheet_picture(tiles: Sequence[Tile]) -> NDArray[np.uint8]:
    """The sheet as one picture, uint8[height, width, 3], as square as it can be."""
    from PIL import Image, ImageDraw, ImageFont

    columns = math.ceil(math.sqrt(len(tiles)))
    side = tiles[0].picture.shape[1]
    step, gap = (side + 2 * GAP + CAPTION, side + 2 * GAP), 2 * GAP
    rows = -(-len(tiles) // columns)
    size = (columns * step[1] + gap, rows * step[0] + gap)
    sheet = Image.new("RGB", size, GROUND)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(CAPTION - 8)
    for number, tile in enumerate(tiles):
        top, left = (gap + at * one for at, one in zip(divmod(number, columns), step, strict=True))
        pen.text((left, top), tile.name, INK, font)
        sheet.paste(Image.fromarray(tile.picture), (left, top + CAPTION))
    return np.asarray(sheet)
