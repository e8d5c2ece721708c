"""What a repair changes, in words with places."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from handseg.score.check.check import Measured
from handseg.score.check.masks import BadRow
from handseg.score.check.runs import DISORDERS

Key = tuple[str, str]


class Change(NamedTuple):
    """One kind of change: how often, what, and where."""

    times: int
    what: str
    places: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.times:,} {self.what}" if self.times else self.what


def changes_of(measured: Measured, keys: Sequence[Key], skip_bad: bool) -> Iterator[Change]:
    """What is changed by writing the rows `keys` of a submission in this order."""
    yield from _rows_in(measured, keys)
    yield from _rows_out(measured)
    if skip_bad:
        yield from _skipped(measured)
    yield from _masks(measured)
    yield from _figures(measured)
    yield from _file(measured)


def _rows_in(measured: Measured, keys: Sequence[Key]) -> Iterator[Change]:
    submission = measured.opened.submission
    there = [key for key in keys if key in submission]
    moved = [_place(key) for key, before in zip(there, submission, strict=True) if key != before]
    if moved:
        order = f"the order of {measured.expected.source}"
        if not measured.expected.ordered:
            order = "order: images as they first came, classes as they should be"
        yield Change(len(moved), f"rows put into {order}", tuple(moved))
    added = tuple(_place(key) for key in keys if key not in submission)
    if added:
        yield Change(len(added), "missing rows added, empty", added)


def _rows_out(measured: Measured) -> Iterator[Change]:
    repeated = measured.opened.submission.repetitions
    places = tuple(f"line {one.line}, {_place((one.image, one.cls))}" for one in repeated)
    if places:
        yield Change(len(places), "doubled rows with equal masks left out", places)


def _skipped(measured: Measured) -> Iterator[Change]:
    """What `--skip-bad` gives up."""
    submission, masks = measured.opened.submission, measured.masks
    bad = [masks.keys[one.row] for one in unreadable(measured)]
    places = tuple(f"line {submission.line(*key)}, {_place(key)}" for key in bad)
    if places:
        yield Change(len(places), "rows that cannot be read written empty", places)
    for kind, what in (
        ("row", "rows that cannot be read left out"),
        ("doubled", "rows left out whose mask is not that of the first row of the image and class"),
    ):
        faults = [fault for fault in measured.opened.faults if fault.kind == kind]
        places = tuple(f"line {fault.line}: {fault.message}" for fault in faults)
        if places:
            yield Change(len(places), what, places)


def unreadable(measured: Measured) -> list[BadRow]:
    """The rows whose runs a repair cannot read."""
    return [
        bad
        for bad in measured.masks.bad.values()
        if not (bad.counts_from_zero and measured.writing.from_zero)
    ]


def _masks(measured: Measured) -> Iterator[Change]:
    filled = int((measured.masks.runs > 0).sum())
    if measured.writing.from_zero:
        filled += sum(bad.counts_from_zero for bad in measured.masks.bad.values())
        yield Change(
            filled, "masks read with starts that count from 0: every start is one more now"
        )
    if measured.writing.column_major:
        yield Change(filled, "masks that ran down the columns written row by row")
    for kind, (reason, _) in enumerate(DISORDERS):
        rows = np.flatnonzero(measured.masks.disorder[:, kind]).tolist()
        places = tuple(_place(measured.masks.keys[row]) for row in rows)
        if places:
            runs = int(measured.masks.disorder[:, kind].sum())
            yield Change(len(places), f"masks brought to order: {reason} ({runs:,} runs)", places)


def _figures(measured: Measured) -> Iterator[Change]:
    rows = np.flatnonzero(measured.masks.decimals).tolist()
    if rows:
        places = tuple(_place(measured.masks.keys[row]) for row in rows)
        yield Change(len(places), "masks whose figures lost their decimal points", places)


def _file(measured: Measured) -> Iterator[Change]:
    for note in measured.opened.submission.notes:
        yield Change(0, f"written as a plain CSV of three columns in UTF-8 ({note} before)")
    if any(fault.kind == "sidecar" for fault in measured.opened.faults):
        yield Change(0, "a new sidecar in place of the one of other contents")


def _place(key: Key) -> str:
    return f"{key[0]}, {key[1]}"
