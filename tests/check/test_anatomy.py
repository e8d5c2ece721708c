"""The anatomy of hands: what is out of order is named, what is in order is not."""

import numpy as np
import pytest

from handseg.anatomy import BONES, CARPALS, FINGERS
from handseg.check import anatomy
from handseg.hand.order import exchanges, order_rules
from handseg.rle.geometry import segments, shapes


def exchange(masks, *pairs):
    """The masks with the labels of pairs of bones exchanged."""
    changed = dict(masks)
    for one, other in pairs:
        changed[one], changed[other] = changed[other], changed[one]
    return changed


def anatomical(findings):
    known = (anatomy.MIRRORED, anatomy.NEIGHBOURS_EXCHANGED, anatomy.OUT_OF_ORDER, anatomy.FAR_AWAY)
    return [one[1:] for one in findings if one[1] in known]


def centres_of(hands):
    masks = [masks[bone] for masks in hands.values() for bone in BONES]
    measured = shapes(segments(masks, [512] * len(masks)), len(masks))
    return np.stack((measured.x, measured.y), axis=1).reshape(len(hands), len(BONES), 2)


def test_forty_phantom_hands_are_without_a_finding(write, found, hands):
    assert found(write(hands)) == []


def test_the_side_of_each_phantom_is_told_from_its_bones(hands):
    told = order_rules(centres_of(hands)).thumb_left.tolist()
    assert told == ["right" in image for image in hands]


@pytest.mark.parametrize(
    ("pairs", "said"),
    [
        ([("Radius", "Ulna")], "Radius and Ulna"),
        ([("finger-5", "finger-9")], "finger-5 and finger-9"),
        ([("finger-13", "finger-14")], "finger-13 and finger-14"),
        ([("Trapezium", "Trapezoid")], "Trapezium and Trapezoid"),
        ([("Hamate", "Capitate")], "Capitate and Hamate"),
        (list(zip(FINGERS["ring"], FINGERS["little"], strict=True)), "ring and little finger"),
    ],
)
def test_neighbours_that_were_exchanged_are_named(write, found, few, pairs, said):
    few["01_left.png"] = exchange(few["01_left.png"], *pairs)
    [(reason, place, detail)] = anatomical(found(write(few)))
    assert (reason, detail) == (anatomy.NEIGHBOURS_EXCHANGED, said)
    assert "01_left.png" in place


def test_every_exchange_that_can_be_told_is_told_of_every_hand(hands):
    centres = centres_of(hands)
    for words, pairs in exchanges().items():
        order = list(range(len(BONES)))
        for one, other in pairs:
            a, b = BONES.index(one), BONES.index(other)
            order[a], order[b] = order[b], order[a]
        broken = order_rules(centres[:, order]).broken.any(axis=1)
        # The Pisiform lies on the Triquetrum: neither is to a side of the other.
        assert broken.all() != (words == "Triquetrum and Pisiform"), words


def test_an_image_labelled_as_the_other_hand_is_named(write, found, few):
    thumb, little = FINGERS["thumb"], FINGERS["little"]
    mirror = [
        *zip(thumb, (little[0], little[2], little[3]), strict=True),
        *zip(FINGERS["index"], FINGERS["ring"], strict=True),
        ("Trapezium", "Hamate"),
        ("Scaphoid", "Triquetrum"),
        ("Radius", "Ulna"),
    ]
    few["02_right.png"] = exchange(few["02_right.png"], *mirror)
    [(reason, place, _)] = anatomical(found(write(few)))
    assert (reason, place) == (anatomy.MIRRORED, "02_right.png")


def test_a_bone_far_from_its_place_is_named(write, found, few):
    few["00_left.png"]["Lunate"] = few["00_left.png"]["Lunate"] - 300 * 512
    few["01_left.png"]["finger-9"] = few["01_left.png"]["finger-9"] + 330 * 512
    told = anatomical(found(write(few)))
    assert [(reason, place.partition(", ")[2]) for reason, place, _ in told] == [
        (anatomy.FAR_AWAY, "00_left.png, Lunate"),
        (anatomy.FAR_AWAY, "01_left.png, finger-9"),
    ]


def test_hands_of_few_bones_are_judged_by_those(write, found, hands):
    few = {
        image: {
            bone: runs if place % 2 else runs[:0]
            for place, (bone, runs) in enumerate(masks.items())
        }
        for image, masks in hands.items()
    }
    assert anatomical(found(write(few))) == []
    only = {image: {bone: masks[bone] for bone in CARPALS} for image, masks in hands.items()}
    assert anatomical(found(write(only))) == []


def test_other_classes_than_bones_have_no_anatomy(write, found, few):
    for masks in few.values():
        masks["Radius"], masks["Ulna"] = masks["Ulna"], masks["Radius"]
        masks["Ring"] = masks.pop("finger-1")
    assert anatomical(found(write(few))) == []
