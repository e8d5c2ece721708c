"""Pictures for the screen, pixel by pixel."""

import numpy as np
import pytest

from handseg.view.overlay import (
    EXTRA,
    FILL,
    FILL_CHOSEN,
    FILL_ERRORS,
    FILL_REST,
    MISSED,
    RIGHT,
    SWAPPED,
    ImageRegion,
    compose,
    compose_errors,
    fitted,
    sample,
    samples_a_side,
    shrink_grey,
)

RED, GREEN = (255, 0, 0), (0, 255, 0)


def planes(side: int, *boxes: tuple[int, slice, slice], count: int = 2) -> np.ndarray:
    found = np.zeros((side, side, count), np.uint8)
    for index, rows, columns in boxes:
        found[rows, columns, index // 8] |= np.uint8(1 << index % 8)
    return found


def blend(grey: float, colour: tuple[int, int, int], fill: float) -> list[int]:
    return [round(grey * (1 - fill) + part * fill) for part in colour]


GREY = np.full((8, 8), 100, np.uint8)
LEFT, RIGHT_HALF = slice(0, 4), slice(4, 8)
ALL = slice(None)


def test_without_masks_a_picture_is_the_mean_of_its_pixels_in_grey():
    image = np.arange(64, dtype=np.uint8).reshape(8, 8)
    found = compose(image, None, [], (4, 4))
    expected = np.rint(image.reshape(4, 2, 4, 2).mean(axis=(1, 3)))
    assert np.abs(found[:, :, 0] - expected).max() <= 1
    assert (found == found[:, :, :1]).all()


def test_a_class_is_painted_in_its_colour_where_it_lies_and_nowhere_else():
    masks = planes(8, (1, ALL, LEFT), (9, ALL, RIGHT_HALF))
    colours = [(0, 0, 0), RED, *[(0, 0, 0)] * 7, GREEN]
    found = compose(GREY, masks, colours, (8, 8))
    assert found[3, 1].tolist() == blend(100, RED, FILL)
    assert found[3, 6].tolist() == blend(100, GREEN, FILL)


def test_a_pixel_that_is_half_covered_is_painted_by_half():
    masks = planes(8, (0, ALL, slice(0, 2)))
    found = compose(GREY, masks, [RED], (2, 2))
    assert found[0, 0].tolist() == blend(100, RED, FILL / 2)
    assert found[0, 1].tolist() == [100, 100, 100]


def test_two_classes_on_one_pixel_are_mixed():
    masks = planes(8, (0, ALL, ALL), (1, ALL, ALL))
    assert compose(GREY, masks, [RED, GREEN], (4, 4))[0, 0].tolist() == blend(
        100, (127.5, 127.5, 0), FILL
    )


def test_the_chosen_class_alone_is_saturated_and_lies_above_the_others():
    masks = planes(8, (0, ALL, ALL), (1, ALL, LEFT))
    found = compose(GREY, masks, [RED, GREEN], (8, 8), chosen=1)
    dimmed = np.array(blend(100, RED, FILL_REST))
    assert np.abs(found[0, 7].astype(int) - dimmed).max() <= 1
    rest = 100 * (1 - FILL_REST) + 255 * FILL_REST
    assert found[0, 0, 0] == round(rest * (1 - FILL_CHOSEN))
    assert found[0, 0, 1] > 200


def test_with_only_the_other_classes_are_not_painted():
    masks = planes(8, (0, ALL, LEFT), (1, ALL, RIGHT_HALF))
    found = compose(GREY, masks, [RED, GREEN], (8, 8), chosen=1, only=True)
    assert found[0, 0].tolist() == [100, 100, 100]
    assert found[0, 7].tolist() == blend(100, GREEN, FILL_CHOSEN)


def test_errors_tell_agreed_missed_too_much_and_wrong_bone_apart():
    truth = planes(8, (0, slice(0, 2), ALL), (0, slice(2, 4), ALL), (1, slice(6, 8), ALL))
    predicted = planes(8, (0, slice(0, 2), ALL), (0, slice(4, 6), ALL), (0, slice(6, 8), ALL))
    found = compose_errors(GREY, truth, predicted, (8, 8))
    for row, colour in ((0, RIGHT), (2, MISSED), (4, EXTRA), (6, SWAPPED)):
        assert found[row, 3].tolist() == blend(100, colour, FILL_ERRORS)


def test_errors_of_a_chosen_class_say_nothing_of_the_others():
    truth = planes(8, (0, slice(0, 4), ALL), (9, slice(4, 8), ALL))
    found = compose_errors(GREY, truth, planes(8), (8, 8), chosen=9)
    assert found[0, 0].tolist() == [100, 100, 100]
    assert found[7, 0].tolist() == blend(100, MISSED, FILL_ERRORS)


def test_a_box_shows_only_its_part():
    masks = planes(8, (0, ALL, LEFT))
    found = compose(GREY, masks, [RED], (4, 4), box=ImageRegion(0, 4, 8, 8))
    assert (found == 100).all()


def test_a_small_picture_is_enlarged():
    image = np.array([[0, 200]], np.uint8)
    assert shrink_grey(image, (2, 4)).tolist() == [[0, 0, 200, 200]] * 2


@pytest.mark.parametrize(
    ("size", "room", "expected"),
    [
        ((100, 100), (40, 80), (40, 40)),
        ((100, 200), (40, 40), (20, 40)),
        ((2000, 10), (5, 5), (5, 1)),
        ((10, 10), (1, 1), (1, 1)),
    ],
)
def test_a_picture_keeps_its_aspect(size, room, expected):
    assert fitted(size, room) == expected


def test_samples_are_half_of_the_pixels_below_and_one_to_four():
    box = ImageRegion(0, 0, 1000, 1000)
    found = [samples_a_side(box, (side, side)) for side in (10, 200, 250, 500, 1000, 3000)]
    assert found == [4, 3, 2, 1, 1, 1]


def test_samples_lie_at_the_centres_of_their_pixels():
    image = np.arange(16, dtype=np.uint8).reshape(4, 4, 1)
    assert sample(image, ImageRegion.whole((4, 4)), (2, 2), 1)[:, :, 0].tolist() == [
        [5, 7],
        [13, 15],
    ]
    assert (sample(image, ImageRegion.whole((4, 4)), (2, 2), 2) == image).all()
