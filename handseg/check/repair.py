"""The repair of a submission: what can be mended without inventing anything, and its log."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from handseg import rle
from handseg.check.masks import DISORDERS, BadRow, read_from_zero
from handseg.check.submission import MeasuredSubmission, SubmissionCheck
from handseg.errors import InputError
from handseg.rle.geometry import transposed
from handseg.rle.row_index import Key
from handseg.work import Progress, silent

_ROWS = 256
_SHOWN = 5
_NEW = frozenset({"v", "created", "sha256", "rows", "versions", "made_by", "of", "changes"})
"""Fields of a sidecar that are not of what was predicted but of the file."""


class RepairChange(NamedTuple):
    """One kind of change: how often, what, and where."""

    times: int
    what: str
    places: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.times:,} {self.what}" if self.times else self.what


class Repair:
    """A repaired copy: its rows, the log of what is changed, the fields of its sidecar."""

    def __init__(self, measured: MeasuredSubmission, *, skip_bad: bool = False) -> None:
        """Plan the repair; raises InputError for what only the person can decide.

        That are rows that cannot be read and rows with different masks of one image and class.
        With `skip_bad` the former are written empty (left out where not even image and class can
        be read) and of the latter the first is kept.
        """
        if not skip_bad:
            _refuse_unknown(measured)
        self.measured = measured
        # The rows of the copy: those expected, in order, then all others.
        known = set(keys := measured.expected.keys)
        self.keys = [*keys, *(key for key in measured.masks.keys if key not in known)]
        self.changes = list(repair_log(measured, self.keys, skip_bad))
        self._words = [str(change) for change in self.changes]
        self._skipped = {measured.masks.keys[bad.row] for bad in unrepairable_rows(measured)}

    def rows(self, progress: Progress = silent) -> Iterator[tuple[str, str, rle.Runs]]:
        """The rows of the copy, in order; the last change is known after the last row."""
        submission, rewritten, total = self.measured.submission, 0, len(self.keys)
        for first in range(0, total, _ROWS):
            keys = self.keys[first : first + _ROWS]
            progress(first, total, keys[0][0])
            texts = submission.texts(submission.rows(keys))
            for key, text in zip(keys, texts, strict=True):
                runs, anew = self._repaired(key, text)
                rewritten += anew
                yield *key, runs
        progress(total, total)
        if rewritten:
            what = "masks whose figures were spelt otherwise (blanks, leading zeros)"
            self.changes.append(RepairChange(rewritten, what))
            self._words.append(str(self.changes[-1]))

    def _repaired(self, key: tuple[str, str], text: bytes) -> tuple[rle.Runs, bool]:
        """The mask as it should be, and whether only its spelling changes."""
        written = self.measured.written
        if key in self._skipped:
            return rle.empty(), False
        runs, disorder = read_from_zero(text) if written.from_zero else rle.read(text)
        if written.column_major:
            return transposed(runs, self.measured.expected.sizes.of(key[0])), False
        # Changes that are said already are not counted again as those of spelling.
        said = written.from_zero or disorder.total or b"." in text
        return runs, not said and rle.format(runs).encode() != text

    def sidecar(self) -> dict[str, Any]:
        """The fields of the copy's sidecar; the last of `changes` comes with the last row."""
        submission, expected = self.measured.submission, self.measured.expected
        before = submission.sidecar or {}
        images = dict.fromkeys(image for image, _ in self.keys)
        known = expected.sizes.known
        sizes = {image: known[image] for image in images if image in known}
        return {
            **{name: value for name, value in before.items() if name not in _NEW},
            "made_by": "check",
            "of": {
                "path": str(submission.path),
                "sha256": submission.sha256,
                "made_by": before.get("made_by"),
            },
            "classes": list(dict.fromkeys(cls for _, cls in self.keys)),
            "images": sizes,
            "changes": self._words,
        }


def repairable(checked: SubmissionCheck) -> MeasuredSubmission:
    """What can be repaired of a CSV; raises InputError where it is no submission at all."""
    if checked.measured is None:
        raise InputError(f"{checked.path} cannot be repaired", details=checked.findings[0].detail)
    return checked.measured


def left_alone(measured: MeasuredSubmission) -> list[str]:
    """What a repair sees and does not touch, with the reason."""
    if not measured.widths or measured.written.column_major:
        return []
    widths = ", ".join(map(str, sorted(set(measured.widths.values()))))
    return [
        f"{len(measured.widths)} images whose masks have rows of {widths} pixels: another size "
        "is not rescaled, that would change every outline; predict them again at full size"
    ]


