"""The check of a submission: everything that can be found in it, in one reading.

The rows that it should have and what is wrong with those that it has: what cannot be read, is
missing, came twice or is of no image, and the order of the rows. Masks, how their runs were written
and hands are those of the files beside this one.
"""

import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby, pairwise
from operator import itemgetter
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from handseg.anatomy import BONES
from handseg.check.anatomy import anatomy_findings
from handseg.check.findings import Finding, Severity, count, fix_command, show_command
from handseg.check.masks import RowMasks, content_findings, hands_of_rows, read_masks, runs_findings
from handseg.check.writing import (
    Agreement,
    RunFormat,
    format_findings,
    label_masks,
    measure_agreement,
    mismatched_widths,
    run_format,
    shared_masks,
    width_findings,
)
from handseg.data.image_sizes import ImageSizes, header_sizes
from handseg.data.images import is_radiograph
from handseg.errors import InputError, did_you_mean
from handseg.formats.documents import Size
from handseg.formats.submission import known_classes, sidecar_classes, unreadable_images
from handseg.rle.submission import Fault, Submission, read_submission
from handseg.text import pixels_text
from handseg.work import Progress, silent

if TYPE_CHECKING:
    from handseg.data.dataset import Dataset, Sample

UNREADABLE_RUNS = "run lengths that cannot be read"
PAST_THE_END = "a run past the end of the image"
DOUBLED = "a row that came twice, with the same mask"
MISSING = "a row is missing"
IMAGE_MISSING = "an image has no row"
UNREADABLE = "an image that could not be read when the others were predicted"
STRANGE_IMAGE = "an image that the data set does not have"
STRANGE_CLASS = "a class that the data set does not have"
ALPHABETICAL = "classes in alphabetical order"
CLASS_ORDER = "classes in another order"
IMAGE_ORDER = "images in another order"
SCATTERED = "the rows of an image are not together"
BY_CLASS = "rows are ordered by class, then by image"
UNSORTED_NAMES = "images are not in the order of their names"

_REASONS = {
    "row": "a row that cannot be read",
    "doubled": "rows with different masks of one image and class",
    "sidecar": "the sidecar is of other contents",
    "runs": UNREADABLE_RUNS,
    "bounds": PAST_THE_END,
}


