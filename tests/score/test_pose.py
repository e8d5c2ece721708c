"""Bent wrists told by labels, against phantoms whose bend is known."""

from pathlib import Path

import numpy as np
import pytest

from handseg import rle
from handseg.errors import InputError, UsageError
from handseg.formats.polygons import rasterise
from handseg.hand.hands import LIMIT, Hands, axis_lean, bend, shaft_lean
from handseg.phantom.phantom import make_polygons
from handseg.rle.geometry import segments
from handseg.score.ground_truth import read_truth
from handseg.score.scoring import parse_reweight, pose_strata

SIZE = 512
BONES = ("Radius", "Ulna", "finger-11")


def masks(size=SIZE, **pose):
    polygons = make_polygons(size, 7, **pose)
    return {
        bone: rle.from_mask(rasterise([np.asarray(part) for part in polygons[bone]], (size, size)))
        for bone in BONES
    }


def bend_of(found, size=SIZE):
    return abs(bend([found["Radius"], found["Ulna"]], found["finger-11"], size))


def hands_bent_by(degrees):
    hands = Hands.unmeasured(map(str, range(len(degrees))))
    hands.bends[:] = degrees
    return hands


def strip(degrees, size=400, bottom=400):
    """A straight strip of 30 pixels that leans clockwise from upright, cut off by its rows."""
    rows, columns = np.mgrid[:size, :size]
    lean = np.radians(degrees)
    across = (columns - 200) * np.cos(lean) + (rows - 200) * np.sin(lean)
    mask = (abs(across) < 15) & (rows >= 40) & (rows < bottom)
    return segments([rle.from_mask(mask)], [size])


@pytest.mark.parametrize("degrees", [-40, -12.5, 0, 3, 25])
def test_the_line_through_the_middles_of_a_cut_off_shaft_leans_as_the_shaft(degrees):
    assert shaft_lean(strip(degrees, bottom=150)) == pytest.approx(degrees, abs=0.2)


@pytest.mark.parametrize("degrees", [-40, 0, 25])
def test_the_principal_axis_of_a_long_strip_leans_as_the_strip(degrees):
    assert axis_lean(strip(degrees)) == pytest.approx(degrees, abs=0.6)


def test_the_principal_axis_is_that_of_the_pixels():
    mask = np.random.default_rng(0).integers(0, 2, (9, 12)).astype(np.uint8)
    y, x = np.nonzero(mask)
    axis = np.linalg.eigh(np.cov(x, y))[1][:, 1]
    expected = np.degrees(np.arctan2(axis[0], -axis[1]))
    found = axis_lean(segments([rle.from_mask(mask)], [12]))
    assert (found - expected + 90) % 180 == pytest.approx(90, abs=1e-6)


def test_bent_and_straight_phantoms_are_told_apart():
    hands = [
        (person % 2 == 0, side, person) for person in range(1, 21) for side in ("left", "right")
    ]
    right = sum(
        (bend_of(masks(side=side, person=person, bent=bent)) > LIMIT) == bent
        for bent, side, person in hands
    )
    assert right >= 38


def test_a_bend_is_the_same_at_any_size_and_in_the_mirror():
    pose = {"side": "right", "person": 4, "bent": True}
    small, large = bend_of(masks(256, **pose), 256), bend_of(masks(1024, **pose), 1024)
    assert small == pytest.approx(large, abs=1.0)
    mirrored = {
        bone: rle.from_mask(rle.to_mask(runs, (SIZE, SIZE))[:, ::-1])
        for bone, runs in masks(**pose).items()
    }
    assert bend_of(mirrored) == pytest.approx(bend_of(masks(**pose)), abs=1e-6)


def test_one_bone_of_the_forearm_is_enough_and_none_is_not():
    found = masks(side="left", person=2, bent=True)
    assert abs(bend([found["Ulna"], rle.empty()], found["finger-11"], SIZE)) > LIMIT
    assert np.isnan(bend([rle.empty(), rle.empty()], found["finger-11"], SIZE))
    assert np.isnan(bend([found["Ulna"]], rle.empty(), SIZE))


def test_a_forearm_of_which_hardly_anything_is_in_the_image_has_no_direction():
    rows = np.zeros((SIZE, SIZE), np.uint8)
    rows[-6:, 100:140] = 1
    assert np.isnan(bend([rle.from_mask(rows)], masks(person=1)["finger-11"], SIZE))


def test_poses_are_those_of_the_images_and_strata_have_their_shares(submission):
    rows = [
        (image, bone, runs)
        for image, bent in (("bent", True), ("straight", False))
        for bone, runs in masks(person=4, bent=bent).items()
    ]
    rows.append(("bare", "Ulna", rle.empty()))
    truth = read_truth(submission(rows).path, Path("nowhere"))
    images = ("bent", "straight", "bare")
    poses = truth.hands(images, dict.fromkeys(images, (SIZE, SIZE)))
    assert (poses.bent.tolist(), poses.straight.tolist(), poses.unknown_poses) == (
        [True, False, False],
        [False, True, False],
        1,
    )
    bent, straight = pose_strata(poses, parse_reweight("pose=0.576"))
    assert (bent.share, straight.share) == pytest.approx((0.576, 0.424))


def test_bones_by_other_names_have_a_pose_too(submission):
    names = {"Radius": "DistalRadius", "Ulna": "DistalUlna", "finger-11": "MC3"}
    rows = [("a", names[bone], runs) for bone, runs in masks(person=4, bent=True).items()]
    truth = read_truth(submission(rows).path, Path("nowhere"))
    assert truth.hands(("a",), {"a": (SIZE, SIZE)}).bent.tolist() == [True]


def test_without_bent_or_without_straight_wrists_there_is_nothing_to_weight():
    for degrees, name in (([1.0, 2.0, np.nan], "bent"), ([20.0], "straight")):
        with pytest.raises(InputError, match=f"no image has a {name} wrist"):
            pose_strata(hands_bent_by(degrees), parse_reweight("pose=.5"))


def test_labels_without_these_bones_have_no_pose(submission):
    truth = read_truth(submission([("a", "Ulna", rle.empty())]).path, Path("nowhere"))
    with pytest.raises(InputError, match="the labels have no Radius, finger-11"):
        truth.hands(("a",), {"a": (4, 4)})


@pytest.mark.parametrize(
    "text", ["pose", "pose=", "pose=1.2", "pose=-.1", "pose=nan", "age=0.5", "0.5"]
)
def test_anything_but_a_share_of_poses_is_refused_with_a_hint(text):
    with pytest.raises(UsageError) as caught:
        parse_reweight(text)
    assert "--reweight pose=0.576" in str(caught.value)
