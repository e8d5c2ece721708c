"""Hands compared with the others of their set."""

from dataclasses import replace

import numpy as np
import pytest

from handseg.anatomy import BONES, CARPALS, FINGERS, NEIGHBOURS
from handseg.check import anatomy, findings
from handseg.check.anatomy import population_findings, pose_groups
from handseg.check.inspection import Inspection, draw_polygons, hands_of_inspections, measure_mask
from handseg.data.labels import Sample


@pytest.fixture
def hands(phantom_labels):
    """The measures of twenty hands, and a way to change the polygons of one first."""

    def measure(number=0, edit=None, keep=BONES, count=20):
        inspections = []
        for at, polygons in enumerate(phantom_labels[:count]):
            parts = {bone: polygons[bone] for bone in keep}
            if edit is not None and at == number:
                parts = edit(parts)
            one = Inspection(Sample(f"{at:02d}.png", None, None, "", "train"))
            for bone, points in parts.items():
                box = draw_polygons([np.array(points, np.int32)], (256, 256))
                one.drawn[bone] = measure_mask(box)
            inspections.append(one)
        return hands_of_inspections(inspections, {bone: bone for bone in keep})

    return measure


def told(hands):
    return [(one.reason, one.image, one.cls, one.detail) for one in population_findings(hands)]


def swap(one, other):
    return lambda parts: parts | {one: parts[other], other: parts[one]}


def test_hands_without_fault_have_no_finding(hands):
    assert told(hands()) == []


def test_every_two_neighbours_that_are_swapped_are_named(hands):
    clean = hands()
    missed = []
    for number, (one, other) in enumerate(NEIGHBOURS):
        at, pair = number % 20, [BONES.index(one), BONES.index(other)]
        swapped = replace(clean, centres=clean.centres.copy(), areas=clean.areas.copy())
        swapped.centres[at, pair] = clean.centres[at, pair[::-1]]
        swapped.areas[at, pair] = clean.areas[at, pair[::-1]]
        found = [(reason, image) for reason, image, _, _ in told(swapped)]
        if found != [(anatomy.NEIGHBOURS_EXCHANGED, f"{at:02d}.png")]:
            missed.append((one, other, found))
    assert missed == []


def test_a_swapped_finger_is_named_as_one(hands):
    ring, little = FINGERS["ring"], FINGERS["little"]

    def edit(parts):
        for pair in zip(ring, little, strict=True):
            parts = swap(*pair)(parts)
        return parts

    [(reason, image, _, detail)] = told(hands(3, edit))
    assert (reason, image, detail) == (
        anatomy.NEIGHBOURS_EXCHANGED,
        "03.png",
        "ring and little finger",
    )


@pytest.mark.parametrize("small_carpals", [True, False])
@pytest.mark.parametrize("number", [0, 1])
def test_a_hand_labelled_as_the_other_is_named_and_nothing_else_of_it(hands, number, small_carpals):
    pairs = [
        *zip(FINGERS["thumb"], ("finger-16", "finger-17", "finger-19"), strict=True),
        *zip(FINGERS["index"], FINGERS["ring"], strict=True),
        ("Trapezium", "Hamate"),
        ("Radius", "Ulna"),
        *([("Scaphoid", "Triquetrum"), ("Trapezoid", "Capitate")] if small_carpals else []),
    ]

    def edit(parts):
        for pair in pairs:
            parts = swap(*pair)(parts)
        return parts

    [(reason, image, cls, _)] = told(hands(number, edit))
    assert (reason, image, cls) == (anatomy.MIRRORED, f"{number:02d}.png", "")


def test_the_pisiforms_label_on_the_ulna_is_named(hands):
    instead = lambda parts: {**parts, "Pisiform": parts["Ulna"]}  # noqa: E731
    reasons = {(reason, cls) for reason, _, cls, _ in told(hands(4, instead))}
    assert (anatomy.WRONG_BONE, "Pisiform") in reasons
    [(reason, _, cls, detail)] = told(hands(5, swap("Pisiform", "Ulna")))
    assert (reason, cls) == (anatomy.EXCHANGED, "Pisiform")
    assert detail == "Pisiform and Ulna"


def test_a_bone_that_is_much_too_large_is_named(hands):
    def edit(parts):
        points = np.array(parts["Lunate"], float)
        middle = points.mean(axis=0)
        return parts | {"Lunate": np.rint(middle + (points - middle) * 1.7).tolist()}

    [(reason, image, cls, detail)] = told(hands(6, edit))
    assert (reason, image, cls) == (findings.UNLIKE_AREA, "06.png", "Lunate")
    assert "times the usual" in detail


def test_a_bone_somewhere_else_is_named(hands):
    moved = lambda parts: parts | {"Lunate": [[x - 60, y] for x, y in parts["Lunate"]]}  # noqa: E731
    assert [(one[1], one[2]) for one in told(hands(7, moved))] == [("07.png", "Lunate")]


def test_few_hands_are_judged_by_the_order_of_bones_alone(hands):
    found = told(hands(2, swap("Radius", "Ulna"), count=5))
    assert [(one[0], one[1]) for one in found] == [
        (anatomy.FEW, ""),
        (anatomy.NEIGHBOURS_EXCHANGED, "02.png"),
    ]


@pytest.mark.parametrize("keep", [CARPALS, BONES[:19], BONES[19:], ("Radius",), ()])
def test_sets_that_show_a_part_of_the_hand_are_without_alarm(hands, keep):
    assert [one for one in told(hands(keep=keep)) if one[0] != anatomy.FEW] == []


def test_bends_of_left_and_right_hands_to_the_same_side_are_one_pose():
    bends = np.array([20.0, -20.0, 3.0, np.nan, -20.0])
    thumb_left = np.array([True, False, True, True, True])
    assert pose_groups(bends, thumb_left).tolist() == [1, 1, 0, 0, -1]
