"""The check of a submission: everything that can be found in it, in one reading."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from handseg.anatomy import BONES
from handseg.check.anatomy import anatomy_findings
from handseg.check.findings import Finding, Severity, count
from handseg.check.masks import (
    RowMasks,
    content_findings,
    hands_of_rows,
    read_masks,
    runs_findings,
)
from handseg.check.rows import (
    ExpectedRows,
    expected_rows,
    no_submission,
    row_order_findings,
    structure_findings,
)
from handseg.check.writing import (
    Agreement,
    RunFormat,
    format_findings,
    found_widths,
    label_masks,
    measure_agreement,
    run_format,
    shared_masks,
    width_findings,
)
from handseg.errors import InputError
from handseg.formats.documents import Size
from handseg.hand.hands import Hands
from handseg.reporter import Progress, silent
from handseg.rle.submission import Fault, Submission, read_submission

if TYPE_CHECKING:
    from handseg.data.dataset import Dataset


@dataclass(frozen=True)
class IndexedSubmission:
    """A CSV whose rows are indexed, and what could not be read of them."""

    submission: Submission
    faults: tuple[Fault, ...]


@dataclass(frozen=True)
class MeasuredSubmission:
    """What is known of a submission after all of its rows were read."""

    submission: Submission
    faults: tuple[Fault, ...]
    expected: ExpectedRows
    masks: RowMasks
    widths: dict[str, int]
    """Of images whose runs show another width than expected."""
    written: RunFormat


@dataclass(frozen=True)
class SubmissionCheck:
    """A CSV and what was found in it; `measured` is None where it is no submission at all."""

    path: Path
    findings: tuple[Finding, ...]
    measured: MeasuredSubmission | None = field(default=None, repr=False)

    def count(self, severity: Severity) -> int:
        return count(self.findings, severity)


def open_to_check(path: Path) -> IndexedSubmission | InputError:
    """Index a CSV; the error where it is no submission at all."""
    faults: list[Fault] = []
    try:
        submission = read_submission(path, faults)
    except InputError as error:
        return error
    return IndexedSubmission(submission, tuple(faults))


def check_submission(
    path: Path,
    opened: IndexedSubmission | InputError,
    *,
    dataset: "Dataset | None" = None,
    image_size: Size | None = None,
    others: Sequence[Submission] = (),
    progress: Progress = silent,
) -> SubmissionCheck:
    """Everything that is wrong, dubious or worth saying of a CSV.

    `dataset` knows images, classes, sizes and maybe labels; `image_size` (height, width) is that of
    images whose size nothing else says; `others` are submissions of the same images that it is
    compared with. Raises InputError where the data set itself is at fault.
    """
    if isinstance(opened, InputError):
        return SubmissionCheck(path, (no_submission(path, opened),))
    submission = opened.submission
    expected = expected_rows(submission, dataset, image_size)
    sizes = expected.sizes
    widths = found_widths(submission, sizes)
    masks = read_masks(submission, sizes, widths, progress)
    agreements = list(_agreements(submission, expected, others))
    hands = hands_of_rows(masks) if set(submission.classes) <= set(BONES) else None
    centres = hands.centres if hands else None
    written = run_format(masks, expected, widths, centres, agreements)
    findings = [
        *structure_findings(masks, expected, opened.faults),
        *_of_another_dataset(submission, expected, dataset),
        *format_findings(masks, written, centres, agreements),
        *width_findings(submission, expected, widths, written.column_major),
        *row_order_findings(submission, expected),
        *runs_findings(masks),
        *content_findings(masks, sizes, widths),
        *(_hands_findings(submission, hands) if hands else ()),
    ]
    measured = MeasuredSubmission(submission, opened.faults, expected, masks, widths, written)
    return SubmissionCheck(path, tuple(findings), measured)


def _agreements(
    submission: Submission, expected: ExpectedRows, others: Sequence[Submission]
) -> Iterator[Agreement]:
    """With the labels, else with the first of the other submissions."""
    labels = label_masks(expected, submission)
    if labels:
        references = [("the labels", labels)]
    else:
        references = [(str(other.path), shared_masks(other, submission)) for other in others[:2]]
    for against, masks in references:
        found = measure_agreement(submission, expected.sizes, masks, against)
        if found is not None:
            yield found


def _of_another_dataset(
    submission: Submission, expected: ExpectedRows, dataset: "Dataset | None"
) -> Iterator[Finding]:
    if dataset is not None and expected.dataset is None and submission.images:
        detail = f"the data set {dataset.root} has none of its images and was not looked at"
        yield Finding("note", "structure", "images of another data set", detail)


def _hands_findings(submission: Submission, hands: Hands) -> Iterator[Finding]:
    """What is out of order in each image's hand, with the line of the row that says so."""
    for finding in anatomy_findings(hands):
        place = finding.image, finding.cls
        line = submission.line(*place) if place in submission else 0
        yield replace(finding, line=line)
