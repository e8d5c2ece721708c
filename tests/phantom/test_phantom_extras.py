"""What radiographs of phantoms may show besides the hand."""

import json

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from handseg.anatomy import BONES, FINGERS
from handseg.errors import UsageError
from handseg.phantom.extras import SHARES, known_extras
from handseg.phantom.phantom import make_phantom
from handseg.phantom.writing import write_phantoms

SIZE, SEED, PEOPLE = 192, 41, 10


def side_of(person):
    return "right" if person % 2 else "left"


def hand(person, *extras, size=SIZE):
    return make_phantom(size, SEED, side=side_of(person), person=person, extras=extras)


@pytest.fixture(scope="module")
def plain():
    return [hand(person) for person in range(PEOPLE)]


@pytest.fixture(scope="module")
def differences(plain):
    """For each extra, how much brighter it makes every pixel of every hand: int [10, 192, 192]."""

    def of(name):
        shown = [hand(person, name).image.astype(int) for person in range(PEOPLE)]
        return np.array(shown) - [phantom.image for phantom in plain]

    return {name: of(name) for name in SHARES}


def near(phantom, bones, reach):
    """Where some bones and what is near them is: bool [192, 192]."""
    mask = np.zeros((SIZE, SIZE), np.uint8)
    for bone in bones:
        cv2.fillPoly(mask, phantom.polygons[bone], 1)
    return cv2.dilate(mask, np.ones((2 * reach + 1,) * 2)) > 0


@pytest.mark.parametrize("name", SHARES)
def test_no_extra_changes_a_label_and_some_hands_have_each(plain, differences, name):
    for person in (0, 1):
        polygons = hand(person, name).polygons
        for bone in BONES:
            assert np.array_equal(polygons[bone][0], plain[person].polygons[bone][0])
    has = [bool(difference.any()) for difference in differences[name]]
    assert abs(np.mean(has) - SHARES[name]) <= 0.35
    assert any(has)


def test_a_ring_is_a_bright_band_around_a_proximal_phalanx(plain, differences):
    phalanges = [bones[-2] for bones in FINGERS.values()]
    for phantom, difference in zip(plain, differences["rings"], strict=True):
        strong = difference > 50
        assert not (strong & ~near(phantom, phalanges, 6)).any()
        # Wider than the bone: the flesh carries it.
        assert not strong.any() or (strong & ~near(phantom, BONES, 0)).any()


def test_metal_lies_along_bones_and_is_the_brightest(plain, differences):
    seen = 0
    for phantom, difference in zip(plain, differences["metal"], strict=True):
        strong = difference > 50
        seen += bool(strong.any())
        assert not (strong & ~near(phantom, BONES, 5)).any()
    assert seen >= 2


def test_a_collimator_leaves_the_hand_in_the_light(plain, differences):
    darkened = 0
    for person, difference in enumerate(differences["collimator"]):
        changed = np.abs(difference) > 60
        inside = near(plain[person], BONES[:27], 2)
        assert not (changed & inside).any()
        outside = hand(person, "collimator").image[changed]
        # White, or black where the display has a shutter; the edge itself is in between.
        darkened += bool(changed.mean() > 0.02)
        assert outside.size == 0 or ((outside > 240) | (outside < 10)).mean() > 0.8
    assert darkened >= 4


def test_a_letter_stands_in_a_corner_away_from_the_bones(plain, differences):
    corners = set()
    for phantom, difference in zip(plain, differences["markers"], strict=True):
        strong = difference > 50
        rows, columns = np.nonzero(strong)
        assert rows.size
        assert np.ptp(rows) < SIZE / 6
        assert np.ptp(columns) < SIZE / 6
        assert not (strong & near(phantom, BONES, 0)).any()
        corners.add((rows.mean() > SIZE / 2, columns.mean() > SIZE / 2))
    assert len(corners) >= 2


def test_sesamoids_are_small_and_at_the_heads_of_metacarpals(plain, differences):
    metacarpals = ("finger-3", "finger-7", "finger-19")
    for phantom, difference in zip(plain, differences["sesamoids"], strict=True):
        strong = difference > 12
        assert strong.mean() < 0.004
        assert not (strong & ~near(phantom, metacarpals, 4)).any()
    assert sum((difference > 12).any() for difference in differences["sesamoids"]) >= 7


def test_an_exposure_goes_wrong_to_either_side(plain, differences):
    lighter, darker = (
        [
            person
            for person, difference in enumerate(differences["exposure"])
            if sign * difference.mean() > 10
        ]
        for sign in (1, -1)
    )
    assert lighter
    assert darker

    def noise(image):
        corner = image[:30, :30].astype(float)
        return (corner - cv2.GaussianBlur(corner, (0, 0), 2)).std()

    for person in lighter:
        assert noise(hand(person, "exposure").image) > noise(plain[person].image)


def test_one_more_extra_leaves_the_others_where_they_are(differences):
    for person in range(4):
        both = hand(person, "rings", "markers").image.astype(int) - hand(person, "rings").image
        letter = differences["markers"][person]
        assert np.array_equal(both > 50, letter > 50)


@pytest.mark.parametrize("size", [256, 300])
def test_all_of_them_at_any_size(size):
    phantom = hand(3, *SHARES, size=size)
    assert phantom.image.shape == (size, size)
    assert np.array_equal(phantom.image, hand(3, *SHARES, size=size).image)


def test_names_are_put_in_order_and_unknown_ones_refused():
    assert known_extras(["metal", "rings", "metal"]) == ("rings", "metal")
    assert known_extras(["all"]) == tuple(SHARES)
    with pytest.raises(UsageError, match=r"'ring'.*rings"):
        known_extras(["ring"])


def test_a_data_set_says_what_its_radiographs_show(tmp_path):
    plain = write_phantoms(tmp_path / "plain", people=1, size=64, seed=2)
    shown = write_phantoms(tmp_path / "shown", people=1, size=64, seed=2, extras=["markers"])
    assert "with" not in json.loads((plain / "phantom.json").read_text())
    assert json.loads((shown / "phantom.json").read_text())["with"] == ["markers"]
    for label in plain.rglob("*.json"):
        if label.name != "phantom.json":
            assert label.read_bytes() == (shown / label.relative_to(plain)).read_bytes()
    for image in plain.rglob("*.png"):
        assert image.read_bytes() != (shown / image.relative_to(plain)).read_bytes()


def test_the_command_takes_a_list_and_refuses_what_it_does_not_know(tmp_path):
    import typer

    from handseg.cli.phantom import phantom

    app = typer.Typer()
    app.command()(phantom)
    words = [str(tmp_path / "data"), "--people", "1", "--size", "64", "--with"]
    refused = CliRunner().invoke(app, [*words, "rings,medal"])
    assert refused.exit_code == 2
    assert "did you mean metal" in refused.stderr
    assert CliRunner().invoke(app, [*words, ""]).exit_code == 2
    assert not (tmp_path / "data").exists()
    assert CliRunner().invoke(app, [*words, "rings, metal"]).exit_code == 0
