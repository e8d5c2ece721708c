"""The schematic hand: every bone where it belongs."""

import numpy as np
import pytest

from handseg.anatomy import BONES, CARPALS, FINGERS, METACARPALS, NEIGHBOURS
from handseg.view import hand_map
from handseg.view.hand_map import NO_BONE

SIZES = [(68, 54), (40, 32), (14, 11)]


def middle(bones, name):
    rows, columns = np.nonzero(bones == BONES.index(name))
    return rows.mean(), columns.mean()


@pytest.mark.parametrize("size", SIZES)
def test_every_bone_is_seen_at_every_size(size):
    assert set(np.unique(hand_map.bones_of_pixels(*size))) == {NO_BONE, *range(29)}


@pytest.mark.parametrize("size", SIZES[:2])
def test_the_thumb_is_left_and_fingers_point_up_from_their_metacarpals(size):
    bones = hand_map.bones_of_pixels(*size)
    for finger in FINGERS.values():
        rows = [middle(bones, bone)[0] for bone in finger]
        assert rows == sorted(rows), "the tip is uppermost"
    columns = [middle(bones, finger[0])[1] for finger in FINGERS.values()]
    assert columns == sorted(columns), "thumb, index, middle, ring, little"
    highest = min(FINGERS.values(), key=lambda finger: middle(bones, finger[0])[0])
    assert highest == FINGERS["middle"]


@pytest.mark.parametrize("size", SIZES[:2])
def test_carpals_lie_in_two_rows_between_metacarpals_and_forearm(size):
    bones = hand_map.bones_of_pixels(*size)
    place = {bone: middle(bones, bone) for bone in BONES}
    distal = ("Trapezium", "Trapezoid", "Capitate", "Hamate")
    proximal = ("Scaphoid", "Lunate", "Triquetrum", "Pisiform")
    for row in (distal, proximal):
        columns = [place[bone][1] for bone in row]
        assert columns == sorted(columns), "from the thumb's side to the little finger's"
    assert np.mean([place[bone][0] for bone in distal]) < np.mean(
        [place[bone][0] for bone in proximal]
    )
    assert max(place[bone][0] for bone in METACARPALS[1:]) < min(place[bone][0] for bone in CARPALS)
    assert max(place[bone][0] for bone in CARPALS) < place["Radius"][0]
    assert place["Radius"][1] < place["Ulna"][1], "a right hand"


def test_bones_that_touch_in_a_hand_are_near_in_the_schematic():
    corners = hand_map.polygons()
    for first, second in NEIGHBOURS:
        gaps = np.linalg.norm(corners[first][:, None] - corners[second][None], axis=2)
        assert gaps.min() < 0.1, (first, second)


def test_the_outline_lies_around_its_bone_and_on_no_other():
    bones = hand_map.bones_of_pixels(40, 32)
    index = BONES.index("Capitate")
    ring = hand_map.around(bones, index)
    assert ring.any()
    assert (bones[ring] == NO_BONE).all()
    rows, columns = np.nonzero(ring)
    own = np.argwhere(bones == index)
    for row, column in zip(rows, columns, strict=True):
        assert np.abs(own - (row, column)).max(axis=1).min() == 1
    assert not hand_map.around(bones, NO_BONE).any()


def test_a_click_beside_a_bone_means_it_and_far_away_means_none():
    bones = hand_map.bones_of_pixels(40, 32)
    ring = np.argwhere(hand_map.around(bones, BONES.index("finger-1")))[0]
    assert hand_map.nearest(bones, *ring.tolist()) != NO_BONE
    assert hand_map.nearest(bones, 0, 0) == NO_BONE
    assert hand_map.nearest(np.full((0, 0), NO_BONE, np.int8), 0, 0) == NO_BONE


def test_it_fits_its_room_and_no_room_is_no_hand():
    for room in ((68, 200), (200, 54), (24, 24)):
        height, width = hand_map.fitting(*room)
        assert height <= room[0]
        assert width <= room[1]
        assert width / height == pytest.approx(hand_map.aspect(), rel=0.1)
    assert hand_map.bones_of_pixels(*hand_map.fitting(0, 40)).size == 0
