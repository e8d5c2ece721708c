"""Where masks lie in their images, their components, and the images' width; no mask is decoded."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from handseg.rle.codec import RleError, Runs
from handseg.rle.set_operations import overlap

Integers = NDArray[np.int64]

COMMON_WIDTHS = (
    *(128, 192, 224, 256, 320, 384, 448, 480, 512, 640, 768, 800, 896, 960, 1000, 1024, 1080),
    *(1152, 1200, 1280, 1440, 1536, 1600, 1792, 1920, 2000, 2048, 2304, 2400, 2560, 3000, 3072),
    *(3200, 3584, 3840, 4000, 4096),
)
"""Widths that images often have, in pixels; tried beside those that the runs themselves suggest."""

_SHARE = 0.6
"""At the right width at least so much of all masks lies below other pixels of the same mask."""
_FEWEST_RUNS = 8
_FARTHEST = 2**40
"""Runs beyond it are of no image; it keeps sums of many masks inside int64."""
_CLIMBS = 64
_PARTS = (4, 3, 2)
_LEAN = 3
_NEARLY = 0.97
"""Two rows down lies nearly as much as one row down: of a width and its multiple, the width."""


class Segments(NamedTuple):
    """The runs of several masks cut at the row ends, in the order of masks, rows and columns.

    All are int64 [segments]: the mask's index, the row, the columns [start, end), and the width of
    the mask's image.
    """

    owner: Integers
    row: Integers
    start: Integers
    end: Integers
    width: Integers


class Shapes(NamedTuple):
    """Areas in pixels, int64 [masks], and centres in pixels, float64 [masks]; NaN where empty."""

    area: Integers
    x: NDArray[np.float64]
    y: NDArray[np.float64]


def segments(masks: Sequence[Runs], widths: Sequence[int]) -> Segments:
    """Cut the runs of `masks` (canonical), each of an image of its own width, at row ends."""
    counts = np.array([len(mask) for mask in masks], dtype=np.int64)
    runs = np.concatenate([*masks, np.empty((0, 2), dtype=np.int64)])
    owner = np.repeat(np.arange(len(masks)), counts)
    width = np.asarray(widths, dtype=np.int64)[owner]
    first, last = runs[:, 0] // width, (runs[:, 1] - 1) // width
    start, end = runs[:, 0] - first * width, runs[:, 1] - first * width
    if (first == last).all():
        return Segments(owner, first, start, end, width)
    rows = last - first + 1
    owner, width, first = (np.repeat(values, rows) for values in (owner, width, first))
    start, end = np.repeat(start, rows), np.repeat(end, rows)
    down = np.arange(len(first)) - np.repeat(np.cumsum(rows) - rows, rows)
    return Segments(
        owner,
        first + down,
        np.where(down == 0, start, 0),
        np.minimum(end - down * width, width),
        width,
    )


def rows_crossed(runs: Runs, width: int) -> int:
    """How many segments the runs of a mask are cut into."""
    return int(((runs[:, 1] - 1) // width - runs[:, 0] // width).sum()) + len(runs)


def shapes(cut: Segments, masks: int) -> Shapes:
    """Areas and centres of so many masks."""
    lengths = cut.end - cut.start
    area = np.bincount(cut.owner, lengths, masks)
    across = np.bincount(cut.owner, lengths * (cut.start + cut.end - 1) / 2, masks)
    down = np.bincount(cut.owner, lengths * cut.row, masks)
    with np.errstate(invalid="ignore"):
        return Shapes(area.astype(np.int64), across / area, down / area)


class Components(NamedTuple):
    """How many connected components masks have, and the pixels of the second largest; [masks]."""

    counts: Integers
    second: Integers


def connected_components(cut: Segments, masks: int) -> Components:
    """The components, joined by edge or corner, of so many masks, each cut at its row ends."""
    upper, lower = _touching(cut)
    root = _roots(len(cut.owner), upper, lower)
    areas = np.bincount(root, cut.end - cut.start, len(root)).astype(np.int64)
    heads = np.flatnonzero(root == np.arange(len(root)))
    owner = cut.owner[heads]
    order = np.lexsort((-areas[heads], owner))
    owner, areas = owner[order], areas[heads][order]
    counts = np.bincount(owner, minlength=masks)
    first = np.cumsum(counts) - counts
    second = np.zeros(masks, dtype=np.int64)
    several = counts > 1
    second[several] = areas[first[several] + 1]
    return Components(counts, second)


def _touching(cut: Segments) -> tuple[Integers, Integers]:
    """The pairs (segment, segment of the next row) of one mask that touch by edge or corner."""
    if not len(cut.owner):
        return cut.owner, cut.owner
    begin = _offsets(cut) + cut.row * cut.width
    below, end_below = begin + cut.width, begin + 2 * cut.width
    starts, ends = begin + cut.start, begin + cut.end
    # In the next row: those that do not end left of this one, and do not start right of it.
    first = np.searchsorted(ends, np.maximum(below + cut.start, below + 1), side="left")
    last = np.searchsorted(starts, np.minimum(below + cut.end, end_below - 1), side="right")
    counts = np.maximum(last - first, 0)
    upper = np.repeat(np.arange(len(counts)), counts)
    lower = np.arange(len(upper)) - np.repeat(np.cumsum(counts) - counts, counts)
    return upper, lower + np.repeat(first, counts)


def _offsets(cut: Segments) -> Integers:
    """Where each segment's mask begins if all masks stand one after the other, two rows apart."""
    opens = np.flatnonzero(np.append(True, cut.owner[1:] != cut.owner[:-1]))
    closes = np.append(opens[1:], len(cut.owner)) - 1
    pixels = (cut.row[closes] + 3) * cut.width[closes]
    return np.repeat(np.cumsum(pixels) - pixels, closes - opens + 1)


