"""Members whose masks are of images of another width than the others."""

from typing import NamedTuple

from handseg.ensemble.join import VoteInput
from handseg.rle.assumed import odd_width
from handseg.rle.submission import Submission


class OddWidth(NamedTuple):
    """A member whose masks look like those of images of `found` pixels a row."""

    member: Submission
    found: int
    expected: int


def odd_widths(ballot: VoteInput) -> list[OddWidth]:
    """The members whose masks do not fit the width of their images; silent where nothing tells."""
    table = ballot.table
    width = table.sizes.get(ballot.keys[0][0], table.size)[1]
    keys = [key for key in ballot.keys if table.sizes.get(key[0], table.size)[1] == width]
    found = [(member, odd_width(member, keys, width)) for member in ballot.members]
    return [OddWidth(member, odd, width) for member, odd in found if odd is not None]