@dataclass(frozen=True)
class ExpectedRows:
    """The grid of rows that a submission should have, in order, and the sizes of its images."""

    images: tuple[str, ...]
    classes: tuple[str, ...]
    sizes: ImageSizes
    source: str
    """What names images and classes: a data set, the sidecar or the file itself."""
    ordered: bool
    """Whether the order of images is known; else it is that of their first rows."""
    dataset: "Dataset | None" = None
    labelled: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    """The classes of images of which not all were labelled: the others need no row."""

    @property
    def keys(self) -> list[tuple[str, str]]:
        """(image, class) of each row, in order."""
        return [
            (image, cls)
            for image in self.images
            for cls in self.classes
            if cls in self.labelled.get(image, self.classes)
        ]

    @property
    def size_source(self) -> str:
        if self.sizes.headers:
            return "from the images' headers"
        if self.sizes.sidecars:
            return "from the sidecar"
        return "from --image-size" if self.sizes.given else "assumed; --image-size says it"


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

    Args:
        opened: what `open_to_check` made of the file in `path`.
        dataset: knows images, classes, sizes and maybe labels.
        image_size: (height, width) of images whose size nothing else says.
        others: submissions of the same images; the first two are compared with where there are no
            labels.

    Raises:
        InputError: the data set itself is at fault.
    """
    if isinstance(opened, InputError):
        return SubmissionCheck(path, (no_submission(path, opened),))
    submission = opened.submission
    expected = expected_rows(submission, dataset, image_size)
    sizes = expected.sizes
    widths = mismatched_widths(submission, sizes)
    masks = read_masks(submission, sizes, widths, progress)
    agreements = list(_agreements(submission, expected, others))
    hands = hands_of_rows(masks) if set(submission.classes) <= set(BONES) else None
    centres = hands.centres if hands else None
    written = run_format(masks, sizes, widths, centres, agreements, len(expected.images))
    findings = list(structure_findings(masks, expected, opened.faults))
    if dataset is not None and expected.dataset is None and submission.images:
        detail = f"the data set {dataset.root} has none of its images and was not looked at"
        findings.append(Finding("note", "structure", "images of another data set", detail))
    findings += [
        *format_findings(masks, written, centres, agreements),
        *width_findings(submission, sizes, widths, mends=written.column_major),
        *row_order_findings(submission, expected),
        *runs_findings(masks),
        *content_findings(masks, sizes, widths),
    ]
    for one in anatomy_findings(hands) if hands else ():
        key = one.image, one.cls
        findings.append(replace(one, line=submission.line(*key) if key in submission else 0))
    measured = MeasuredSubmission(submission, opened.faults, expected, masks, widths, written)
    return SubmissionCheck(path, tuple(findings), measured)


def _agreements(
    submission: Submission, expected: ExpectedRows, others: Sequence[Submission]
) -> Iterator[Agreement]:
    """With the labels, else with the first of the other submissions."""
    labels = label_masks(expected.dataset, submission) if expected.dataset else {}
    if labels:
        references = [("the labels", labels)]
    else:
        references = [(str(other.path), shared_masks(other, submission)) for other in others[:2]]
    for against, masks in references:
        found = measure_agreement(submission, expected.sizes, masks, against)
        if found is not None:
            yield found


def expected_rows(
    submission: Submission, dataset: "Dataset | None", image_size: Size | None
) -> ExpectedRows:
    """What `submission` should hold, by the data set if it has images of it, else by the sidecar.

    `image_size` is what the caller says of images whose size neither knows. Raises InputError for
    an image of the data set that cannot be read.
    """
    samples: Sequence[Sample] = []
    if dataset is not None:
        from handseg.data.dataset import predicted_samples

        samples = predicted_samples(dataset, submission)
    if not samples:
        dataset = None
    images, source = _expected_images(submission, samples, dataset)
    classes = _expected_classes(submission, dataset)
    readable = set(images).difference(unreadable_images(submission))
    return ExpectedRows(
        images=images,
        classes=classes,
        # Where a sidecar disagrees with a header that is a finding, no error.
        sizes=ImageSizes(header_sizes(samples, readable), submission.sizes, image_size),
        source=source,
        ordered=source != "the file itself",
        dataset=dataset,
        labelled=known_classes(submission, images, classes),
    )


def no_submission(path: Path, error: InputError) -> Finding:
    """The finding on a file that is no submission at all."""
    if path.suffix and is_radiograph(path):
        command = f"handseg check {shlex.quote(str(path.parent))}"
        return Finding("error", "structure", "no submission", "it is an image", command=command)
    detail = error.message.removeprefix(f"{path}: ")
    why = "; ".join(error.details.splitlines())
    return Finding("error", "structure", "no submission", f"{detail} ({why})" if why else detail)


def structure_findings(
    masks: RowMasks, expected: ExpectedRows, faults: Sequence[Fault]
) -> Iterator[Finding]:
    """Everything about rows that a scorer would stumble over."""
    submission = masks.submission
    yield from map(_of_fault, faults)
    yield from _unreadable(masks)
    fix = fix_command(submission.path)
    for one in submission.repetitions:
        detail = f"as in line {one.first_line}"
        yield Finding("error", "structure", DOUBLED, detail, one.line, one.image, one.cls, fix)
    yield from _strangers(submission, expected)
    yield from _missing(submission, expected, faults)
    yield from _sidecar_sizes(submission, expected)
    yield from _cut_off(submission)
    yield from (Finding("note", "structure", note) for note in submission.notes)


def row_order_findings(submission: Submission, expected: ExpectedRows) -> Iterator[Finding]:
    """What joining by position would make of this order; handseg joins by image and class."""
    blocks = [
        (image, [cls for _, cls in rows]) for image, rows in groupby(submission, itemgetter(0))
    ]
    fix = fix_command(submission.path)
    images = [image for image, _ in blocks]
    if len(set(images)) < len(images):
        turns = sum(one != other for (_, one), (_, other) in pairwise(submission))
        if turns == len(submission.classes) - 1:
            yield Finding("warning", "order", BY_CLASS, command=fix)
        else:
            yield from _scattered(submission, blocks, fix)
        return
    yield from _class_order(submission, expected, blocks, fix)
    if expected.ordered:
        yield from _image_order(submission, expected, images, fix)
    elif images != sorted(images):
        detail = "nobody says how they should be ordered; --data DIR would"
        yield Finding("note", "order", UNSORTED_NAMES, detail)


def _expected_images(
    submission: Submission, samples: "Sequence[Sample]", dataset: "Dataset | None"
) -> tuple[tuple[str, ...], str]:
    if dataset is not None:
        return tuple(sample.image_name for sample in samples), f"the data set {dataset.root}"
    if submission.sizes:
        strangers = [image for image in submission.images if image not in submission.sizes]
        return (*submission.sizes, *strangers), "the sidecar"
    return submission.images, "the file itself"


def _expected_classes(submission: Submission, dataset: "Dataset | None") -> tuple[str, ...]:
    """In order: those of the sidecar, else of the data set, else bones in the competition's."""
    said = sidecar_classes(submission)
    if dataset is not None and dataset.has_classes:
        known = [cls for cls in dataset.classes if not said or cls in said]
        return tuple(known)
    if said:
        return (*said, *(cls for cls in submission.classes if cls not in said))
    if set(submission.classes) <= set(BONES):
        return tuple(bone for bone in BONES if bone in submission.classes)
    return submission.classes


