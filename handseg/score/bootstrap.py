"""How far a mean would move with other people: percentile bootstrap (Efron 1979) over people.

The images of a person resemble each other, so people are drawn with all their images, never images.
The statistic is the score itself: the mean over images for each class, then over classes.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from handseg.score.means import Figures, Stratum, quotient, row_means

RESAMPLES = 2000
SEED = 0
FEWEST = 5
"""People: resamples of fewer are so alike that an interval would promise too much."""
LEVEL = 95


@dataclass(frozen=True)
class Interval:
    """Holds 95 % of what the resamples gave."""

    low: float
    high: float

    @property
    def leaves_out_zero(self) -> bool:
        """Whether a difference with this interval is more than noise."""
        return self.low > 0 or self.high < 0


class People:
    """The people of some images, and how often each comes in every resample."""

    def __init__(self, persons: Sequence[str]) -> None:
        """`persons` holds the person of each image."""
        self.names = sorted(set(persons))
        places = {name: place for place, name in enumerate(self.names)}
        self._owners = np.array([places[person] for person in persons], dtype=np.intp)
        self._draws: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.names)

    def too_few(self, strata: Sequence[Stratum] = ()) -> bool:
        """Whether no interval can be told: of all, or of one of the strata."""
        counts = [len(set(self._owners[stratum.members].tolist())) for stratum in strata]
        return min([len(self), *counts]) < FEWEST

    def means(self, figures: Figures) -> dict[str, float]:
        """The mean of each person over their images; `figures` are [images]."""
        known = ~np.isnan(figures)
        sums = self._per_person(np.where(known, figures, 0.0)[:, None])
        means = quotient(sums, self._per_person(known.astype(np.float64)[:, None]))[:, 0]
        return dict(zip(self.names, means.tolist(), strict=True))

    def resampled_means(self, figures: Figures, strata: Sequence[Stratum] = ()) -> Figures:
        """The score of each resample, float64 [resamples]; `figures` are [images, classes].

        With `strata` it is `reweighted_mean`; NaN for a resample that has nobody of one of them.
        """
        everybody = Stratum(np.ones(len(figures), dtype=np.bool_), 1.0)
        parts = [self._class_means(figures, stratum) for stratum in strata or [everybody]]
        return row_means(np.sum(parts, axis=0))

    def _class_means(self, figures: Figures, stratum: Stratum) -> Figures:
        """The means of the classes over the images of a stratum times its share, [resamples, C]."""
        known = ~np.isnan(figures) & stratum.members[:, None]
        sums = self._per_person(np.where(known, figures, 0.0))
        counts = self._per_person(known.astype(np.float64))
        return stratum.share * quotient(self.draws @ sums, self.draws @ counts)

    def _per_person(self, figures: Figures) -> Figures:
        totals = np.zeros((len(self), figures.shape[1]))
        np.add.at(totals, self._owners, figures)
        return totals

    @property
    def draws(self) -> NDArray[np.float64]:
        """How often each person comes, float64 [resamples, people]; the same in every process."""
        if self._draws is None:
            drawn = np.random.default_rng(SEED).integers(len(self), size=(RESAMPLES, len(self)))
            places = drawn + len(self) * np.arange(RESAMPLES)[:, None]
            counts = np.bincount(places.ravel(), minlength=RESAMPLES * len(self))
            self._draws = counts.reshape(RESAMPLES, len(self)).astype(np.float64)
        return self._draws


def interval_of(resampled: Figures) -> Interval | None:
    """The middle 95 % of what the resamples gave; None where they gave nothing."""
    known = resampled[~np.isnan(resampled)]
    if not len(known):
        return None
    low, high = np.percentile(known, [(100 - LEVEL) / 2, (100 + LEVEL) / 2]).tolist()
    return None if math.isnan(low) else Interval(low, high)
