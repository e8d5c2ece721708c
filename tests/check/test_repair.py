"""The repair: what is mended, what is said, and what is left to the person."""

import numpy as np
import pytest

from handseg import rle
from handseg.check.repair import Repair, left_alone, repairable
from handseg.errors import InputError
from handseg.rle.submission import read_submission, write_submission


@pytest.fixture
def mend(look, tmp_path):
    """Writes the repaired copy; gives it and what was changed."""

    def mend(path, size=(512, 512), **words):
        repair = Repair(repairable(look(path, size)), **words)
        copy = write_submission(tmp_path / "copy.csv", repair.rows(), repair.sidecar())
        return read_submission(copy), [str(change) for change in repair.changes]

    return mend


def content(submission):
    return [(*key, submission.text(*key).decode()) for key in submission]


def test_rows_are_put_in_order_doubled_ones_dropped_missing_ones_added(write, mend):
    rows = [
        ("b.png", "Ulna", "1 3"),
        ("a.png", "Radius", "5 2"),
        ("a.png", "Ulna", "9 1"),
        ("a.png", "Radius", "5 2"),
    ]
    copy, changes = mend(write(rows))
    assert content(copy) == [
        ("b.png", "Radius", ""),
        ("b.png", "Ulna", "1 3"),
        ("a.png", "Radius", "5 2"),
        ("a.png", "Ulna", "9 1"),
    ]
    assert changes == [
        "1 missing rows added, empty",
        "1 doubled rows with equal masks left out",
    ]


def test_classes_are_put_into_the_order_of_the_competition(write, mend):
    copy, changes = mend(write([("a.png", "Ulna", "1 3"), ("a.png", "finger-2", "5 2")]))
    assert content(copy) == [("a.png", "finger-2", "5 2"), ("a.png", "Ulna", "1 3")]
    assert changes == [
        "2 rows put into order: images as they first came, classes as they should be"
    ]


def test_runs_are_brought_to_order_and_figures_respelt(write, mend):
    rows = [
        ("a.png", "x", "9 2 1 3"),
        ("a.png", "y", "1 5 6 4 20 0"),
        ("b.png", "x", "1.0 5.0"),
        ("b.png", "y", " 01  5 "),
    ]
    copy, changes = mend(write(rows))
    assert [text for *_, text in content(copy)] == ["1 3 9 2", "1 9", "1 5", "1 5"]
    assert changes == [
        "1 masks brought to order: runs are not sorted (1 runs)",
        "1 masks brought to order: runs touch the next one (1 runs)",
        "1 masks brought to order: runs of length 0 (1 runs)",
        "1 masks whose figures lost their decimal points",
        "1 masks whose figures were spelt otherwise (blanks, leading zeros)",
    ]
    assert copy.sidecar["changes"] == changes
    assert copy.sidecar["made_by"] == "check"


def test_starts_that_count_from_0_are_shifted_when_that_is_proven(write, mend):
    copy, changes = mend(write([("a.png", "x", "0 5"), ("a.png", "y", "14 1")]), (4, 4))
    assert [text for *_, text in content(copy)] == ["1 5", "15 1"]
    assert changes[0].startswith("2 masks read with starts that count from 0")


def test_column_major_hands_are_written_row_by_row(write, mend, few):
    columns = {
        image: {
            bone: rle.from_mask(np.ascontiguousarray(rle.to_mask(runs, (512, 512)).T))
            for bone, runs in masks.items()
        }
        for image, masks in few.items()
    }
    copy, changes = mend(write(columns))
    assert changes == ["174 masks that ran down the columns written row by row"]
    for image, masks in few.items():
        for bone, runs in masks.items():
            assert copy.runs(image, bone).tolist() == runs.tolist()


def test_another_size_is_left_alone_and_said(write, look, few):
    measured = repairable(look(write(few), None))
    assert Repair(measured).changes == []
    [words] = left_alone(measured)
    assert words.startswith("6 images whose masks have rows of 512 pixels")
    assert "is not rescaled" in words


@pytest.mark.parametrize(
    ("rows", "written"),
    [
        ([("a.png", "x", "1 5 9"), ("a.png", "y", "1 2")], ["", "1 2"]),
        ([("a.png", "x", "1 5"), ("a.png", "y", "16 2")], ["1 5", ""]),
        ([("a.png", "x", "1 5"), ("a.png", "y", "1 2"), ("a.png", "x", "2 5")], ["1 5", "1 2"]),
        ([("a.png", "x", "1 5"), ("a.png", "y")], ["1 5"]),
    ],
)
def test_what_nobody_can_know_is_refused_unless_it_may_be_skipped(write, mend, rows, written):
    path = write(rows)
    with pytest.raises(InputError, match="of 1 rows nobody can know the mask") as caught:
        mend(path, (4, 4))
    assert "--skip-bad" in caught.value.hints[0]
    copy, changes = mend(path, (4, 4), skip_bad=True)
    assert [text for *_, text in content(copy)] == written
    assert any("left out" in words or "written empty" in words for words in changes)


def test_what_a_sidecar_said_is_kept_and_what_made_the_copy_is_added(tmp_path, mend):
    rows = [("b.png", "x", rle.parse("9 2")), ("a.png", "x", rle.parse("1 2"))]
    fields = {"made_by": "predict", "fold": 3, "images": {"a.png": [4, 4], "b.png": [4, 4]}}
    path = write_submission(tmp_path / "a.csv", rows, fields)
    before = read_submission(path)
    copy, changes = mend(path)
    assert changes == ["2 rows put into the order of the sidecar"]
    assert copy.images == ("a.png", "b.png")
    assert copy.sidecar["fold"] == 3
    assert copy.sizes == before.sizes
    assert copy.sidecar["of"] == {
        "path": str(path),
        "sha256": before.sha256,
        "made_by": "predict",
    }


def test_a_file_without_faults_has_nothing_to_mend(write, look, few):
    assert Repair(repairable(look(write(few)))).changes == []


def test_what_is_no_submission_cannot_be_repaired(tmp_path, look):
    path = tmp_path / "a.csv"
    path.write_text("")
    with pytest.raises(InputError, match="cannot be repaired"):
        repairable(look(path))
