"""Members whose masks are of images of another width than the others': votes on them mean nothing.

At 1-based positions in the flattened image, masks of 1024² among those of 2048² are legal numbers.
How the runs lie below each other tells the width.
"""

from typing import NamedTuple

import numpy as np

from handseg.ensemble.join import Ballot
from handseg.errors import InputError
from handseg.rle import Runs
from handseg.rle.submission import Submission

SAMPLE = 12
"""Masks of a member that are looked at."""


class OddWidth(NamedTuple):
    """A member whose masks look like those of images of `found` pixels a row."""

    member: Submission
    found: int
    expected: int


def odd_widths(ballot: Ballot) -> list[OddWidth]:
    """The members whose masks do not fit the width of their images; silent where nothing tells."""
    from handseg.rle.geometry import fits_width, suspected_width

    odd: list[OddWidth] = []
    for place, member in enumerate(ballot.members):
        width, masks = _sample(ballot, place)
        if fits_width(masks, width):
            continue
        found = suspected_width(masks)
        if found is not None and found != width:
            odd.append(OddWidth(member, found, width))
    return odd


def _sample(ballot: Ballot, place: int) -> tuple[int, list[Runs]]:
    """Masks of a member from all over its rows, of images of one width, and that width."""
    table, member = ballot.table, ballot.members[place]
    filled = np.flatnonzero(member.lengths(table.rows[place]))
    if not len(filled):
        return table.size[1], []
    chosen = filled[np.linspace(0, len(filled) - 1, SAMPLE).astype(np.intp)]
    keys = [table.keys[key] for key in dict.fromkeys(chosen.tolist())]
    width = table.sizes.get(keys[0][0], table.size)[1]
    masks: list[Runs] = []
    for image, cls in keys:
        if table.sizes.get(image, table.size)[1] == width:
            try:
                masks.append(member.runs(image, cls))
            except InputError:
                continue  # the vote itself meets it, and says where it stands
    return width, masks
