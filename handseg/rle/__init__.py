"""Run lengths: text codec, CSV stream and its index, set operations, without pixels.

>>> from handseg import rle
>>> runs = rle.parse("1 3 10 2")
>>> runs.tolist(), rle.area(runs), rle.format(rle.union(runs, rle.parse("4 6")))
([[0, 3], [9, 11]], 5, '1 11')
"""

from handseg.rle.codec import NormalizationStats as Disorder
from handseg.rle.codec import (
    RleError,
    Runs,
    empty,
    format,  # noqa: A004 - the name pairs with `parse` and is read as `rle.format`
    from_mask,
    parse,
    read,
    to_mask,
)
from handseg.rle.codec import canonical as united
from handseg.rle.set_operations import area, dice, intersect, overlap, union, vote

# Names that other programs use; those of `Disorder` and `united` inside handseg are newer.
__all__ = [
    "Disorder",
    "RleError",
    "Runs",
    "area",
    "dice",
    "empty",
    "format",
    "from_mask",
    "intersect",
    "overlap",
    "parse",
    "read",
    "to_mask",
    "union",
    "united",
    "vote",
]
