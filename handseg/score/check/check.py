"""The check of a submission: everything that can be found in it, in one reading."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from handseg.anatomy import BONES
from handseg.data.check.finding import Finding, Severity, count
from handseg.errors import InputError
from handseg.reporter import Progress, silent
from handseg.rle.faults import Fault
from handseg.rle.submission import Submission, read_submission
from handseg.score.check.agreement import (
    Agreement,
    agreement,
    label_reference,
    submission_reference,
)
from handseg.score.check.content import content_findings
from handseg.score.check.expected import Expected, Size, expected_of
from handseg.score.check.format import Writing, format_findings, writing_of
from handseg.score.check.hands import hand_measures, hands_findings
from handseg.score.check.masks import Masks, read_masks
from handseg.score.check.order import order_findings
from handseg.score.check.runs import runs_findings
from handseg.score.check.structure import no_submission, structure_findings
from handseg.score.check.widths import found_widths, width_findings

if TYPE_CHECKING:
    from handseg.data.dataset import Dataset


@dataclass(frozen=True)
class Opened:
    """A CSV whose rows are indexed, and what could not be read of them."""

    submission: Submission
    faults: tuple[Fault, ...]


@dataclass(frozen=True)
class Measured:
    """What is known of a submission after it was read."""

    opened: Opened
    expected: Expected
    masks: Masks
    widths: dict[str, int]
    """Of images whose runs show another width than expected."""
    writing: Writing


@dataclass(frozen=True)
class Checked:
    """A CSV and what was found in it; `measured` is None where it is no submission at all."""

    path: Path
    findings: tuple[Finding, ...]
    measured: Measured | None = field(default=None, repr=False)

    def count(self, severity: Severity) -> int:
        """How many findings are so grave."""
        return count(self.findings, severity)


def open_to_check(path: Path) -> Opened | InputError:
    """Index a CSV; the error where it is no submission at all."""
    faults: list[Fault] = []
    try:
        submission = read_submission(path, faults)
    except InputError as error:
        return error
    return Opened(submission, tuple(faults))


def check_submission(
    path: Path,
    opened: Opened | InputError,
    *,
    dataset: "Dataset | None" = None,
    image_size: Size | None = None,
    others: Sequence[Submission] = (),
    progress: Progress = silent,
) -> Checked:
    """Everything that is wrong, dubious or worth saying of a CSV.

    `dataset` knows images, classes, sizes and maybe labels; `image_size` (height, width) is that of
    images whose size nobody else knows; `others` are submissions of the same images that it is
    held against. Raises InputError where the data set itself is at fault.
    """
    if isinstance(opened, InputError):
        return Checked(path, (no_submission(path, opened),))
    submission = opened.submission
    expected = expected_of(submission, dataset, image_size)
    widths = found_widths(submission, expected)
    masks = read_masks(submission, expected, widths, progress)
    agreements = list(_agreements(submission, expected, others))
    hands = hand_measures(masks) if set(submission.classes) <= set(BONES) else None
    centres = hands.centres if hands else None
    writing = writing_of(masks, expected, widths, centres, agreements)
    findings = [
        *structure_findings(submission, expected, masks, opened.faults),
        *_not_of_the_data(submission, expected, dataset),
        *format_findings(submission, masks, writing, centres, agreements),
        *width_findings(submission, expected, widths, writing.column_major),
        *order_findings(submission, expected),
        *runs_findings(submission, masks),
        *content_findings(submission, expected, masks, widths),
        *(hands_findings(submission, hands) if hands else ()),
    ]
    return Checked(path, tuple(findings), Measured(opened, expected, masks, widths, writing))


def _agreements(
    submission: Submission, expected: Expected, others: Sequence[Submission]
) -> Iterator[Agreement]:
    """With the labels, else with the first of the other submissions."""
    labels = label_reference(expected, submission)
    if labels:
        references = [("the labels", labels)]
    else:
        references = [
            (str(other.path), submission_reference(other, submission)) for other in others[:2]
        ]
    for against, reference in references:
        found = agreement(submission, expected, reference, against)
        if found is not None:
            yield found


def _not_of_the_data(
    submission: Submission, expected: Expected, dataset: "Dataset | None"
) -> Iterator[Finding]:
    if dataset is not None and expected.dataset is None and submission.images:
        detail = f"the data set {dataset.root} has none of its images and was not looked at"
        yield Finding("note", "structure", "images of another data set", detail)