def _roots(count: int, upper: Integers, lower: Integers) -> Integers:
    """For each of `count` segments the first of its component."""
    parent = np.arange(count)
    while len(upper):
        np.minimum.at(parent, np.maximum(upper, lower), np.minimum(upper, lower))
        while not np.array_equal(parent, grand := parent[parent]):
            parent = grand
        upper, lower = parent[upper], parent[lower]
        apart = upper != lower
        upper, lower = upper[apart], lower[apart]
    return parent


def shifted(runs: Runs, by: int, pixels: int) -> Runs:
    """The mask moved along the flattened image of so many pixels; what passes an end is cut off."""
    moved = np.clip(runs + by, 0, pixels)
    return moved[moved[:, 0] < moved[:, 1]]


def transposed(runs: Runs, shape: tuple[int, int], most: int | None = None) -> Runs:
    """The runs, in row-major order, of a mask whose `runs` go down the columns; or the other way.

    `shape` is the (height, width) of the image in which the result is read. No pixel is decoded.
    Raises RleError where the mask would fall into more than `most` runs.
    """
    height, width = shape
    # The rows of `runs` are the columns of the result, `height` pixels long. A run of the result
    # begins or ends at a pixel that differs from the one a row of `runs` before: at those of the
    # runs and of the same runs one row further that are not in both.
    edges = runs.ravel()
    changes = _once(np.sort(np.concatenate((edges, edges + height)))).reshape(-1, 2)
    lengths = changes[:, 1] - changes[:, 0]
    if most is not None and lengths.sum() > 2 * most:
        raise RleError(f"the mask falls into more than {most} runs: it is no bone")
    columns, rows = np.divmod(_positions(changes[:, 0], lengths), height)
    # A run that ends with a row of the result and one that begins with the next are one.
    return _once(np.sort(rows * width + columns)).reshape(-1, 2)


def _positions(starts: Integers, lengths: Integers) -> Integers:
    """All pixels of the runs that begin at `starts`, in order."""
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if len(ends) else 0
    return np.arange(total) + np.repeat(starts - (ends - lengths), lengths)


