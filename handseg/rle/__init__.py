"""Run lengths: text codec, CSV stream and its index, sweeps, without pixels.

>>> from handseg import rle
>>> runs = rle.parse("1 3 10 2")
>>> runs.tolist(), rle.area(runs), rle.format(rle.union(runs, rle.parse("4 6")))
([[0, 3], [9, 11]], 5, '1 11')
"""

from handseg.rle.codec import (
    Disorder,
    RleError,
    format,  # noqa: A004 - the name pairs with `parse` and is read as `rle.format`
    from_mask,
    parse,
    read,
    to_mask,
)
from handseg.rle.normal_form import Runs, empty, united
from handseg.rle.sweeps import area, dice, intersect, overlap, union, vote

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
