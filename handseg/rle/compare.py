"""Areas and overlaps of many pairs of masks of two submissions; no mask is decoded."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from handseg.reporter import Progress, silent
from handseg.rle.aligned import align
from handseg.rle.batch import Batch
from handseg.rle.keys import Key
from handseg.rle.submission import Submission
from handseg.rle.sweeps import DICE_EPSILON, sweep


class Overlaps(NamedTuple):
    """Pixels of each mask of two submissions and of both, int64 [keys] each."""

    area_a: NDArray[np.int64]
    area_b: NDArray[np.int64]
    overlap: NDArray[np.int64]

    def dice(self) -> NDArray[np.float64]:
        """float64 [keys]: (2·|A∩B| + eps) / (|A| + |B| + eps); two empty masks have 1."""
        return (2 * self.overlap + DICE_EPSILON) / (self.area_a + self.area_b + DICE_EPSILON)


def compare(
    a: Submission,
    b: Submission,
    keys: Sequence[Key],
    sizes: Mapping[str, tuple[int, int]] | None = None,
    progress: Progress = silent,
) -> Overlaps:
    """Compare the masks of (image name, class) `keys`; an absent row is an empty mask.

    `sizes` are (height, width) of images, those of the sidecars by default, and 2048 × 2048 where
    none is known. Raises InputError with file, line, image and class for run lengths at fault and
    for a run past the end of an image.
    """
    both = align((a, b), keys, sizes or {**b.sizes, **a.sizes})
    counts = np.zeros((3, len(keys)), dtype=np.int64)
    for part in both.parts():
        first = int(part.start)
        progress(first, len(keys), keys[first][0])
        batch, _ = both.read(part)
        rows = part.stop - part.start
        counts[:2, part] = batch.areas().reshape(2, rows)
        counts[2, part] = shared(batch, rows).areas()
    progress(len(keys), len(keys))
    return Overlaps(*counts)


def shared(batch: Batch, rows: int) -> Batch:
    """The pixels that both of two members' masks hold, of each of so many rows."""
    place = np.tile(np.arange(rows), 2)
    return sweep(batch, place, np.ones(2 * rows, np.int64), np.ones(rows, np.int64))
