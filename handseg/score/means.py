"""Means of figures of images and classes, how sure they are, and whether two differ.

A table of figures is float64 [images, classes]; what is not known is NaN and left out.

How far a mean would move with other people is told by a percentile bootstrap (Efron 1979). The
images of a person resemble each other, so people are drawn with all their images, never images. The
statistic is the score itself: the mean over images for each class, then over classes.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Figures = NDArray[np.float64]
Verdict = Literal["more than noise", "no more than noise", "too few people to tell"]
RESAMPLES = 2000
SEED = 0
FEWEST = 5
"""People: resamples of fewer are so alike that an interval would promise too much."""
LEVEL = 95


class Stratum(NamedTuple):
    """Some of the images, bool [images], and the share of a mean that they shall have."""

    members: NDArray[np.bool_]
    share: float


def column_means(figures: Figures) -> Figures:
    """The mean of each column, [columns]; NaN where nothing is known."""
    known = ~np.isnan(figures)
    return quotient(np.where(known, figures, 0.0).sum(axis=0), known.sum(axis=0))


def row_means(figures: Figures) -> Figures:
    """The mean of each row, [rows]; NaN where nothing is known."""
    return column_means(figures.T)


def mean_of(figures: Figures) -> float:
    """The mean over the images for each class, then over the classes (the competition's)."""
    return mean_of_known(column_means(figures).tolist())


def reweighted(figures: Figures, strata: Sequence[Stratum]) -> Figures:
    """The mean of each column as it would be if the strata had their shares, [columns].

    The mean over the images of each stratum times its share, added up; NaN for a column of which a
    stratum knows nothing.
    """
    parts = [stratum.share * column_means(figures[stratum.members]) for stratum in strata]
    return np.sum(parts, axis=0)


def reweighted_mean(figures: Figures, strata: Sequence[Stratum]) -> float:
    return mean_of_known(reweighted(figures, strata).tolist())


def mean_of_known(values: Iterable[float]) -> float:
    """The mean of what is finite; NaN where nothing is."""
    known = [value for value in values if math.isfinite(value)]
    return math.fsum(known) / len(known) if known else math.nan


def quotient(sums: Figures, counts: NDArray[np.integer] | Figures) -> Figures:
    """Sums by counts, of the same shape; NaN where the count is 0."""
    return np.divide(sums, counts, out=np.full(np.shape(sums), np.nan), where=counts > 0)


class Interval(NamedTuple):
    """Holds 95 % of what the resamples gave."""

    low: float
    high: float

    @property
    def leaves_out_zero(self) -> bool:
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

        With `strata` it is `reweighted_mean`; NaN for a resample without people of one of them.
        """
        everyone = Stratum(np.ones(len(figures), dtype=np.bool_), 1.0)
        parts = [self._class_means(figures, stratum) for stratum in strata or [everyone]]
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


class Summary(NamedTuple):
    """The mean of figures of images and classes, taken as the competition's is.

    An interval is None where there are too few people. The reweighted mean is NaN where no strata
    are asked for.
    """

    mean: float
    interval: Interval | None
    reweighted: float = math.nan
    reweighted_interval: Interval | None = None


class Difference(Summary):
    """One mean minus another of the same images, with the interval of paired resamples."""

    @property
    def is_more_than_noise(self) -> bool | None:
        """Whether the interval leaves out 0; None where there is none."""
        return None if self.interval is None else self.interval.leaves_out_zero

    @property
    def verdict(self) -> Verdict:
        """The same in words."""
        if self.is_more_than_noise is None:
            return "too few people to tell"
        return "more than noise" if self.is_more_than_noise else "no more than noise"


def summarise(figures: Figures, people: People, strata: Sequence[Stratum] = ()) -> Summary:
    """The summary of figures, float64 [images, classes], of the images of `people`."""
    interval = _interval(people, figures)
    if not strata:
        return Summary(mean_of(figures), interval)
    reweighted = reweighted_mean(figures, strata)
    return Summary(
        mean_of(figures), interval, reweighted, _interval(people, figures, strata=strata)
    )


def difference(
    last: Figures, other: Figures, people: People, strata: Sequence[Stratum] = ()
) -> Difference:
    """`last` minus `other`, float64 [images, classes] each, of the same images of `people`.

    Each resample of people gives a difference: what both find hard does not count as noise.
    """
    apart, interval = mean_of(last) - mean_of(other), _interval(people, last, other)
    if not strata:
        return Difference(apart, interval)
    reweighted = reweighted_mean(last, strata) - reweighted_mean(other, strata)
    return Difference(apart, interval, reweighted, _interval(people, last, other, strata=strata))


def _interval(
    people: People,
    figures: Figures,
    minus: Figures | None = None,
    *,
    strata: Sequence[Stratum] = (),
) -> Interval | None:
    if people.too_few(strata):
        return None
    means = people.resampled_means(figures, strata)
    return interval_of(means if minus is None else means - people.resampled_means(minus, strata))
