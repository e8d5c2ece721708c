"""What changed between two submissions, against pixels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from handseg import rle
from handseg.cli.diff import difference_json, groups_table, masks_table
from handseg.errors import InputError, UsageError
from handseg.rle.submission import read_submission, write_submission
from handseg.score.diff import Pixels, diff_submissions

IMAGES, CLASSES = ("i.png", "j.png"), ("Ulna", "Radius")
GRID = [(image, cls) for image in IMAGES for cls in CLASSES]


@pytest.fixture
def submit(tmp_path):
    """Writes a submission of (image, class): run-length text and reads it."""

    def write(name, texts, **sidecar):
        rows = [(*key, rle.parse(text)) for key, text in texts.items()]
        return read_submission(write_submission(tmp_path / name, rows, sidecar))

    return write


masks = arrays(np.uint8, (4, 3, 5), elements=st.integers(0, 1))


@settings(max_examples=30, deadline=None)
@given(masks, masks)
def test_pixels_and_dice_are_those_of_the_decoded_masks(tmp_path_factory, a, b):
    folder = tmp_path_factory.mktemp("pair")
    pair = [
        read_submission(
            write_submission(
                folder / f"{name}.csv",
                [(*key, rle.from_mask(mask)) for key, mask in zip(GRID, stack, strict=True)],
                {},
            )
        )
        for name, stack in (("a", a), ("b", b))
    ]
    found = diff_submissions(*pair)
    gained, lost = (b & ~a & 1).sum((1, 2)), (a & ~b & 1).sum((1, 2))
    dice = (2.0 * (a & b).sum((1, 2)) + 1e-4) / (a.sum((1, 2)) + b.sum((1, 2)) + 1e-4)
    assert found.gained.tolist() == gained.tolist()
    assert found.lost.tolist() == lost.tolist()
    assert found.dice == pytest.approx(dice)
    assert found.identical == int((a == b).all((1, 2)).sum())
    ulna = next(group for group in found.by_class() if group.name == "Ulna")
    assert ulna.dice == pytest.approx(dice[::2].mean())
    assert ulna.pixels == Pixels(
        int(a[::2].sum()), int(b[::2].sum()), int(gained[::2].sum()), int(lost[::2].sum())
    )
    assert found.total().dice == pytest.approx(dice.mean())


def test_the_worst_come_first_and_what_did_not_change_is_not_among_them(submit):
    same = dict.fromkeys(GRID, "1 8")
    found = diff_submissions(
        submit("a.csv", same),
        submit(
            "b.csv",
            {**same, ("i.png", "Radius"): "1 6", ("j.png", "Radius"): "5 8"},
        ),
    )
    worst = found.worst()
    assert [(mask.image, mask.cls) for mask in worst] == [("j.png", "Radius"), ("i.png", "Radius")]
    assert worst[0].pixels == Pixels(in_a=8, in_b=8, gained=4, lost=4)
    assert worst[0].dice == pytest.approx(0.5, abs=1e-4)
    assert found.worst(1) == worst[:1]
    assert found.worst(0) == []
    radius, ulna = found.by_class()
    assert (radius.name, radius.changed, radius.masks) == ("Radius", 2, 2)
    assert radius.worst == ("j.png", worst[0].dice)
    assert (ulna.name, ulna.changed, ulna.dice, ulna.worst) == ("Ulna", 0, 1.0, None)
    assert [group.name for group in found.by_image()] == ["j.png", "i.png"]
    assert found.by_image()[0].worst == ("Radius", worst[0].dice)


def test_of_equal_dice_the_larger_mask_comes_first(submit):
    a = submit("a.csv", {("i.png", "Ulna"): "1 2", ("j.png", "Ulna"): "1 9"})
    b = submit("b.csv", {("i.png", "Ulna"): "", ("j.png", "Ulna"): ""})
    halves = diff_submissions(a, b).worst()
    assert [mask.pixels.lost for mask in halves] == [9, 2]


def test_a_row_that_only_one_has_is_an_empty_mask_in_the_other(submit):
    a = submit("a.csv", {("i.png", "Ulna"): "1 4", ("j.png", "Ulna"): "1 4"})
    b = submit("b.csv", {("i.png", "Ulna"): "1 4", ("i.png", "Radius"): "2 2"})
    found = diff_submissions(a, b)
    assert found.keys == (("i.png", "Ulna"), ("j.png", "Ulna"), ("i.png", "Radius"))
    assert (found.gained.tolist(), found.lost.tolist()) == ([0, 0, 2], [0, 4, 0])
    assert found.only_in_a() == (1, ("j.png",), ())
    assert found.only_in_b() == (1, (), ("Radius",))


def test_an_empty_row_and_a_missing_one_are_alike(submit):
    a = submit("a.csv", {("i.png", "Ulna"): "1 4", ("i.png", "Radius"): ""})
    b = submit("b.csv", {("i.png", "Ulna"): "1 4"})
    found = diff_submissions(a, b)
    assert (found.identical, found.only_in_a().rows) == (2, 1)


def test_the_order_of_rows_does_not_matter(submit):
    texts = {key: f"{number + 1} 2" for number, key in enumerate(GRID)}
    other = dict(reversed(texts.items()))
    assert diff_submissions(submit("a.csv", texts), submit("b.csv", other)).identical == 4


def test_only_what_was_named_is_compared(submit):
    a = submit("a.csv", dict.fromkeys(GRID, "1 2"))
    b = submit("b.csv", {("i.png", "Ulna"): "1 1"})
    assert diff_submissions(a, b, images=["i.png"], classes=["Ulna"]).keys == (("i.png", "Ulna"),)
    one = diff_submissions(a, b, classes=["Radius"])
    assert one.keys == (("i.png", "Radius"), ("j.png", "Radius"))
    assert one.only_in_a() == (2, ("j.png",), ("Radius",))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"classes": ["Ulnar"]}, r"class 'Ulnar' \(did you mean Ulna\?\)"),
        ({"images": ["x"]}, "'x'"),
    ],
)
def test_a_name_that_neither_has_is_refused(submit, words, said):
    a = submit("a.csv", dict.fromkeys(GRID, "1 2"))
    with pytest.raises(UsageError, match=said):
        diff_submissions(a, a, **words)


def test_sidecars_that_disagree_on_a_size_are_an_error(submit):
    a = submit("a.csv", dict.fromkeys(GRID, "1 2"), images={"i.png": [3, 5]})
    b = submit("b.csv", dict.fromkeys(GRID, "1 2"), images={"i.png": [5, 3]})
    with pytest.raises(InputError, match=r"i\.png has two sizes") as caught:
        diff_submissions(a, b)
    assert "a.csv: 5 × 3" in caught.value.details
    assert "b.csv: 3 × 5" in caught.value.details


def test_a_size_that_one_sidecar_knows_binds_the_other_too(submit):
    a = submit("a.csv", {("i.png", "Ulna"): "1 2"}, images={"i.png": [3, 5]})
    b = submit("b.csv", {("i.png", "Ulna"): "15 2"})
    with pytest.raises(InputError, match=r"b\.csv, line 2, i\.png, Ulna"):
        diff_submissions(a, b)


def test_files_without_rows_have_nothing_to_compare(submit):
    empty = submit("a.csv", {})
    with pytest.raises(InputError, match="a row to compare"):
        diff_submissions(empty, empty)


def test_the_tables_as_csv_and_json_say_the_same(submit):
    names = {("NA", "a,b"): "1 4", ("007", "a,b"): "1 4"}
    found = diff_submissions(
        submit("a.csv", names), submit("b.csv", {**names, ("NA", "a,b"): "3 4"})
    )
    dice = repr(float(found.dice[0]))
    assert masks_table(found.worst()).to_csv().splitlines() == [
        "image,class,pixels_a,pixels_b,gained,lost,dice",
        f'NA,"a,b",4,4,2,2,{dice}',
    ]
    by_image = groups_table(found.by_image(), "image").to_csv().splitlines()
    assert by_image[0].startswith("image,masks,changed,pixels_a,pixels_b,gained,lost,dice,worst_cl")
    assert by_image[1:] == [f'NA,1,1,4,4,2,2,{dice},"a,b",{dice}', "007,1,0,4,4,0,0,1.0,,"]
    document = difference_json(found, found.worst())
    assert (document["masks"], document["identical"], document["gained"]) == (2, 1, 2)
    assert document["classes"][0]["worst"] == {"image": "NA", "dice": found.dice[0]}
    assert document["images"][1] == {
        "image": "007",
        "masks": 1,
        "changed": 0,
        "pixels_a": 4,
        "pixels_b": 4,
        "gained": 0,
        "lost": 0,
        "dice": 1.0,
        "worst": None,
    }


def test_submissions_without_an_image_in_common_are_not_compared(submit):
    a, b = submit("a.csv", {("i.png", "Ulna"): "1 4"}), submit("b.csv", {("i", "Ulna"): "1 4"})
    with pytest.raises(InputError, match="no image in common"):
        diff_submissions(a, b)
