"""Where in an image a crop lies."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handseg.anatomy import BONES, CARPALS, FINGERTIPS
from handseg.crops import known_regions, plan_crops, window_around
from handseg.data.dataset import open_dataset
from handseg.data.labels import Labels, class_mask, read_polygons
from handseg.errors import UsageError


def labels_of(**boxes):
    polygons = {
        name: (np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.int32),)
        for name, (x0, y0, x1, y1) in boxes.items()
    }
    return Labels(polygons, (True,) * len(boxes))


def test_regions_are_named_once_each_in_the_order_given():
    assert known_regions("fingertip, wrist,fingertip", BONES) == ("fingertip", "wrist")


@pytest.mark.parametrize("text", ["", " , ", "wrists", "wrist,elbow"])
def test_an_unknown_region_is_a_fault_of_usage_that_names_the_known_ones(text):
    with pytest.raises(UsageError) as caught:
        known_regions(text, BONES)
    assert caught.value.details == "regions: wrist, fingertip"


def test_a_region_needs_one_of_its_bones_among_the_classes():
    assert known_regions("wrist", ("Lunate",)) == ("wrist",)
    with pytest.raises(UsageError, match="no bone of the region fingertip"):
        known_regions("wrist,fingertip", ("Lunate",))


def test_a_window_is_the_square_around_the_box_plus_its_margin():
    labels = labels_of(Lunate=(40, 50, 59, 69), Hamate=(60, 60, 79, 69), Ulna=(0, 0, 99, 99))
    # The box is 40 wide and 20 high.
    assert window_around(labels, ("Lunate", "Hamate"), (200, 200), 0.25) == (35, 35, 85, 85)
    assert window_around(labels, ("Pisiform",), (200, 200), 0.25) is None


@pytest.mark.parametrize(
    ("box", "window"),
    [((0, 0, 39, 39), (0, 0, 50, 50)), ((60, 80, 99, 119), (50, 70, 100, 120))],
)
def test_at_the_border_a_window_is_moved_and_keeps_its_edge(box, window):
    assert window_around(labels_of(Lunate=box), ("Lunate",), (120, 100), 0.25) == window


def test_a_window_larger_than_the_image_is_cut_to_it():
    assert window_around(labels_of(Lunate=(0, 0, 59, 99)), ("Lunate",), (100, 60), 0.25) == (
        0,
        0,
        60,
        100,
    )


def test_points_outside_the_image_do_not_draw_the_window_out():
    labels = labels_of(Lunate=(90, 40, 500, 59), Hamate=(-70, -70, -50, -50))
    left, top, right, bottom = window_around(labels, ("Lunate", "Hamate"), (100, 100), 0.25)
    assert (right - left, bottom - top) == (25, 25)
    assert left <= 90
    assert right == 100
    assert window_around(labels, ("Hamate",), (100, 100), 0.25) is None


@settings(deadline=None)
@given(data=st.data(), margin=st.sampled_from([0.25, 1.0]))
def test_a_window_lies_in_the_image_and_holds_the_box(data, margin):
    height, width = data.draw(st.tuples(st.integers(1, 60), st.integers(1, 60)))
    x = sorted(data.draw(st.lists(st.integers(0, width - 1), min_size=2, max_size=2)))
    y = sorted(data.draw(st.lists(st.integers(0, height - 1), min_size=2, max_size=2)))
    labels = labels_of(Lunate=(x[0], y[0], x[1], y[1]))
    left, top, right, bottom = window_around(labels, ("Lunate",), (height, width), margin)
    assert 0 <= left <= x[0] <= x[1] < right <= width
    assert 0 <= top <= y[0] <= y[1] < bottom <= height
    edge = round((1 + margin) * (max(x[1] - x[0], y[1] - y[0]) + 1))
    assert (right - left, bottom - top) == (min(edge, width), min(edge, height))
    assert all(type(value) is int for value in (left, top, right, bottom))


def test_the_wrist_is_one_square_that_holds_all_carpals_and_a_quarter(phantom_folder):
    dataset = open_dataset(phantom_folder)
    planned = plan_crops(dataset.train, dataset.classes, "wrist")
    assert [crop.sample for crop in planned] == list(dataset.train)
    for crop in planned:
        labels = read_polygons(crop.sample.labels, dataset.classes)
        carpals = sum(class_mask(labels, name, (192, 192)) for name in CARPALS) > 0
        left, top, right, bottom = crop.window
        rows, columns = np.flatnonzero(carpals.any(1)), np.flatnonzero(carpals.any(0))
        box = max(rows[-1] - rows[0], columns[-1] - columns[0]) + 1
        assert right - left == bottom - top == round(1.25 * box)
        assert carpals[top:bottom, left:right].sum() == carpals.sum()
        assert crop.pixels == (right - left) ** 2


def test_the_fingertips_are_five_windows_one_around_each_tip(phantom_folder):
    dataset = open_dataset(phantom_folder)
    planned = plan_crops(dataset.train[:2], dataset.classes, "fingertip")
    assert [crop.bones for crop in planned] == [(tip,) for tip in FINGERTIPS] * 2
    for crop in planned:
        labels = read_polygons(crop.sample.labels, dataset.classes)
        tip = class_mask(labels, crop.bones[0], (192, 192))
        left, top, right, bottom = crop.window
        assert tip[top:bottom, left:right].sum() == tip.sum() > 0


def test_a_window_whose_bones_are_absent_is_left_out(tmp_path, add_hand):
    box = [[10, 10], [20, 10], [20, 20]]
    add_hand(tmp_path, "ID001/a", [("finger-4", box), ("finger-16", box)])
    add_hand(tmp_path, "ID002/b", [("Ulna", box)])
    dataset = open_dataset(tmp_path)
    planned = plan_crops(dataset.train, dataset.classes, "fingertip")
    assert [crop.bones for crop in planned] == [("finger-4",), ("finger-16",)]
    assert plan_crops(dataset.train, dataset.classes, "wrist") == []
