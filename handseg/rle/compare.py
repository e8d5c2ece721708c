"""Areas and overlaps of many pairs of masks of two submissions; no mask is decoded."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from handseg.progress import Progress, silent
from handseg.rle.submission import Submission
from handseg.rle.sweeps import DICE_EPSILON, area, overlap


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
    keys: Sequence[tuple[str, str]],
    sizes: Mapping[str, tuple[int, int]] | None = None,
    progress: Progress = silent,
) -> Overlaps:
    """Compare the masks of (image name, class) `keys`; an absent row is an empty mask.

    `sizes` are (height, width) of images, those of the sidecars by default. Raises InputError with
    file, line, image and class for run lengths at fault and for a run past the end of an image.
    """
    counts = np.zeros((3, len(keys)), dtype=np.int64)
    for place, (image, cls) in enumerate(keys):
        size = (sizes or {}).get(image)
        runs_a, runs_b = a.runs(image, cls, size), b.runs(image, cls, size)
        counts[:, place] = area(runs_a), area(runs_b), overlap(runs_a, runs_b)
        progress(place + 1, len(keys), image)
    return Overlaps(*counts)
