"""Images whose masks were made at another width, or run down the columns, as their runs show."""

import shlex
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import accumulate

from handseg import rle
from handseg.data.check.finding import Finding
from handseg.rle.geometry import fits_width, infer_width
from handseg.rle.submission import Submission
from handseg.score.check.expected import Expected
from handseg.score.check.structure import fix_command

ANOTHER_SIZE = "masks of an image of another width"
COLUMN_MAJOR = "masks run down the columns (column-major)"

_MASKS = 5
"""Masks of an image that are looked at: those with the longest texts."""
_BYTES = 1 << 13
"""Longer texts are passed over where others will do: they are ragged, and cost time."""
_MORE_BYTES = 1 << 15
"""Where those masks do not fit, more are looked at, of so much text altogether."""
_LEAN = 3
"""Masks that lean one way may seem to be of a width so many pixels off."""


def found_widths(submission: Submission, expected: Expected) -> dict[str, int]:
    """The width that the runs of an image show, for those where it is not the expected one."""
    found: dict[str, int] = {}
    for image in submission.images:
        texts = _longest_texts(submission, image)
        width = expected.size(image)[1]
        if fits_width(_masks(texts[:_MASKS]), width):
            continue
        suspected = infer_width(_masks(_first(texts, _MORE_BYTES)))
        if suspected is not None and abs(suspected - width) > _LEAN:
            found[image] = suspected
    if found:
        most = Counter(found.values()).most_common(1)[0][0]
        found = {
            image: most if abs(width - most) <= _LEAN else width for image, width in found.items()
        }
    return found


def _longest_texts(submission: Submission, image: str) -> list[bytes]:
    rows = submission.rows([(image, cls) for cls in submission.classes])
    texts = submission.texts(rows)
    return sorted(texts, key=lambda text: (len(text) <= _BYTES, len(text)), reverse=True)


def _first(texts: list[bytes], size: int) -> list[bytes]:
    """The first texts, of about so many bytes."""
    ends = accumulate(map(len, texts))
    return [text for text, end in zip(texts, ends, strict=True) if end - len(text) < size]


def _masks(texts: list[bytes]) -> list[rle.Runs]:
    """The masks of those texts that can be read."""
    masks: list[rle.Runs] = []
    for text in texts:
        try:
            masks.append(rle.parse(text))
        except rle.RleError:
            continue
    return masks


def column_major_images(widths: Mapping[str, int], expected: Expected) -> set[str]:
    """Images that are not square, whose masks have the height as their width."""
    return {
        image
        for image, width in widths.items()
        if width == expected.size(image)[0] != expected.size(image)[1]
    }


def width_findings(
    submission: Submission, expected: Expected, widths: Mapping[str, int], mends: bool
) -> Iterator[Finding]:
    """One finding for each image whose runs show another width.

    `mends` says whether columns can be turned into rows with certainty.
    """
    fix = fix_command(submission.path) if mends else ""
    columns = column_major_images(widths, expected)
    found = set(widths.values())
    command = ""
    if expected.assumed and len(found) == 1 and len(widths) == len(submission.images):
        # All the same: as a rule it is the assumption that is wrong.
        [width] = found
        path = shlex.quote(str(submission.path))
        command = f"handseg check {path} --image-size {width}x{width}"
    for image, width in widths.items():
        height, stated = expected.size(image)
        if image in columns:
            detail = (
                f"their rows have {width} pixels, the height of the image of {height} × {stated}"
            )
            yield Finding("warning", "format", COLUMN_MAJOR, detail, image=image, command=fix)
        else:
            detail = f"their rows have {width} pixels, those of the image {stated}"
            yield Finding("warning", "format", ANOTHER_SIZE, detail, image=image, command=command)
