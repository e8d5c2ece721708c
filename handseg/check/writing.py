"""How the runs of a submission were written: from 0, down the columns, of images of another width.

As the runs themselves show it, how hands lie, and other masks of the same images.
"""

import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from handseg import rle
from handseg.check.findings import Finding, fix_command, show_command
from handseg.check.masks import RowMasks
from handseg.data.image_sizes import ImageSizes, width_mismatch
from handseg.errors import InputError
from handseg.hand.hands import Centres, Floats, frames
from handseg.rle.geometry import shifted, transposed
from handseg.rle.row_index import Key
from handseg.rle.submission import Submission
from handseg.text import pixels_text

if TYPE_CHECKING:
    from handseg.data.dataset import Dataset

FROM_ZERO = "starts count from 0 here"
FROM_ZERO_MAYBE = "starts may count from 0"
UPSIDE_DOWN = "hands point down: masks may be turned or written from the last row on"
ANOTHER_SIZE = "masks of an image of another width"
COLUMN_MAJOR = "masks run down the columns (column-major)"

_MOST = 0.9
"""Of masks or hands that must show it."""
_MANY = 0.5
_FEWEST_HANDS = 4
_STEEP = 2.0
"""A hand lies where its direction is so many times more across than along the image."""
_WRAPS = 3
_LEAN = 3
"""Masks that lean one way may seem to be of a width so many pixels off."""
_IMAGES = 6
"""So many images are enough to see how runs were written; labels take time to draw."""
_FEWEST_MASKS = 4
_GAIN = 0.001

_Thing = TypeVar("_Thing")
OtherMasks = Mapping[Key, rle.Runs]
"""Masks by (image, class) that those of a submission are compared with."""


@dataclass(frozen=True)
class RunFormat:
    """What is known of how the runs of a submission were written."""

    from_zero: bool = False
    """A run starts at 0, none would pass the end if all starts were one more, and no labels speak
    against it."""
    column_major: bool = False
    """With certainty: by labels, by the width of the rows or by how nearly all hands lie."""


class Agreement(NamedTuple):
    """Mean Dice of some masks with others, as they are read and in two other ways."""

    against: str
    masks: int
    as_read: float
    from_zero: float
    by_columns: float
    gains_from_zero: float
    """The share of masks whose Dice rises when all starts are one more."""
    gains_by_columns: float

    @property
    def counts_from_zero(self) -> bool:
        return self.from_zero > self.as_read + _GAIN and self.gains_from_zero >= _MOST

    @property
    def column_major(self) -> bool:
        return self.by_columns > self.as_read + 0.2 and self.gains_by_columns >= _MOST


def run_format(
    masks: RowMasks,
    sizes: ImageSizes,
    widths: Mapping[str, int],
    centres: Centres | None,
    agreements: Sequence[Agreement],
    images: int,
) -> RunFormat:
    """What the masks of a submission, its hands and others' masks tell of how it was written.

    `images` is how many the submission should have.
    """
    from_zero = any(bad.counts_from_zero for bad in masks.bad.values())
    if agreements:
        # One stray row proves nothing against labels that the masks agree with as they are.
        from_zero &= any(one.counts_from_zero for one in agreements)
    pixels = np.array([np.prod(sizes.of(image)) for image, _ in masks.keys])
    return RunFormat(
        from_zero=from_zero and not (masks.end >= pixels).any(),
        column_major=_column_major(sizes, widths, centres, agreements, images),
    )


def _column_major(
    sizes: ImageSizes,
    widths: Mapping[str, int],
    centres: Centres | None,
    agreements: Sequence[Agreement],
    images: int,
) -> bool:
    columns = column_major_images(widths, sizes)
    if widths.keys() - columns:
        return False  # of another size: the height is not known
    if agreements:
        # Labels or another file of the same images know better than directions.
        return any(one.column_major for one in agreements)
    if len(columns) >= max(_MOST * images, 1):
        return True
    up = _directions(centres)
    # Hands whose fingers point up have them to the left where columns are read as rows.
    to_left = _lie_across(up) & (up[:, 0] < 0)
    return len(up) >= _FEWEST_HANDS and to_left.mean() >= _MOST