def _refuse_unknown(measured: MeasuredSubmission) -> None:
    """Raise InputError for rows whose masks cannot be known from the file."""
    submission = measured.submission
    bad = [
        f"line {submission.line(*key)}, {key[0]}, {key[1]}: {one.details}"
        for one in unrepairable_rows(measured)
        for key in [measured.masks.keys[one.row]]
    ]
    bad += [str(one) for one in measured.faults if one.kind in ("row", "doubled")]
    if bad:
        more = f"\nand {len(bad) - _SHOWN} more" if len(bad) > _SHOWN else ""
        raise InputError(
            f"{submission.path} is not repaired: of {len(bad)} rows nobody can know the mask",
            details="\n".join(bad[:_SHOWN]) + more,
            hints=[
                "mend them, or add --skip-bad: rows that cannot be read become empty masks, and "
                "of different masks the first is kept"
            ],
        )


def repair_log(
    measured: MeasuredSubmission, keys: Sequence[Key], skip_bad: bool
) -> Iterator[RepairChange]:
    """What is changed by writing the rows `keys` of a submission in this order."""
    yield from _rows_moved_in(measured, keys)
    repeated = measured.submission.repetitions
    places = (f"line {one.line}, {_place((one.image, one.cls))}" for one in repeated)
    yield from _changes("doubled rows with equal masks left out", places)
    if skip_bad:
        yield from _skipped(measured)
    yield from _masks_changed(measured)
    decimals = np.flatnonzero(measured.masks.decimals).tolist()
    places = (_place(measured.masks.keys[row]) for row in decimals)
    yield from _changes("masks whose figures lost their decimal points", places)
    for note in measured.submission.notes:
        yield RepairChange(0, f"written as a plain CSV of three columns in UTF-8 ({note} before)")
    if any(fault.kind == "sidecar" for fault in measured.faults):
        yield RepairChange(0, "a new sidecar in place of the one of other contents")


def _rows_moved_in(measured: MeasuredSubmission, keys: Sequence[Key]) -> Iterator[RepairChange]:
    submission = measured.submission
    there = [key for key in keys if key in submission]
    moved = (_place(key) for key, before in zip(there, submission, strict=True) if key != before)
    order = f"the order of {measured.expected.source}"
    if not measured.expected.ordered:
        order = "order: images as they first came, classes as they should be"
    yield from _changes(f"rows put into {order}", moved)
    added = (_place(key) for key in keys if key not in submission)
    yield from _changes("missing rows added, empty", added)


def _skipped(measured: MeasuredSubmission) -> Iterator[RepairChange]:
    """What `--skip-bad` gives up."""
    submission, masks = measured.submission, measured.masks
    bad = [masks.keys[one.row] for one in unrepairable_rows(measured)]
    places = (f"line {submission.line(*key)}, {_place(key)}" for key in bad)
    yield from _changes("rows that cannot be read written empty", places)
    for kind, what in (
        ("row", "rows that cannot be read left out"),
        ("doubled", "rows left out whose mask is not that of the first row of the image and class"),
    ):
        faults = [fault for fault in measured.faults if fault.kind == kind]
        yield from _changes(what, (f"line {fault.line}: {fault.message}" for fault in faults))


def unrepairable_rows(measured: MeasuredSubmission) -> list[BadRow]:
    return [
        bad
        for bad in measured.masks.bad.values()
        if not (bad.counts_from_zero and measured.written.from_zero)
    ]


def _masks_changed(measured: MeasuredSubmission) -> Iterator[RepairChange]:
    filled = int((measured.masks.runs > 0).sum())
    if measured.written.from_zero:
        filled += sum(bad.counts_from_zero for bad in measured.masks.bad.values())
        yield RepairChange(
            filled, "masks read with starts that count from 0: every start is one more now"
        )
    if measured.written.column_major:
        yield RepairChange(filled, "masks that ran down the columns written row by row")
    for kind, (reason, _) in enumerate(DISORDERS):
        rows = np.flatnonzero(measured.masks.disorder[:, kind]).tolist()
        runs = int(measured.masks.disorder[:, kind].sum())
        places = (_place(measured.masks.keys[row]) for row in rows)
        yield from _changes(f"masks brought to order: {reason} ({runs:,} runs)", places)


def _changes(what: str, places: Iterable[str]) -> Iterator[RepairChange]:
    """One change where there are places of it, else none."""
    found = tuple(places)
    if found:
        yield RepairChange(len(found), what, found)


def _place(key: Key) -> str:
    return f"{key[0]}, {key[1]}"