def _of_fault(fault: Fault) -> Finding:
    hints = [hint.partition("rm ")[2] for hint in fault.hints if "rm " in hint]
    command = f"rm {hints[0]}" if hints else show_command(fault.path, fault.line)
    why = "; ".join(fault.details.splitlines())
    return Finding(
        "error",
        "structure",
        _REASONS[fault.kind],
        f"{fault.message} ({why})" if why else fault.message,
        fault.line,
        fault.image,
        fault.cls,
        command if fault.line or hints else "",
    )


def _unreadable(masks: RowMasks) -> Iterator[Finding]:
    for bad in masks.bad.values():
        if bad.counts_from_zero:
            continue  # said once, of the whole file
        reason = PAST_THE_END if bad.past_the_end else UNREADABLE_RUNS
        show = show_command(masks.submission.path, masks.line(bad.row))
        yield masks.finding(bad.row, "error", "structure", reason, bad.details, show)


def _strangers(submission: Submission, expected: ExpectedRows) -> Iterator[Finding]:
    """Images and classes that the data set, and classes that a sidecar, does not have."""
    first = dict(reversed(submission.keys()))
    if expected.dataset is not None:
        known = [sample.image_name for sample in expected.dataset.split("all")]
        base_names: dict[str, list[str]] = {}
        for name in known:
            base_names.setdefault(PurePosixPath(name).name, []).append(name)
        for image in sorted(set(submission.images) - set(known)):
            line = submission.line(image, first[image])
            meant = base_names.get(PurePosixPath(image).name, [])
            detail = f"meant is {' or '.join(meant[:3])}" if meant else ""
            yield Finding("error", "structure", STRANGE_IMAGE, detail, line, image)
    data = expected.dataset
    classes = data.classes if data and data.has_classes else expected.classes
    for cls in submission.classes:
        if cls not in classes:
            detail = did_you_mean(cls, classes).strip(" ()")
            yield Finding("error", "structure", STRANGE_CLASS, detail, cls=cls)