def _directions(centres: Centres | None) -> Floats:
    """Unit vectors from wrist to fingers, [hands, 2], of the hands that have a frame."""
    if centres is None:
        return np.empty((0, 2))
    up = frames(centres).up
    return up[np.isfinite(up).all(axis=1)]


def _lie_across(up: Floats) -> NDArray[np.bool_]:
    return np.abs(up[:, 0]) > _STEEP * np.abs(up[:, 1])


def format_findings(
    masks: RowMasks,
    written: RunFormat,
    centres: Centres | None,
    agreements: Sequence[Agreement],
) -> Iterator[Finding]:
    """Starts that count from 0, columns read as rows, hands upside down."""
    proven = [bad.row for bad in masks.bad.values() if bad.counts_from_zero]
    for row in proven:
        yield _from_zero(masks, written, row)
    if not proven:
        yield from _from_zero_maybe(masks, agreements)
    fix = fix_command(masks.submission.path) if written.column_major else ""
    yield from _columns(centres, agreements, fix)
    up = _directions(centres)
    down = up[:, 1] > _STEEP * np.abs(up[:, 0])
    if len(down) and down.mean() > _MANY:
        yield Finding("warning", "format", UPSIDE_DOWN, f"{down.sum()} of {len(down)} hands")


def _from_zero(masks: RowMasks, written: RunFormat, row: int) -> Finding:
    detail, path = "a run starts at 0", masks.submission.path
    if written.from_zero:
        return masks.finding(row, "error", "format", FROM_ZERO, detail, fix_command(path))
    detail += ", but the other masks would be wrong if all starts were one more"
    command = show_command(path, masks.line(row))
    return masks.finding(row, "error", "format", FROM_ZERO, detail, command)


def _from_zero_maybe(masks: RowMasks, agreements: Sequence[Agreement]) -> Iterator[Finding]:
    for one in agreements:
        if one.counts_from_zero:
            detail = (
                f"Dice with {one.against} rises from {one.as_read:.4f} to {one.from_zero:.4f} "
                f"when every start is one more ({one.masks} masks)"
            )
            yield Finding("warning", "format", FROM_ZERO_MAYBE, detail)
    for row in np.flatnonzero(masks.wrapped >= _WRAPS).tolist():
        count = int(masks.wrapped[row])
        detail = f"{count} runs begin in the last column and go on in the next row"
        yield masks.finding(row, "warning", "format", FROM_ZERO_MAYBE, detail, weight=count)


def _columns(
    centres: Centres | None, agreements: Sequence[Agreement], command: str
) -> Iterator[Finding]:
    for one in agreements:
        if one.column_major:
            detail = (
                f"Dice with {one.against} rises from {one.as_read:.4f} to {one.by_columns:.4f} "
                f"when columns are read as rows ({one.masks} masks)"
            )
            yield Finding("warning", "format", COLUMN_MAJOR, detail, command=command)
            return
    across = _lie_across(_directions(centres))
    # What agrees better as it is read lies across because the images do.
    if agreements or not len(across) or across.mean() <= _MANY:
        return
    detail = (
        f"{across.sum()} of {len(across)} hands lie across the image: columns read as rows, "
        "or masks turned by 90°"
    )
    yield Finding("warning", "format", COLUMN_MAJOR, detail, command=command)


def mismatched_widths(submission: Submission, sizes: ImageSizes) -> dict[str, int]:
    """The width that the runs of an image show, for those where it is not the expected one."""
    found: dict[str, int] = {}
    for image in submission.images:
        width = sizes.of(image)[1]
        shown = width_mismatch(submission, [(image, cls) for cls in submission.classes], width)
        if shown is not None and abs(shown - width) > _LEAN:
            found[image] = shown
    if found:
        most = Counter(found.values()).most_common(1)[0][0]
        found = {
            image: most if abs(width - most) <= _LEAN else width for image, width in found.items()
        }
    return found


