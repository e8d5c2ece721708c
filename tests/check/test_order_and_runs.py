"""The order of rows, and of runs inside masks."""

import json

import pytest

from handseg import rle
from handseg.check import submission as order
from handseg.cli.check import finding_json
from handseg.rle.submission import write_submission

CLASSES = ("finger-1", "finger-2", "finger-10", "Ulna")


def grid(images=("a.png", "b.png"), classes=CLASSES):
    return [(image, cls, "") for image in images for cls in classes]


def order_of(findings):
    return [
        (reason, place, detail)
        for _, reason, place, detail in findings
        if "empty" not in reason and "no row" not in reason
    ]


def test_the_order_of_the_competition_is_no_finding(write, found):
    assert order_of(found(write(grid()))) == []


def test_alphabetical_classes_are_named(write, found):
    assert order_of(found(write(grid(classes=sorted(CLASSES))))) == [
        (order.ALPHABETICAL, "line 3, a.png, finger-1", "after Ulna"),
        (order.ALPHABETICAL, "line 7, b.png, finger-1", "after Ulna"),
    ]


def test_classes_in_another_order_are_told_with_the_first_that_is_out_of_it(write, found):
    rows = grid(classes=("finger-2", "finger-1", "finger-10", "Ulna"))
    assert order_of(found(write(rows))) == [
        (order.CLASS_ORDER, "line 3, a.png, finger-1", "after finger-2"),
        (order.CLASS_ORDER, "line 7, b.png, finger-1", "after finger-2"),
    ]


def test_rows_by_class_and_scattered_rows_are_told(write, found):
    by_class = sorted(grid(), key=lambda row: CLASSES.index(row[1]))
    assert order_of(found(write(by_class))) == [(order.BY_CLASS, "", "")]
    scattered = [*grid()[1:], grid()[0]]
    assert order_of(found(write(scattered))) == [(order.SCATTERED, "line 9, a.png, finger-1", "")]


def test_the_order_of_images_is_the_sidecars_else_nobody_knows_it(tmp_path, write, found):
    rows = grid(images=("b.png", "a.png"))
    [(reason, _, detail)] = order_of(found(write(rows)))
    assert reason == order.UNSORTED_NAMES
    assert "--data DIR" in detail
    runs = [(image, cls, rle.empty()) for image, cls, _ in rows]
    fields = {"images": {"a.png": [4, 4], "b.png": [4, 4]}}
    path = write_submission(tmp_path / "b.csv", runs, fields)
    assert order_of(found(path)) == [(order.IMAGE_ORDER, "line 6, a.png", "after b.png")]


@pytest.mark.parametrize(
    ("text", "reason", "detail"),
    [
        ("9 2 1 3", "runs are not sorted", "1 out of order"),
        ("1 5 3 4", "runs overlap others of their mask", "1 overlap"),
        ("1 5 6 4", "runs touch the next one", "1 touch"),
        ("1 5 8 0", "runs of length 0", "1 of length 0"),
        ("1.0 5.0", "figures are written with a decimal point", ""),
    ],
)
def test_runs_out_of_order_are_warnings_with_their_count(write, found, text, reason, detail):
    findings = found(write([("a.png", "x", text)]))
    assert ("warning", reason, "line 2, a.png, x", detail) in findings
    assert "error" not in {severity for severity, *_ in findings}


def test_findings_say_themselves_in_json(write, look):
    finding = look(write([("a.png", "x", "9 2 1 3")])).findings[0]
    assert json.loads(json.dumps(finding_json(finding))) == {
        "severity": "warning",
        "subject": "runs",
        "line": 2,
        "image": "a.png",
        "class": "x",
        "reason": "runs are not sorted",
        "detail": "1 out of order",
        "command": finding.command,
    }
    assert finding.command.endswith("a.csv --fix")
