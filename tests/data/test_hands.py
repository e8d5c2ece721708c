"""Side and pose of labelled hands: from their bones, whatever the files are called."""

import numpy as np
import pytest

from handseg.anatomy import BONES
from handseg.data.dataset import open_dataset
from handseg.data.label_runs import hands_of, label_file
from handseg.hand.hands import Hands, bone_places, sides_of
from handseg.phantom.writing import write_phantoms

CARPAL, RADIUS, ULNA = (BONES.index(bone) for bone in ("Capitate", "Radius", "Ulna"))


@pytest.fixture(scope="module")
def phantoms(tmp_path_factory):
    """Eight people at 256 px: the first names its sides, one has bent wrists."""
    return write_phantoms(
        tmp_path_factory.mktemp("hands") / "data", people=8, size=256, seed=3, test_people=0
    )


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HANDSEG_CACHE", str(tmp_path / "cache"))


def hands_of_labels(dataset):
    return hands_of(label_file(dataset.train, dataset.classes).submission(), dataset.classes)


@pytest.fixture
def hands(phantoms):
    return hands_of_labels(open_dataset(phantoms))


def test_each_person_has_a_left_and_a_right_hand(phantoms, hands):
    dataset = open_dataset(phantoms)
    people = {sample.image_name: sample.person for sample in dataset.train}
    sides = {}
    for image, side in zip(hands.images, hands.sides, strict=True):
        sides.setdefault(people[image], set()).add(side)
    assert len(sides) == 8
    assert all(found == {"left", "right"} for found in sides.values())


def test_a_name_that_tells_the_side_agrees(hands):
    told = {
        image: side
        for image, side in zip(hands.images, hands.sides, strict=True)
        if image.endswith(("_L.png", "_R.png"))
    }
    assert len(told) == 2
    assert all(("left" if "_L" in image else "right") == side for image, side in told.items())


def test_poses_follow_the_angle(hands):
    assert set(hands.poses) == {"bent", "straight"}
    for pose, degrees, bent in zip(hands.poses, hands.degrees, hands.bent, strict=True):
        assert (pose == "bent") == (degrees > 12) == bent


def test_areas_and_centres_are_those_of_the_masks(add_hand, tmp_path):
    square = [[10, 20], [19, 20], [19, 39], [10, 39]]
    add_hand(tmp_path / "data", "ID001/a", [("Ulna", square)])
    dataset = open_dataset(tmp_path / "data")
    found = hands_of_labels(dataset)
    assert found.areas[0, ULNA] == 200
    assert found.centres[0, ULNA].tolist() == [14.5, 29.5]
    assert np.isnan(found.areas[0, RADIUS])
    assert (found.sides, found.poses, found.are_hands) == ((None,), (None,), False)


def centres_of(places):
    centres = np.full((1, len(BONES), 2), np.nan)
    for bone, place in places.items():
        centres[0, bone] = place
    return centres


@pytest.mark.parametrize("turned", range(0, 360, 45))
@pytest.mark.parametrize(("x", "side"), [(10, "right"), (30, "left")])
def test_a_hand_that_is_turned_keeps_its_side(turned, x, side):
    carpals = {bone: (15 + bone % 3, 10) for bone in range(19, 27)}
    places = {**carpals, RADIUS: (x, 30), ULNA: (20, 34)}
    radians = np.radians(turned)
    turn = np.array([[np.cos(radians), -np.sin(radians)], [np.sin(radians), np.cos(radians)]])
    turned_places = {bone: turn @ place for bone, place in places.items()}
    fingers = {bone: turn @ (15 + bone % 5, -30) for bone in range(3, 19)}
    assert sides_of(centres_of({**turned_places, **fingers})) == (side,)


def test_without_a_wrist_the_image_is_taken_as_it_stands():
    assert sides_of(centres_of({RADIUS: (5, 9), ULNA: (8, 2)})) == ("right",)
    assert sides_of(centres_of({RADIUS: (5, 9)})) == (None,)


def test_what_a_file_is_called_tells_nothing(add_hand, tmp_path):
    for person, left in (("ID001", 10), ("ID002", 50)):
        radius = [[left, 30], [left + 9, 30], [left + 9, 50], [left, 50]]
        ulna = [[30, 30], [39, 30], [39, 50], [30, 50]]
        add_hand(tmp_path / "data", f"{person}/x_R", [("Radius", radius), ("Ulna", ulna)])
    dataset = open_dataset(tmp_path / "data")
    assert hands_of_labels(dataset).sides == ("right", "left")


def test_classes_of_other_names_are_bones_where_that_is_said():
    assert bone_places(("Ring", "radius_bone"), {"radius_bone": "Radius"}) == {
        "radius_bone": RADIUS
    }
    assert bone_places(("Ring", "Pisifrom_Triquetrum")) == {}
    twice = bone_places(("Radius", "other"), {"other": "Radius"})
    assert twice == {"Radius": RADIUS}


def test_classes_that_are_no_bones_have_no_side_and_no_pose():
    nothing = np.full((2, len(BONES)), np.nan)
    hands = Hands(("a", "b"), np.full((2, len(BONES), 2), np.nan), nothing, nothing[:, 0])
    assert hands.sides == hands.poses == (None, None)
    assert not hands.are_hands
