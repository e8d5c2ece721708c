"""Whether masks fit the width of the images that they are taken to be of.

At positions in the flattened image, masks of 512² among those of 2048² are legal numbers. How the
runs lie below each other tells the width.
"""

from collections.abc import Collection, Sequence

import numpy as np

from handseg.errors import InputError
from handseg.rle.geometry import fits_width, suspected_width
from handseg.rle.keys import Key
from handseg.rle.normal_form import Runs
from handseg.rle.submission import Submission

SAMPLE = 12
"""Masks of a submission that are looked at."""
CANDIDATES = 240
"""Keys among which they are chosen: to look all of them up would cost a vote a thirtieth."""


def odd_width(submission: Submission, keys: Sequence[Key], width: int) -> int | None:
    """The width that some masks of `keys` show, where it is not `width`; None where all fits.

    `keys` are of images of one width. None too where the masks hold too little to tell.
    """
    masks = _sample(submission, keys)
    if fits_width(masks, width):
        return None
    found = suspected_width(masks)
    return None if found == width else found


def check_assumed_size(
    submission: Submission, images: Collection[str], size: tuple[int, int]
) -> None:
    """Raise InputError where the masks of images of assumed (height, width) show another width."""
    wanted = set(images)
    keys = [key for key in submission if key[0] in wanted]
    found = odd_width(submission, keys, size[1])
    if found is not None:
        raise InputError(
            f"{submission.path}: its masks look like images of {found} pixels a row, not {size[1]}",
            details="nothing says how large the images are: no sidecar and no data set",
            hints=[f"if they are square:  --image-size {found}x{found}"],
        )


def _sample(submission: Submission, keys: Sequence[Key]) -> list[Runs]:
    """Masks from all over the rows; those that cannot be read tell nothing."""
    keys = keys[:: max(1, len(keys) // CANDIDATES)]
    filled = np.flatnonzero(submission.lengths(submission.rows(keys)))
    if not len(filled):
        return []
    chosen = filled[np.linspace(0, len(filled) - 1, SAMPLE).astype(np.intp)]
    masks: list[Runs] = []
    for image, cls in dict.fromkeys(keys[int(key)] for key in chosen):
        try:
            masks.append(submission.runs(image, cls))
        except InputError:
            continue  # who reads all rows meets it, and says where it stands
    return masks