def _once(edges: Integers) -> Integers:
    """Sorted edges without those that come twice: there nothing begins or ends."""
    same = edges[1:] == edges[:-1]
    if not same.any():
        return edges
    alone = np.ones(len(edges), dtype=np.bool_)
    alone[1:] &= ~same
    alone[:-1] &= ~same
    return edges[alone]


def fits_width(masks: Sequence[Runs], width: int) -> bool:
    """Whether rows of `width` pixels put the masks' runs under each other.

    True too where the masks hold too little to say.
    """
    masks = _telling(masks)
    if not masks:
        return True
    share = _share_below(masks, width)
    narrower = [width // part for part in _PARTS if width // part > _longest_run(masks)]
    return share >= _SHARE and all(share > _share_below(masks, other) for other in narrower)


def infer_width(masks: Sequence[Runs]) -> int | None:
    """The width in pixels of the image that the masks are of, as their runs show it.

    Below each run of a mask lies as a rule another: the right width is the shift that brings most
    of the masks onto themselves. Masks of one image, some dozens at most, or of several images of
    one size. None where they hold too little to say: empty, single rows, a full image, noise.
    """
    masks = _telling(masks)
    if not masks:
        return None
    longest = _longest_run(masks)
    shares: dict[int, float] = {}
    for width in (*COMMON_WIDTHS, *_steps(masks)):
        if width > longest and width not in shares:
            shares[width] = _share_below(masks, width)
    if not shares:
        return None
    best = _climbed(masks, max(shares, key=lambda width: shares[width]), shares, longest)
    for part in _PARTS:
        if best % part == 0 and best // part > longest:
            shares.setdefault(best // part, _share_below(masks, best // part))
            if shares[best // part] >= _NEARLY * shares[best]:
                best //= part
                break
    if shares[best] < _SHARE:
        return None
    # Masks that all lean one way fit best when shifted by a pixel more or less than the width.
    near = [width for width in COMMON_WIDTHS if abs(width - best) <= _LEAN and width in shares]
    return next((width for width in near if shares[width] >= _NEARLY * shares[best]), best)


def _climbed(masks: list[Runs], best: int, shares: dict[int, float], longest: int) -> int:
    """The width near `best` at which most lies below; fills `shares`."""
    for _ in range(_CLIMBS):
        near = [width for width in (best - 1, best + 1) if width > longest]
        for width in near:
            shares.setdefault(width, _share_below(masks, width))
        better = max((best, *near), key=lambda width: shares[width])
        if better == best:
            break
        best = better
    return best


def _telling(masks: Sequence[Runs]) -> list[Runs]:
    """The masks that can tell a width; none where all of them together have too few runs."""
    masks = [mask for mask in masks if len(mask) > 1 and mask[-1, 1] <= _FARTHEST]
    return masks if sum(map(len, masks)) >= _FEWEST_RUNS else []


def _longest_run(masks: list[Runs]) -> int:
    """How long runs are, but for those few that go on in the next row.

    No image is narrower, and shifts below it bring runs onto themselves.
    """
    lengths = np.concatenate([mask[:, 1] - mask[:, 0] for mask in masks])
    return int(np.quantile(lengths, 0.95, method="lower"))


def _steps(masks: list[Runs]) -> list[int]:
    """The most frequent distances from a run's start or end to the next ones'."""
    steps = [
        edges[step:] - edges[:-step]
        for mask in masks
        for edges in (mask[:, 0], mask[:, 1])
        for step in (1, 2)
    ]
    found, counts = np.unique(np.concatenate(steps), return_counts=True)
    return found[np.argsort(-counts, kind="stable")[:8]].tolist()


def _share_below(masks: list[Runs], shift: int) -> float:
    """The share of all masks' pixels that lies on a pixel of the same mask when shifted."""
    reach = np.array([mask[-1, 1] + shift for mask in masks])
    offsets = np.cumsum(reach) - reach
    runs = np.concatenate([mask + offset for mask, offset in zip(masks, offsets, strict=True)])
    return overlap(runs, runs + shift) / int((runs[:, 1] - runs[:, 0]).sum())
