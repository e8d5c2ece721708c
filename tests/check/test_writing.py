"""How runs were written: from 0, down the columns, at another size."""

import cv2
import numpy as np
import pytest

from handseg import rle
from handseg.check import writing
from handseg.data.dataset import open_dataset, with_test_labels
from handseg.data.labels import label_runs
from handseg.rle.submission import read_submission


def from_zero(runs):
    return " ".join(f"{start} {end - start}" for start, end in runs.tolist())


def by_columns(runs, size=(512, 512)):
    return rle.from_mask(np.ascontiguousarray(rle.to_mask(runs, size).T))


def resized(runs, size):
    mask = cv2.resize(rle.to_mask(runs, (512, 512)), size[::-1], interpolation=cv2.INTER_NEAREST)
    return rle.from_mask(mask)


def rows_of(hands, spell):
    return [
        (image, bone, spell(runs)) for image, masks in hands.items() for bone, runs in masks.items()
    ]


def test_a_run_that_starts_at_0_proves_that_starts_count_from_0(write, look, few):
    few["00_left.png"]["finger-8"] = rle.parse("1 5")
    checked = look(write(rows_of(few, from_zero)))
    [error] = [one for one in checked.findings if one.severity == "error"]
    assert (error.reason, error.place) == (
        writing.FROM_ZERO,
        "line 9, 00_left.png, finger-8",
    )
    assert checked.measured.written.from_zero


def test_no_shift_is_proven_where_a_run_ends_at_the_last_pixel(write, look):
    checked = look(write([("a.png", "x", "0 5"), ("a.png", "y", "16 1")]), (4, 4))
    [error] = [one for one in checked.findings if one.severity == "error"]
    assert "would be wrong if all starts were one more" in error.detail
    assert not checked.measured.written.from_zero


def test_another_submission_shows_that_starts_count_from_0(write, look, few):
    right = read_submission(write(few, "right.csv"))
    checked = look(write(rows_of(few, from_zero)), others=[right])
    [finding] = checked.findings
    assert (finding.severity, finding.reason) == ("warning", writing.FROM_ZERO_MAYBE)
    assert "right.csv rises from 0.9" in finding.detail
    assert "to 1.0000" in finding.detail
    wrong = read_submission(write(rows_of(few, from_zero), "wrong.csv"))
    assert look(write(few), others=[wrong]).findings == ()


def test_labels_show_starts_from_0_and_columns_and_outweigh_a_stray_0(workplace, look):
    dataset = open_dataset(workplace / "data")
    labels = {
        sample.image_name: dict(
            zip(dataset.classes, label_runs(sample, dataset.classes).runs, strict=True)
        )
        for sample in with_test_labels(dataset).test
    }

    def check(spell):
        path = workplace / "a.csv"
        lines = [",".join(row) + "\n" for row in rows_of(labels, spell)]
        path.write_text("image_name,class,rle\n" + "".join(lines))
        return look(path, None, dataset=dataset)

    assert check(rle.format).findings == ()
    assert [one.reason for one in check(from_zero).findings] == [writing.FROM_ZERO_MAYBE]
    columns = check(lambda runs: rle.format(by_columns(runs, (192, 192))))
    assert writing.COLUMN_MAJOR in [one.reason for one in columns.findings]
    assert columns.measured.written.column_major
    stray = check(lambda runs: "0 5" if len(runs) == len(labels_of(labels)) else rle.format(runs))
    assert not stray.measured.written.from_zero


def labels_of(labels):
    """The runs of the first label: a mask to be replaced."""
    return next(iter(next(iter(labels.values())).values()))


def test_runs_that_begin_in_the_last_column_are_suspected_to_count_from_0(write, found):
    # Four rows that touch the left edge, written from 0: each becomes one pixel of the row above.
    text = " ".join(f"{row * 100} 20" for row in range(3, 7))
    [(severity, reason, place, _)] = [
        one for one in found(write([("a.png", "x", text)]), (100, 100)) if one[0] == "warning"
    ]
    assert (severity, reason, place) == (
        "warning",
        writing.FROM_ZERO_MAYBE,
        "line 2, a.png, x",
    )


def test_column_major_masks_of_hands_are_recognised(write, look, few):
    checked = look(write(rows_of(few, lambda runs: rle.format(by_columns(runs)))))
    [finding] = checked.findings
    assert (finding.severity, finding.reason) == ("warning", writing.COLUMN_MAJOR)
    assert finding.detail.startswith("6 of 6 hands lie across the image")
    assert finding.command.endswith("--fix")


def test_column_major_masks_of_images_that_are_not_square_show_the_height(write, look, few):
    size = (384, 512)
    rows = rows_of(few, lambda runs: rle.format(by_columns(resized(runs, size), size)))
    checked = look(write(rows), size)
    assert {one.reason for one in checked.findings} == {writing.COLUMN_MAJOR}
    assert {one.image for one in checked.findings} >= few.keys()
    assert checked.measured.written.column_major


def test_hands_that_point_down_are_told(write, found, few):
    rows = rows_of(few, lambda runs: rle.format(512 * 512 - runs[::-1, ::-1]))
    [(severity, reason, _, detail)] = found(write(rows))
    assert (severity, reason, detail) == ("warning", writing.UPSIDE_DOWN, "6 of 6 hands")


def test_masks_of_another_size_among_others_are_named_with_their_width(write, look, few):
    few["01_left.png"] = {
        bone: resized(runs, (256, 256)) for bone, runs in few["01_left.png"].items()
    }
    checked = look(write(few))
    [finding] = checked.findings
    assert (finding.severity, finding.reason) == ("warning", writing.ANOTHER_SIZE)
    assert finding.image == "01_left.png"
    assert finding.detail == "their rows have 256 pixels, those of the image 512"
    assert checked.measured.widths == {"01_left.png": 256}


def test_a_size_that_was_only_assumed_is_said_with_the_command_that_says_it(write, look, few):
    findings = look(write(few), None).findings
    assert {one.reason for one in findings} == {writing.ANOTHER_SIZE}
    assert findings[0].command.endswith("--image-size 512x512")


@pytest.mark.parametrize("text", ["", "1 262144", "1 512", "513 100"])
def test_masks_without_a_shape_raise_no_suspicion(write, found, text):
    told = found(write([(image, "x", text) for image in ("a.png", "b.png", "c.png")]))
    assert [one for one in told if one[1] not in ("every mask is empty",)] == []
