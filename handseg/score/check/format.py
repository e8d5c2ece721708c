"""Findings on how runs were written: starts that count from 0, column-major, turned hands."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from handseg.data.check.finding import Finding
from handseg.hand.frame import Centres, frames
from handseg.rle.submission import Submission
from handseg.score.check.agreement import Agreement
from handseg.score.check.expected import Expected
from handseg.score.check.masks import Masks
from handseg.score.check.structure import fix_command, show_command
from handseg.score.check.widths import COLUMN_MAJOR, column_major_images

FROM_ZERO = "starts count from 0 here"
FROM_ZERO_MAYBE = "starts may count from 0"
UPSIDE_DOWN = "hands point down: masks may be turned or written from the last row on"

_MOST = 0.9
_MANY = 0.5
_FEWEST_HANDS = 4
_STEEP = 2.0
"""A hand lies where its direction is so many times more across than along the image."""
_WRAPS = 3


@dataclass(frozen=True)
class Writing:
    """What is known of how the runs of a submission were written."""

    from_zero: bool = False
    """A run starts at 0, none would pass the end if all starts were one more, and no labels speak
    against it."""
    column_major: bool = False
    """With certainty: by labels, by the width of the rows or by how nearly all hands lie."""


def writing_of(
    masks: Masks,
    expected: Expected,
    widths: Mapping[str, int],
    centres: Centres | None,
    agreements: Sequence[Agreement],
) -> Writing:
    """What is known of how the runs were written."""
    from_zero = any(bad.counts_from_zero for bad in masks.bad.values())
    if agreements:
        # One stray row proves nothing against labels that the masks agree with as they are.
        from_zero &= any(one.counts_from_zero for one in agreements)
    pixels = np.array([np.prod(expected.size(image)) for image, _ in masks.keys])
    return Writing(
        from_zero=from_zero and not (masks.end >= pixels).any(),
        column_major=_column_major(expected, widths, centres, agreements),
    )


def _column_major(
    expected: Expected,
    widths: Mapping[str, int],
    centres: Centres | None,
    agreements: Sequence[Agreement],
) -> bool:
    columns = column_major_images(widths, expected)
    if widths.keys() - columns:
        return False  # of another size: nobody knows the height
    if agreements:
        # Labels or another file of the same images know better than directions.
        return any(one.column_major for one in agreements)
    if len(columns) >= max(_MOST * len(expected.images), 1):
        return True
    to_left = lying(centres, to_left=True)
    return len(to_left) >= _FEWEST_HANDS and to_left.mean() >= _MOST


def lying(centres: Centres | None, *, to_left: bool = False) -> NDArray[np.bool_]:
    """For each hand that has a frame, whether it lies across the image (with fingers to the left).

    A hand whose fingers point up lies with its fingers to the left where columns are read as rows.
    """
    if centres is None:
        return np.zeros(0, dtype=np.bool_)
    up = frames(centres).up
    up = up[np.isfinite(up).all(axis=1)]
    across = np.abs(up[:, 0]) > _STEEP * np.abs(up[:, 1])
    return across & (up[:, 0] < 0) if to_left else across


def format_findings(
    submission: Submission,
    masks: Masks,
    writing: Writing,
    centres: Centres | None,
    agreements: Sequence[Agreement],
) -> Iterator[Finding]:
    """Starts that count from 0, columns read as rows, hands upside down."""
    proven = [bad.row for bad in masks.bad.values() if bad.counts_from_zero]
    for row in proven:
        yield _from_zero(submission, masks, writing, row)
    if not proven:
        yield from _from_zero_maybe(submission, masks, agreements)
    yield from _columns(submission, writing, centres, agreements)
    yield from _upside_down(centres)


def _from_zero(submission: Submission, masks: Masks, writing: Writing, row: int) -> Finding:
    image, cls = masks.keys[row]
    line = submission.line(image, cls)
    mends = fix_command(submission.path) if writing.from_zero else ""
    detail = "a run starts at 0"
    if not writing.from_zero:
        detail += ", but the other masks would be wrong if all starts were one more"
    command = mends or show_command(submission.path, line)
    return Finding("error", "format", FROM_ZERO, detail, line, image, cls, command)


def _from_zero_maybe(
    submission: Submission, masks: Masks, agreements: Sequence[Agreement]
) -> Iterator[Finding]:
    for one in agreements:
        if one.counts_from_zero:
            detail = (
                f"Dice with {one.against} rises from {one.as_read:.4f} to {one.from_zero:.4f} "
                f"when every start is one more ({one.masks} masks)"
            )
            yield Finding("warning", "format", FROM_ZERO_MAYBE, detail)
    for row in np.flatnonzero(masks.wrapped >= _WRAPS).tolist():
        image, cls = masks.keys[row]
        count = int(masks.wrapped[row])
        detail = f"{count} runs begin in the last column and go on in the next row"
        line = submission.line(image, cls)
        yield Finding("warning", "format", FROM_ZERO_MAYBE, detail, line, image, cls, weight=count)


def _columns(
    submission: Submission,
    writing: Writing,
    centres: Centres | None,
    agreements: Sequence[Agreement],
) -> Iterator[Finding]:
    command = fix_command(submission.path) if writing.column_major else ""
    for one in agreements:
        if one.column_major:
            detail = (
                f"Dice with {one.against} rises from {one.as_read:.4f} to {one.by_columns:.4f} "
                f"when columns are read as rows ({one.masks} masks)"
            )
            yield Finding("warning", "format", COLUMN_MAJOR, detail, command=command)
            return
    across = lying(centres)
    # What agrees better as it is read lies across because the images do.
    if agreements or not len(across) or across.mean() <= _MANY:
        return
    detail = (
        f"{across.sum()} of {len(across)} hands lie across the image: columns read as rows, "
        "or masks turned by 90°"
    )
    yield Finding("warning", "format", COLUMN_MAJOR, detail, command=command)


def _upside_down(centres: Centres | None) -> Iterator[Finding]:
    if centres is None:
        return
    up = frames(centres).up
    up = up[np.isfinite(up).all(axis=1)]
    down = up[:, 1] > _STEEP * np.abs(up[:, 0])
    if len(down) and down.mean() > _MANY:
        detail = f"{down.sum()} of {len(down)} hands"
        yield Finding("warning", "format", UPSIDE_DOWN, detail)
