"""The masks in the rows of a submission, measured in one reading, and what is unusual about them.

Runs out of order, empty masks, unusual areas, masks in pieces; and the hands that they show.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from handseg import rle
from handseg.anatomy import BONES, MEAN_AREAS
from handseg.check.findings import (
    FEWEST,
    SECOND_PIECE,
    SEVERAL_PIECES,
    TO_SIGMA,
    UNLIKE_AREA,
    Finding,
    Severity,
    Subject,
    fix_command,
)
from handseg.data.image_sizes import ImageSizes
from handseg.formats.documents import Size
from handseg.hand.hands import Hands
from handseg.rle.codec import BoundsError, check_bounds
from handseg.rle.geometry import connected_components, rows_crossed, segments, shapes
from handseg.rle.row_index import Key
from handseg.rle.submission import Submission
from handseg.text import shown
from handseg.work import Progress, silent

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]

_ROWS = 256
"""So many rows are read at a time."""
_SEGMENTS = 1 << 17
"""How many segments of runs are measured at a time: memory does not grow with the file."""

OFTEN_EMPTY = 0.05
"""Every hand has all bones: a bone that is empty in more of the images is worth a warning."""
FAR = 6.0
"""Robust standard deviations from the median of a class."""
FACTOR = 2.0
"""And so many times larger or smaller than it."""
OFF_FACTOR = 3.0
MANY_COMPONENTS = 20

OFF_SIZE = "a class with the area of another bone"

DECIMALS = "figures are written with a decimal point"
DISORDERS = (
    ("runs are not sorted", "out of order"),
    ("runs overlap others of their mask", "overlap"),
    ("runs touch the next one", "touch"),
    ("runs of length 0", "of length 0"),
)
"""In the order of `rle.Disorder`: the reason, and a word for the count of such runs."""


@dataclass(frozen=True)
class BadRow:
    """A row whose runs cannot be read, or pass the end of the image."""

    row: int
    details: str
    past_the_end: bool
    counts_from_zero: bool
    """Starts at 0 are all that is wrong with it."""


@dataclass
class RowMasks:
    """What stands in the rows of a submission, in their order; arrays are [rows].

    Of rows that are `bad` the counts are 0 and the centres NaN.
    """

    submission: Submission
    keys: list[Key]
    bad: dict[int, BadRow]
    runs: Integers
    end: Integers
    """The pixel after the last run."""
    area: Integers
    x: Floats
    y: Floats
    components: Integers
    """Connected components of the mask."""
    second: Integers
    """Pixels of the second largest component."""
    wrapped: Integers
    """Runs that begin in the last column and go on in the next row."""
    disorder: Integers
    """[rows, 4]: runs that are unsorted, overlapping, touching, of length 0."""
    decimals: NDArray[np.bool_]
    """Rows whose numbers are written with a decimal point, as in `7.0`."""
    _waiting: list[tuple[int, rle.Runs, int]] = field(default_factory=list)
    _segments: int = 0

    @classmethod
    def of(cls, submission: Submission) -> "RowMasks":
        """Nothing measured yet."""
        keys = submission.keys()
        counts = [np.zeros(len(keys), dtype=np.int64) for _ in range(6)]
        runs, end, area, components, second, wrapped = counts
        x, y = np.full((2, len(keys)), np.nan)
        disorder = np.zeros((len(keys), 4), dtype=np.int64)
        decimals = np.zeros(len(keys), dtype=np.bool_)
        arrays = (runs, end, area, x, y, components, second, wrapped, disorder, decimals)
        return cls(submission, keys, {}, *arrays)

    def line(self, row: int) -> int:
        return self.submission.line(*self.keys[row])

    def finding(
        self,
        row: int,
        severity: Severity,
        subject: Subject,
        reason: str,
        detail: str = "",
        command: str = "",
        weight: float = 0.0,
    ) -> Finding:
        place = (self.line(row), *self.keys[row])
        return Finding(severity, subject, reason, detail, *place, command, weight)

    def add(self, row: int, runs: rle.Runs, width: int) -> None:
        """Take the mask of a row; it is measured with others."""
        self.runs[row] = len(runs)
        if not len(runs):
            return
        self.end[row] = runs[-1, 1]
        self._waiting.append((row, runs, width))
        self._segments += rows_crossed(runs, width)
        if self._segments >= _SEGMENTS:
            self.measure()

    def measure(self) -> None:
        if not self._waiting:
            return
        rows, masks, widths = zip(*self._waiting, strict=True)
        self._waiting, self._segments = [], 0
        place, count = np.array(rows), len(rows)
        cut = segments(masks, widths)
        shape, parts = shapes(cut, count), connected_components(cut, count)
        self.area[place], self.x[place], self.y[place] = shape
        self.components[place], self.second[place] = parts
        self.wrapped[place] = [_wrapped(*pair) for pair in zip(masks, widths, strict=True)]


def read_masks(
    submission: Submission,
    sizes: ImageSizes,
    widths: Mapping[str, int],
    progress: Progress = silent,
) -> RowMasks:
    """Read each row once and measure its mask.

    `widths` are those of images whose runs show another width than `sizes`: they are measured
    as what they are.
    """
    masks = RowMasks.of(submission)
    total = len(masks.keys)
    for first in range(0, total, _ROWS):
        rows = np.arange(first, min(first + _ROWS, total))
        progress(first, total, masks.keys[first][0])
        for row, text in zip(rows.tolist(), submission.texts(rows), strict=True):
            image = masks.keys[row][0]
            _take(masks, row, text, sizes.of(image), widths.get(image))
    masks.measure()
    progress(total, total)
    return masks


def _take(masks: RowMasks, row: int, text: bytes, size: Size, width: int | None) -> None:
    try:
        runs, disorder = rle.read(text)
        check_bounds(runs, size)
    except rle.RleError as error:
        past = isinstance(error, BoundsError)
        masks.bad[row] = BadRow(row, error.message, past, not past and counts_from_zero(text))
        return
    masks.disorder[row] = disorder
    masks.decimals[row] = b"." in text
    masks.add(row, runs, width or size[1])


def counts_from_zero(text: bytes) -> bool:
    """Whether a run starts at 0, and the text would be right if all starts were one more."""
    numbers = text.split()
    if not any(number.strip(b"0") in (b"", b".") for number in numbers[::2]):
        return False
    try:
        read_from_zero(text)
    except rle.RleError:
        return False
    return True


def read_from_zero(text: bytes) -> tuple[rle.Runs, rle.Disorder]:
    """Like `rle.read`, of a text whose starts count from 0; raises RleError likewise."""
    numbers = text.split()
    for place in range(0, len(numbers), 2):
        whole, _, rest = numbers[place].partition(b".")
        if whole.isdigit() and not rest.strip(b"0"):
            numbers[place] = b"%d" % (int(whole) + 1) if len(whole) < 20 else whole
    return rle.read(b" ".join(numbers))


def _wrapped(runs: rle.Runs, width: int) -> int:
    at_the_edge = runs[:, 0] % width == width - 1
    return int((at_the_edge & (runs[:, 1] - runs[:, 0] > 1)).sum())


def hands_of_rows(masks: RowMasks) -> Hands:
    """The hands of images by the masks of a submission of bones; bends are not measured."""
    images = {image: None for image, _ in masks.keys}
    hands = Hands.unmeasured(images)
    image_of = {image: at for at, image in enumerate(images)}
    bone_of = {bone: at for at, bone in enumerate(BONES)}
    for row, (image, cls) in enumerate(masks.keys):
        if masks.area[row]:
            at = image_of[image], bone_of[cls]
            hands.centres[at] = masks.x[row], masks.y[row]
            hands.areas[at] = masks.area[row]
    return hands


def runs_findings(masks: RowMasks) -> Iterator[Finding]:
    """One finding a row and kind of disorder; handseg reads such runs as what they mean."""
    fix = fix_command(masks.submission.path)
    for row in np.flatnonzero(masks.decimals).tolist():
        yield masks.finding(row, "warning", "runs", DECIMALS, command=fix)
    for kind, (reason, word) in enumerate(DISORDERS):
        for row in np.flatnonzero(masks.disorder[:, kind]).tolist():
            count = int(masks.disorder[row, kind])
            yield masks.finding(row, "warning", "runs", reason, f"{count} {word}", fix, count)


def content_findings(
    masks: RowMasks, sizes: ImageSizes, widths: Mapping[str, int]
) -> Iterator[Finding]:
    """What is unusual for a hand, or within the file."""
    classes = masks.submission.classes
    # A bone is in every hand and in one piece; what other data sets label may well not be.
    bones = set(classes) <= set(BONES)
    good = np.array([row not in masks.bad for row in range(len(masks.keys))], dtype=np.bool_)
    if good.any() and not masks.area[good].any():
        yield Finding("warning", "content", "every mask is empty")
        return
    scale = _scales(masks, sizes, widths)
    medians: dict[str, float] = {}
    for cls in classes:
        rows = np.array(
            [row for row, key in enumerate(masks.keys) if key[1] == cls and good[row]], np.intp
        )
        yield from _empty_masks(masks, cls, rows, bones)
        filled = rows[masks.area[rows] > 0]
        if len(filled):
            medians[cls] = float(np.median(masks.area[filled] * scale[filled]))
        yield from _unusual_areas(masks, filled, scale)
    yield from _unlike_bones(medians)
    yield from _in_pieces(masks, "warning" if bones else "note")


def _scales(masks: RowMasks, sizes: ImageSizes, widths: Mapping[str, int]) -> Floats:
    """For each row the pixels of its image at 2048² a pixel, so that areas can be compared."""
    return np.array(
        [
            2048**2 / (widths[image] ** 2 if image in widths else np.prod(sizes.of(image)))
            for image, _ in masks.keys
        ]
    )


def _empty_masks(
    masks: RowMasks, cls: str, rows: NDArray[np.intp], bones: bool
) -> Iterator[Finding]:
    empty = rows[masks.area[rows] == 0]
    if not len(empty):
        return
    if len(empty) == len(rows):
        reason, severity = "a class is empty in every image", "warning"
    else:
        reason = "a class is empty in some images"
        severity = "warning" if bones and len(empty) > OFTEN_EMPTY * len(rows) else "note"
    names = shown([masks.keys[row][0] for row in empty.tolist()], 3)
    detail = f"{len(empty)} of {len(rows)} images ({names})"
    yield Finding(severity, "content", reason, detail, cls=cls, weight=len(empty))


def _unusual_areas(masks: RowMasks, rows: NDArray[np.intp], scale: Floats) -> Iterator[Finding]:
    """Of the rows of a class the masks whose area is far from that in the other images."""
    if len(rows) < FEWEST:
        return
    areas = masks.area[rows] * scale[rows]
    median = float(np.median(areas))
    logs = np.log(areas / median)
    # Two per cent keep a class that hardly varies from making every mask unusual.
    spread = max(TO_SIGMA * float(np.median(np.abs(logs))), 0.02)
    for at in np.flatnonzero((np.abs(logs) > FAR * spread) & (np.abs(logs) > np.log(FACTOR))):
        row, z = int(rows[at]), float(logs[at] / spread)
        usual = round(median / scale[row])
        detail = f"{masks.area[row]:,} pixels where the median is {usual:,} (robust z {z:+.0f})"
        yield masks.finding(row, "warning", "content", UNLIKE_AREA, detail, weight=abs(z))


def _unlike_bones(medians: dict[str, float]) -> Iterator[Finding]:
    """Bones whose masks are as a rule of another size than that bone is.

    `medians` are areas at 2048². A size that all share is of the framing, not of a bone.
    """
    if not medians or not set(medians) <= set(MEAN_AREAS):
        return
    ratios = {cls: median / MEAN_AREAS[cls] for cls, median in medians.items()}
    shared = float(np.median(list(ratios.values())))
    if max(shared, 1 / shared) > OFF_FACTOR:
        detail = f"{shared:.2g} times the mean areas of the competition's images"
        yield Finding("warning", "content", "the masks are of another size than bones", detail)
    for cls, ratio in ratios.items():
        if max(ratio / shared, shared / ratio) > OFF_FACTOR:
            detail = (
                f"median {medians[cls]:,.0f} pixels at 2048², of the bone {MEAN_AREAS[cls]:,} "
                f"({ratio:.2g} times)"
            )
            weight = abs(float(np.log(ratio / shared)))
            yield Finding("warning", "content", OFF_SIZE, detail, cls=cls, weight=weight)


def _in_pieces(masks: RowMasks, severity: Severity) -> Iterator[Finding]:
    share = masks.second / np.maximum(masks.area, 1)
    apart = share > SECOND_PIECE
    specks = ~apart & (masks.components > MANY_COMPONENTS)
    for rows, reason, weights in (
        (apart, SEVERAL_PIECES, share),
        (specks, "a mask with many specks", masks.components),
    ):
        for row in np.flatnonzero(rows).tolist():
            detail = f"{masks.components[row]} pieces, the second has {share[row]:.0%} of the area"
            weight = float(weights[row])
            yield masks.finding(row, severity, "content", reason, detail, weight=weight)