def _missing(
    submission: Submission, expected: ExpectedRows, faults: Sequence[Fault]
) -> Iterator[Finding]:
    if not len(submission):
        yield Finding("error", "structure", "no rows", "there is only a header")
    # A row at fault is there, though it cannot be read.
    faulty = {(fault.image, fault.cls) for fault in faults if fault.image and fault.cls}
    absent = [key for key in expected.keys if key not in submission and key not in faulty]
    unreadable = unreadable_images(submission)
    for image in unreadable:
        detail = "it has no row: mend it and predict again"
        yield Finding("error", "structure", UNREADABLE, detail, image=image)
    absent = [key for key in absent if key[0] not in unreadable]
    rows, fix = Counter(image for image, _ in absent), fix_command(submission.path)
    for image, absent_rows in rows.items():
        if absent_rows == len(expected.classes):
            detail = f"{absent_rows} rows; {expected.source} names it"
            yield Finding("error", "structure", IMAGE_MISSING, detail, image=image, command=fix)
    for image, cls in absent:
        if rows[image] < len(expected.classes):
            yield Finding("error", "structure", MISSING, image=image, cls=cls, command=fix)
    yield from _classes_missing(submission, expected)


def _classes_missing(submission: Submission, expected: ExpectedRows) -> Iterator[Finding]:
    """Classes that are not expected, but that the file may be meant to have."""
    if expected.dataset is not None and expected.dataset.has_classes:
        whole, source = expected.dataset.classes, "of the data set"
    elif set(expected.classes) <= set(BONES) and not sidecar_classes(submission):
        whole, source = BONES, "of the 29 bones"
    else:
        return
    for cls in whole:
        if expected.classes and cls not in expected.classes:
            yield Finding("warning", "structure", f"a class {source} has no row", cls=cls)


def _sidecar_sizes(submission: Submission, expected: ExpectedRows) -> Iterator[Finding]:
    for image, size in submission.sizes.items():
        measured = expected.sizes.of(image)
        if measured != size:
            yield Finding(
                "error",
                "structure",
                "the sidecar's size is not the image's",
                f"{pixels_text(size)}, the image has {pixels_text(measured)}",
                image=image,
            )


def _cut_off(submission: Submission) -> Iterator[Finding]:
    """A last line without its end is as a rule one whose end was lost."""
    if not len(submission) or submission.path.suffix != ".csv":
        return
    with submission.path.open("rb") as file:
        file.seek(-1, 2)
        if file.read() in (b"\n", b"\r"):
            return
    image, cls = max(submission.keys(), key=lambda key: submission.line(*key))
    line = submission.line(image, cls)
    yield Finding(
        "warning",
        "structure",
        "the last line has no end: the file may be cut off",
        "its run lengths may lack the last ones",
        line,
        image,
        cls,
        show_command(submission.path, line),
    )


def _scattered(
    submission: Submission, blocks: list[tuple[str, list[str]]], fix: str
) -> Iterator[Finding]:
    seen: set[str] = set()
    for image, classes in blocks:
        if image in seen:
            line = submission.line(image, classes[0])
            yield Finding("warning", "order", SCATTERED, "", line, image, classes[0], fix)
        seen.add(image)


def _class_order(
    submission: Submission, expected: ExpectedRows, blocks: list[tuple[str, list[str]]], fix: str
) -> Iterator[Finding]:
    place = {cls: number for number, cls in enumerate(expected.classes)}
    for image, classes in blocks:
        numbers = [place.get(cls, len(place)) for cls in classes]
        wrong = next((at for at in range(1, len(numbers)) if numbers[at] < numbers[at - 1]), None)
        if wrong is None:
            continue
        cls, before = classes[wrong], classes[wrong - 1]
        reason = ALPHABETICAL if classes == sorted(classes) else CLASS_ORDER
        line = submission.line(image, cls)
        yield Finding("warning", "order", reason, f"after {before}", line, image, cls, fix)


def _image_order(
    submission: Submission, expected: ExpectedRows, images: list[str], fix: str
) -> Iterator[Finding]:
    place = {image: number for number, image in enumerate(expected.images)}
    known = [image for image in images if image in place]
    first = dict(reversed(submission.keys()))
    for before, image in pairwise(known):
        if place[image] < place[before]:
            line, detail = submission.line(image, first[image]), f"after {before}"
            yield Finding("warning", "order", IMAGE_ORDER, detail, line, image, command=fix)
