"""Contact sheets, in half cells and as a picture."""

import numpy as np
import pytest

from handseg.view.half_cells import segments
from handseg.view.sheet import GAP, Tile, sheet_picture, terminal_lines, terminal_tiles


def tiles(count, side=10):
    shades = np.random.default_rng(1).integers(0, 256, (count, 3), dtype=np.uint8)
    return [
        Tile(f"DCM/ID{n:03}/image.png", np.tile(shade, (side, side, 1)))
        for n, shade in enumerate(shades)
    ]


@pytest.mark.parametrize(("width", "columns"), [(20, 1), (77, 1), (78, 2), (120, 3), (200, 5)])
def test_a_terminal_is_filled_with_as_many_pictures_as_can_be_told_apart(width, columns):
    found, side = terminal_tiles(width)
    assert found == columns
    assert width - columns < columns * side + (columns - 1) * GAP <= width


def test_a_cell_is_two_pixels_and_neighbours_of_one_colour_are_one_segment():
    raster = np.zeros((3, 4, 3), np.uint8)
    raster[0, 2:] = (250, 0, 9)
    first, second = segments(raster)
    assert [segment.text for segment in first] == ["▀▀", "▀▀"]
    assert tuple(first[1].style.color.triplet) == (250, 0, 9)
    assert tuple(first[1].style.bgcolor.triplet) == (0, 0, 0)
    # An odd last row fills its cells.
    assert [segment.text for segment in second] == ["▀▀▀▀"]


def test_names_stand_above_their_pictures_and_keep_their_ends():
    lines = list(terminal_lines(tiles(3), 2))
    assert len(lines) == 2 * (1 + 5)
    assert lines[0][0].text == "/image.png  /image.png"
    assert sum(len(segment.text) for segment in lines[1]) == 10 + GAP + 10
    assert sum(len(segment.text) for segment in lines[-1]) == 10


def test_a_picture_of_a_sheet_holds_every_picture_in_its_place():
    shown = tiles(5, side=40)
    sheet = sheet_picture(shown)
    assert sheet.dtype == np.uint8
    height, width = 40 + 2 * GAP + 22, 40 + 2 * GAP
    assert sheet.shape == (2 * height + 2 * GAP, 3 * width + 2 * GAP, 3)
    for number, tile in enumerate(shown):
        row, column = divmod(number, 3)
        top, left = 2 * GAP + row * height + 22, 2 * GAP + column * width
        assert np.array_equal(sheet[top : top + 40, left : left + 40], tile.picture)