def column_major_images(widths: Mapping[str, int], sizes: ImageSizes) -> set[str]:
    """Images that are not square, whose masks have the height as their width."""
    return {
        image
        for image, width in widths.items()
        if width == sizes.of(image)[0] != sizes.of(image)[1]
    }


def width_findings(
    submission: Submission, sizes: ImageSizes, widths: Mapping[str, int], *, mends: bool
) -> Iterator[Finding]:
    """One finding for each image whose runs show another width.

    `mends` says whether columns can be turned into rows with certainty.
    """
    fix = fix_command(submission.path) if mends else ""
    check = f"handseg check {shlex.quote(str(submission.path))}"
    columns = column_major_images(widths, sizes)
    found = set(widths.values())
    command = ""
    is_assumed = not sizes.known and sizes.given is None
    if is_assumed and len(found) == 1 and len(widths) == len(submission.images):
        # All the same: as a rule it is the assumption that is wrong.
        [width] = found
        command = f"{check} --image-size {width}x{width}"
    for image, width in widths.items():
        height, stated = sizes.of(image)
        if image in columns:
            size = pixels_text((height, stated))
            detail = f"their rows have {width} pixels, the height of the image of {size}"
            # Or the size was given the other way round: runs alone cannot tell.
            other = "" if image in sizes.known else f"{check} --image-size {stated}x{height}"
            yield Finding(
                "warning", "format", COLUMN_MAJOR, detail, image=image, command=other or fix
            )
        else:
            detail = f"their rows have {width} pixels, those of the image {stated}"
            yield Finding("warning", "format", ANOTHER_SIZE, detail, image=image, command=command)


def label_masks(dataset: "Dataset", submission: Submission) -> OtherMasks:
    """The labels of a few of the submission's images, as far as the data set has them."""
    from handseg.data.dataset import with_test_labels
    from handseg.data.labels import label_runs

    named = set(submission.images)
    samples = [
        sample
        for sample in with_test_labels(dataset).split("all")
        if sample.labels is not None and sample.image_name in named
    ]
    reference: dict[Key, rle.Runs] = {}
    for sample in _spread(samples):
        labels = label_runs(sample, dataset.classes)
        for cls, runs in zip(dataset.classes, labels.runs, strict=True):
            reference[sample.image_name, cls] = runs
    return reference


def shared_masks(other: Submission, submission: Submission) -> OtherMasks:
    """The masks of another submission of a few images that both have."""
    shared = [image for image in submission.images if image in set(other.images)]
    reference: dict[Key, rle.Runs] = {}
    for image in _spread(shared):
        for cls in submission.classes:
            try:
                reference[image, cls] = rle.parse(other.text(image, cls))
            except rle.RleError:
                continue
    return reference


def measure_agreement(
    submission: Submission, sizes: ImageSizes, others: OtherMasks, against: str
) -> Agreement | None:
    """How the masks agree with others; None where too few can be compared."""
    dices = np.array(list(_dices(submission, sizes, others)))
    if len(dices) < _FEWEST_MASKS:
        return None
    gains = (dices[:, 1:] > dices[:, :1]).mean(axis=0)
    means = dices.mean(axis=0)
    return Agreement(against, len(dices), *means.tolist(), *gains.tolist())


def _dices(
    submission: Submission, sizes: ImageSizes, others: OtherMasks
) -> Iterator[tuple[float, float, float]]:
    for (image, cls), wanted in others.items():
        height, width = sizes.of(image)
        try:
            runs = submission.runs(image, cls, (height, width))
        except InputError:
            continue
        if not len(runs) or not len(wanted):
            continue
        from_zero = rle.dice(shifted(runs, 1, height * width), wanted)
        by_columns = rle.dice(transposed(runs, (height, width)), wanted)
        yield rle.dice(runs, wanted), from_zero, by_columns


def _spread(things: list[_Thing]) -> list[_Thing]:
    step = max(len(things) // _IMAGES, 1)
    return things[::step][:_IMAGES]
