"""Empty masks, unusual areas, masks in pieces."""

import numpy as np

from handseg import rle
from handseg.check import findings
from handseg.check import masks as row_masks


def square(left, top, side):
    mask = np.zeros((512, 512), np.uint8)
    mask[top : top + side, left : left + side] = 1
    return rle.from_mask(mask)


def test_a_bone_that_is_empty_in_many_images_is_a_warning_in_few_a_note(write, found, hands):
    changed = {image: dict(masks) for image, masks in hands.items()}
    for image in list(hands)[:10]:
        changed[image]["Lunate"] = rle.empty()
    changed["00_left.png"]["Hamate"] = rle.empty()
    reason = "a class is empty in some images"
    names = "00_left.png, 00_right.png, 01_left.png, …"
    assert found(write(changed)) == [
        ("note", reason, "Hamate", "1 of 40 images (00_left.png)"),
        ("warning", reason, "Lunate", f"10 of 40 images ({names})"),
    ]


def test_a_bone_that_is_empty_everywhere_and_a_file_of_nothing_are_warnings(write, found, few):
    for masks in few.values():
        masks["Lunate"] = rle.empty()
    [(severity, reason, place, _)] = found(write(few))
    assert (severity, reason, place) == ("warning", "a class is empty in every image", "Lunate")
    nothing = {image: dict.fromkeys(masks, rle.empty()) for image, masks in few.items()}
    assert found(write(nothing)) == [("warning", "every mask is empty", "", "")]


def test_an_area_unlike_that_of_other_images_is_told_with_the_median(write, found, hands):
    changed = {image: dict(masks) for image, masks in hands.items()}
    bone = changed["03_left.png"]["finger-7"]
    changed["03_left.png"]["finger-7"] = bone[len(bone) // 3 : len(bone) // 2]
    [(severity, _, place, detail)] = [
        one for one in found(write(changed)) if one[1] == findings.UNLIKE_AREA
    ]
    assert severity == "warning"
    assert place.endswith("03_left.png, finger-7")
    assert "where the median is 2," in detail
    assert "robust z -" in detail


def test_a_class_with_the_area_of_another_bone_is_told(write, found, few):
    for masks in few.values():
        masks["finger-16"], masks["Radius"] = masks["Radius"], masks["finger-16"]
    told = {place for _, reason, place, _ in found(write(few)) if reason == row_masks.OFF_SIZE}
    assert told == {"finger-16", "Radius"}


def test_masks_in_pieces_and_with_many_specks_are_told(write, found, few):
    masks = few["00_left.png"]
    masks["Radius"] = rle.union(masks["Radius"], square(5, 5, 20))
    specks = [square(4 * place, 2, 2) for place in range(30)]
    for speck in specks:
        masks["Ulna"] = rle.union(masks["Ulna"], speck)
    told = [one for one in found(write(few)) if "mask" in one[1]]
    assert [(reason, place.partition(", ")[2]) for _, reason, place, _ in told] == [
        ("a mask in several pieces", "00_left.png, Radius"),
        ("a mask with many specks", "00_left.png, Ulna"),
    ]
    assert told[0][3].startswith("2 pieces, the second has ")
    assert told[1][3].startswith("31 pieces")


def test_what_touches_by_a_corner_is_one_piece_and_a_wrapped_run_is_two(look, write):
    corner = rle.union(square(10, 10, 10), square(20, 20, 10))
    wrapped = rle.parse("510 5")  # the last three pixels of a row and the first two of the next
    rows = [("a.png", "x", rle.format(corner)), ("a.png", "y", rle.format(wrapped))]
    masks = look(write(rows)).measured.masks
    assert masks.components.tolist() == [1, 2]
    assert masks.second.tolist() == [0, 2]
