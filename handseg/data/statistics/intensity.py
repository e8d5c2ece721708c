"""The grey values of images, of a sample of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from handseg.data.dataset import Sample
from handseg.data.images import read_image
from handseg.errors import InputError
from handseg.reporter import Progress, silent
from handseg.threads import threads

PERCENTILES = (1, 5, 25, 50, 75, 95, 99)
LEVELS = 256


@dataclass(frozen=True)
class Intensity:
    """Grey values, 0 to 255, of the images that were read; every image counts the same."""

    images: int
    of_images: int
    unreadable: int
    histogram: NDArray[np.float64]
    """float64 [256]: the share of pixels of each grey value; adds up to 1."""
    mean: float
    spread: float
    """The standard deviation of pixels."""
    darkest: float
    """The lowest mean of an image."""
    brightest: float

    def percentile(self, percent: float) -> int:
        """The grey value that so many per cent of pixels do not exceed."""
        return int(np.searchsorted(np.cumsum(self.histogram), percent / 100 - 1e-12))


def intensity_of(
    samples: Sequence[Sample], most: int, progress: Progress = silent
) -> Intensity | None:
    """Read at most `most` images, taken evenly; None where none can be read."""
    chosen = [samples[place * len(samples) // most] for place in range(most)]
    chosen = chosen if len(samples) > most else list(samples)
    found: list[NDArray[np.float64]] = []
    with threads() as pool:
        for done, histogram in enumerate(pool.map(_histogram, chosen), 1):
            if histogram is not None:
                found.append(histogram)
            progress(done, len(chosen), chosen[done - 1].image_name)
    if not found:
        return None
    levels = np.arange(LEVELS)
    means = [float(one @ levels) for one in found]
    whole = np.mean(found, axis=0)
    mean = float(whole @ levels)
    return Intensity(
        len(found),
        len(samples),
        len(chosen) - len(found),
        whole,
        mean,
        float(np.sqrt(whole @ (levels - mean) ** 2)),
        min(means),
        max(means),
    )


def _histogram(sample: Sample) -> NDArray[np.float64] | None:
    try:
        image = read_image(sample.image)
    except InputError:
        return None
    return np.bincount(image.ravel(), minlength=LEVELS) / max(1, image.size)
