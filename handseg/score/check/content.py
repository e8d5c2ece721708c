"""Findings on what the masks hold: empty ones, unusual areas, masks in pieces."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from handseg.anatomy import BONES, MEAN_AREAS
from handseg.data.check.finding import Finding
from handseg.rle.submission import Submission
from handseg.score.check.expected import Expected
from handseg.score.check.masks import Masks

OFTEN_EMPTY = 0.05
"""Every hand has all bones: a bone that is empty in more of the images is worth a warning."""
FEWEST = 8
"""Areas of fewer masks are no population."""
FAR = 6.0
"""Robust standard deviations from the median of a class."""
FACTOR = 2.0
"""And so many times larger or smaller than it."""
OFF_FACTOR = 3.0
SECOND_PIECE = 0.05
"""Of the mask's area."""
MANY_PIECES = 20

UNLIKE = "an area unlike that of the class in other images"
OFF_SIZE = "a class with the area of another bone"


def content_findings(
    submission: Submission, expected: Expected, masks: Masks, widths: dict[str, int]
) -> Iterator[Finding]:
    """What is unusual for a hand, or within the file."""
    good = np.array([row not in masks.bad for row in range(len(masks.keys))], dtype=np.bool_)
    if good.any() and not masks.area[good].any():
        yield Finding("warning", "content", "every mask is empty")
        return
    scale = _scales(expected, masks, widths)
    medians: dict[str, float] = {}
    for cls in submission.classes:
        rows = np.array(
            [row for row, key in enumerate(masks.keys) if key[1] == cls and good[row]], np.intp
        )
        yield from _empties(cls, rows, masks, set(submission.classes) <= set(BONES))
        filled = rows[masks.area[rows] > 0]
        if len(filled):
            medians[cls] = float(np.median(masks.area[filled] * scale[filled]))
        yield from _areas(submission, cls, filled, masks, scale)
    yield from _against_the_population(medians)
    yield from _pieces(submission, masks)


def _scales(expected: Expected, masks: Masks, widths: dict[str, int]) -> NDArray[np.float64]:
    """For each row the pixels of its image at 2048² a pixel, so that areas can be compared."""
    return np.array(
        [
            2048**2 / (widths[image] ** 2 if image in widths else np.prod(expected.size(image)))
            for image, _ in masks.keys
        ]
    )


def _empties(cls: str, rows: NDArray[np.intp], masks: Masks, bones: bool) -> Iterator[Finding]:
    empty = rows[masks.area[rows] == 0]
    if not len(empty):
        return
    if len(empty) == len(rows):
        reason, severity = "a class is empty in every image", "warning"
    else:
        reason = "a class is empty in some images"
        severity = "warning" if bones and len(empty) > OFTEN_EMPTY * len(rows) else "note"
    names = ", ".join(masks.keys[row][0] for row in empty[:3].tolist())
    more = ", …" if len(empty) > 3 else ""
    detail = f"{len(empty)} of {len(rows)} images ({names}{more})"
    yield Finding(severity, "content", reason, detail, cls=cls, weight=len(empty))


def _areas(
    submission: Submission,
    cls: str,
    rows: NDArray[np.intp],
    masks: Masks,
    scale: NDArray[np.float64],
) -> Iterator[Finding]:
    """Masks whose area is far from that of the class in the other images."""
    if len(rows) < FEWEST:
        return
    areas = masks.area[rows] * scale[rows]
    median = float(np.median(areas))
    logs = np.log(areas / median)
    # 1.4826 makes the median of deviations the standard deviation of a normal distribution; two
    # per cent keep a class that hardly varies from making every mask unusual.
    spread = max(1.4826 * float(np.median(np.abs(logs))), 0.02)
    for at in np.flatnonzero((np.abs(logs) > FAR * spread) & (np.abs(logs) > np.log(FACTOR))):
        row, z = int(rows[at]), float(logs[at] / spread)
        image = masks.keys[row][0]
        usual = round(median / scale[row])
        detail = f"{masks.area[row]:,} pixels where the median is {usual:,} (robust z {z:+.0f})"
        line = submission.line(image, cls)
        yield Finding("warning", "content", UNLIKE, detail, line, image, cls, weight=abs(z))


def _against_the_population(medians: dict[str, float]) -> Iterator[Finding]:
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


def _pieces(submission: Submission, masks: Masks) -> Iterator[Finding]:
    # A bone is one piece; what other data sets label may well be several.
    bones = set(submission.classes) <= set(BONES)
    share = masks.second / np.maximum(masks.area, 1)
    apart = share > SECOND_PIECE
    specks = ~apart & (masks.pieces > MANY_PIECES)
    for rows, reason in (
        (apart, "a mask in several pieces"),
        (specks, "a mask with many specks"),
    ):
        for row in np.flatnonzero(rows).tolist():
            image, cls = masks.keys[row]
            count, second = int(masks.pieces[row]), float(share[row])
            detail = f"{count} pieces, the second has {second:.0%} of the area"
            yield Finding(
                "warning" if bones else "note",
                "content",
                reason,
                detail,
                submission.line(image, cls),
                image,
                cls,
                weight=second if reason == "a mask in several pieces" else count,
            )
