"""Findings on the rows of a CSV: what cannot be read, is missing, came twice or is of no image."""

import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from handseg.anatomy import BONES
from handseg.data.check.finding import Finding
from handseg.errors import InputError, did_you_mean
from handseg.formats.submission import sidecar_classes
from handseg.rle.faults import Fault
from handseg.rle.submission import Submission
from handseg.score.check.expected import Expected
from handseg.score.check.masks import Masks

UNREADABLE = "run lengths that cannot be read"
PAST_THE_END = "a run past the end of the image"
DOUBLED = "a row that came twice, with the same mask"
MISSING = "a row is missing"
IMAGE_MISSING = "an image has no row"
STRANGE_IMAGE = "an image that the data set does not have"
STRANGE_CLASS = "a class that the data set does not have"

_REASONS = {
    "row": "a row that cannot be read",
    "doubled": "rows with different masks of one image and class",
    "sidecar": "the sidecar is of other contents",
    "runs": UNREADABLE,
    "bounds": PAST_THE_END,
}


def fix_command(path: Path) -> str:
    """The command that writes a repaired copy."""
    return f"handseg check {shlex.quote(str(path))} --fix"


def show_command(path: Path, line: int) -> str:
    """The command that shows the beginning of a line; none where the file is no plain text."""
    if path.suffix != ".csv":
        return ""
    return f"sed -n {line}p {shlex.quote(str(path))} | cut -c 1-200"


def no_submission(path: Path, error: InputError) -> Finding:
    """The finding on a file that is no submission at all."""
    detail = error.message.removeprefix(f"{path}: ")
    why = "; ".join(error.details.splitlines())
    return Finding("error", "structure", "no submission", f"{detail} ({why})" if why else detail)


def structure_findings(
    submission: Submission, expected: Expected, masks: Masks, faults: Sequence[Fault]
) -> Iterator[Finding]:
    """Everything about rows that a scorer would stumble over."""
    yield from map(_of_fault, faults)
    yield from _unreadable(submission, masks)
    yield from _doubled(submission)
    yield from _strangers(submission, expected)
    yield from _missing(submission, expected, faults)
    yield from _sizes(submission, expected)
    yield from _cut_off(submission)
    yield from (Finding("note", "structure", note) for note in submission.notes)


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


def _unreadable(submission: Submission, masks: Masks) -> Iterator[Finding]:
    for bad in masks.bad.values():
        image, cls = masks.keys[bad.row]
        line = submission.line(image, cls)
        if bad.counts_from_zero:
            continue  # said once, of the whole file
        reason = PAST_THE_END if bad.past_the_end else UNREADABLE
        show = show_command(submission.path, line)
        yield Finding("error", "structure", reason, bad.details, line, image, cls, show)


def _doubled(submission: Submission) -> Iterator[Finding]:
    fix = fix_command(submission.path)
    for one in submission.repetitions:
        detail = f"as in line {one.first_line}"
        yield Finding("error", "structure", DOUBLED, detail, one.line, one.image, one.cls, fix)


def _strangers(submission: Submission, expected: Expected) -> Iterator[Finding]:
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
    classes = expected.dataset.classes if expected.dataset else expected.classes
    for cls in submission.classes:
        if cls not in classes:
            detail = did_you_mean(cls, classes).strip(" ()")
            yield Finding("error", "structure", STRANGE_CLASS, detail, cls=cls)


def _missing(
    submission: Submission, expected: Expected, faults: Sequence[Fault]
) -> Iterator[Finding]:
    if not len(submission):
        yield Finding("error", "structure", "no rows", "there is only a header")
    # A row at fault is there, though it cannot be read.
    faulty = {(fault.image, fault.cls) for fault in faults if fault.image and fault.cls}
    absent = [key for key in expected.keys if key not in submission and key not in faulty]
    rows, fix = Counter(image for image, _ in absent), fix_command(submission.path)
    for image, count in rows.items():
        if count == len(expected.classes):
            detail = f"{count} rows; {expected.source} names it"
            yield Finding("error", "structure", IMAGE_MISSING, detail, image=image, command=fix)
    for image, cls in absent:
        if rows[image] < len(expected.classes):
            yield Finding("error", "structure", MISSING, image=image, cls=cls, command=fix)
    yield from _classes_missing(submission, expected)


def _classes_missing(submission: Submission, expected: Expected) -> Iterator[Finding]:
    """Classes that nobody promised, but that the file may be meant to have."""
    if expected.dataset is not None:
        whole, source = expected.dataset.classes, "of the data set"
    elif set(expected.classes) <= set(BONES) and not sidecar_classes(submission):
        whole, source = BONES, "of the 29 bones"
    else:
        return
    for cls in whole:
        if expected.classes and cls not in expected.classes:
            yield Finding("warning", "structure", f"a class {source} has no row", cls=cls)


def _sizes(submission: Submission, expected: Expected) -> Iterator[Finding]:
    for image, size in submission.sizes.items():
        measured = expected.size(image)
        if measured != size:
            yield Finding(
                "error",
                "structure",
                "the sidecar's size is not the image's",
                f"{size[0]} × {size[1]}, the image has {measured[0]} × {measured[1]}",
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
    finding = Finding(
        "warning",
        "structure",
        "the last line has no end: the file may be cut off",
        "its run lengths may lack the last ones",
        line,
        image,
        cls,
    )
    yield replace(finding, command=show_command(submission.path, line))
