"""The repair of a submission: what can be mended without inventing anything, and what was done."""

from collections.abc import Iterator
from typing import Any

from handseg import rle
from handseg.errors import InputError
from handseg.reporter import Progress, silent
from handseg.rle.geometry import transposed
from handseg.score.check.changes import Change, changes_of, unreadable
from handseg.score.check.check import Checked, Measured
from handseg.score.check.masks import read_from_zero

_ROWS = 256
_SHOWN = 5
_NEW = frozenset({"v", "created", "sha256", "rows", "versions", "made_by", "of", "changes"})
"""Fields of a sidecar that are not of what was predicted but of the file."""


class Mending:
    """A repaired copy in the making: its rows, what is changed, the fields of its sidecar."""

    def __init__(self, measured: Measured, *, skip_bad: bool = False) -> None:
        """Plan the repair; raises InputError for what only the person can decide.

        That are rows that cannot be read and rows with different masks of one image and class.
        With `skip_bad` the former are written empty (left out where not even image and class can
        be read) and of the latter the first is kept.
        """
        if not skip_bad:
            _refuse(measured)
        self.measured = measured
        self.keys = _ordered(measured)
        self.changes = list(changes_of(measured, self.keys, skip_bad))
        self._words = [str(change) for change in self.changes]
        self._skipped = {measured.masks.keys[bad.row] for bad in unreadable(measured)}

    def rows(self, progress: Progress = silent) -> Iterator[tuple[str, str, rle.Runs]]:
        """The rows of the copy, in order; the last change is known after the last row."""
        submission, rewritten, total = self.measured.opened.submission, 0, len(self.keys)
        for first in range(0, total, _ROWS):
            keys = self.keys[first : first + _ROWS]
            progress(first, total, keys[0][0])
            texts = submission.texts(submission.rows(keys))
            for key, text in zip(keys, texts, strict=True):
                runs, anew = self._mended(key, text)
                rewritten += anew
                yield *key, runs
        progress(total, total)
        if rewritten:
            what = "masks whose figures were spelt otherwise (blanks, leading zeros)"
            self.changes.append(Change(rewritten, what))
            self._words.append(str(self.changes[-1]))

    def _mended(self, key: tuple[str, str], text: bytes) -> tuple[rle.Runs, bool]:
        """The mask as it should be, and whether only its spelling changes."""
        writing = self.measured.writing
        if key in self._skipped:
            return rle.empty(), False
        runs, disorder = read_from_zero(text) if writing.from_zero else rle.read(text)
        if writing.column_major:
            return transposed(runs, self.measured.expected.size(key[0])), False
        # Changes that are said already are not counted again as those of spelling.
        said = writing.from_zero or disorder.total or b"." in text
        return runs, not said and rle.format(runs).encode() != text

    def sidecar(self) -> dict[str, Any]:
        """The fields of the copy's sidecar; the last of `changes` comes with the last row."""
        submission, expected = self.measured.opened.submission, self.measured.expected
        before = submission.sidecar or {}
        images = dict.fromkeys(image for image, _ in self.keys)
        sizes = {image: expected.sizes[image] for image in images if image in expected.sizes}
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


def repair_subject(checked: Checked) -> Measured:
    """What can be repaired of a CSV; raises InputError where it is no submission at all."""
    if checked.measured is None:
        raise InputError(f"{checked.path} cannot be repaired", details=checked.findings[0].detail)
    return checked.measured


def left_alone(measured: Measured) -> list[str]:
    """What a repair sees and does not touch, with the reason."""
    words: list[str] = []
    if measured.widths and not measured.writing.column_major:
        widths = ", ".join(map(str, sorted(set(measured.widths.values()))))
        words.append(
            f"{len(measured.widths)} images whose masks have rows of {widths} pixels: another size "
            "is not rescaled, that would change every outline; predict them again at full size"
        )
    return words


def _refuse(measured: Measured) -> None:
    """Raise InputError for rows whose masks nobody but the person knows."""
    submission = measured.opened.submission
    bad = [
        f"line {submission.line(*key)}, {key[0]}, {key[1]}: {one.details}"
        for one in unreadable(measured)
        for key in [measured.masks.keys[one.row]]
    ]
    bad += [str(one) for one in measured.opened.faults if one.kind in ("row", "doubled")]
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


def _ordered(measured: Measured) -> list[tuple[str, str]]:
    """The rows of the copy: those expected, in order, then those that nobody expected."""
    keys = measured.expected.keys
    known = set(keys)
    return [*keys, *(key for key in measured.masks.keys if key not in known)]
