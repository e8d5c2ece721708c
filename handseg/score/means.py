"""Means of values of images and classes, how sure they are, and whether two differ.

A table of values is float64 [images, classes]; what is not known is NaN and left out.

How far a mean would move with other people is estimated by a percentile bootstrap (Efron 1979). The
images of a person resemble each other, so people are drawn with all their images, never images. The
statistic is the score itself: the mean over images for each class, then over classes.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
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


def column_means(values: Values) -> Values:
    """The mean of each column, [columns]; NaN where nothing is known."""
    known = ~np.isnan(values)
    return quotient(np.where(known, values, 0.0).sum(axis=0), known.sum(axis=0))


def row_means(values: Values) -> Values:
    return column_means(values.T)


def mean_of(values: Values) -> float:
    """The mean over the images for each class, then over the classes (the competition's)."""
    return mean_of_known(column_means(values).tolist())


def reweighted(values: Values, strata: Sequence[Stratum]) -> Values:
    """The mean of each column as it would be if the strata had their shares, [columns].

    The mean over the images of each stratum times its share, added up; NaN for a column of which a
    stratum knows nothing.
    """
    parts = [stratum.share * column_means(values[stratum.members]) for stratum in strata]
    return np.sum(parts, axis=0)


def reweighted_mean(values: Values, strata: Sequence[Stratum]) -> float:
    return mean_of_known(reweighted(values, strata).tolist())


def mean_of_known(values: Iterable[float]) -> float:
    """The mean of what is finite; NaN where nothing is."""
    known = [value for value in values if math.isfinite(value)]
    return math.fsum(known) / len(known) if known else math.nan


def quotient(sums: Values, counts: NDArray[np.integer] | Values) -> Values:
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

    def means(self, values: Values) -> dict[str, float]:
        """The mean of each person over their images; `values` are [images]."""
        known = ~np.isnan(values)
        sums = self._per_person(np.where(known, values, 0.0)[:, None])
        means = quotient(sums, self._per_person(known.astype(np.float64)[:, None]))[:, 0]
        return dict(zip(self.names, means.tolist(), strict=True))

    def resampled_means(self, values: Values, strata: Sequence[Stratum] = ()) -> Values:
        """The score of each resample, float64 [resamples]; `values` are [images, classes].

        With `strata` it is `reweighted_mean`; NaN for a resample without people of one of them.
        """
        everyone = Stratum(np.ones(len(values), dtype=np.bool_), 1.0)
        parts = [self._class_means(values, stratum) for stratum in strata or [everyone]]
        return row_means(np.sum(parts, axis=0))

    def _class_means(self, values: Values, stratum: Stratum) -> Values:
        """The means of the classes over the images of a stratum times its share, [resamples, C]."""
        known = ~np.isnan(values) & stratum.members[:, None]
        sums = self._per_person(np.where(known, values, 0.0))
        counts = self._per_person(known.astype(np.float64))
        return stratum.share * quotient(self.draws @ sums, self.draws @ counts)

    def _per_person(self, values: Values) -> Values:
        totals = np.zeros((len(self), values.shape[1]))
        np.add.at(totals, self._owners, values)
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


def interval_of(resampled: Values) -> Interval | None:
    """The middle 95 % of what the resamples gave; None where they gave nothing."""
    known = resampled[~np.isnan(resampled)]
    if not len(known):
        return None
    low, high = np.percentile(known, [(100 - LEVEL) / 2, (100 + LEVEL) / 2]).tolist()
    return None if math.isnan(low) else Interval(low, high)


class Summary(NamedTuple):
    """The mean of values of images and classes, taken as the competition's is.

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
        return None if self.interval is None else self.interval.leaves_out_zero

    @property
    def verdict(self) -> Verdict:
        """The same in words."""
        if self.is_more_than_noise is None:
            return "too few people to tell"
        return "more than noise" if self.is_more_than_noise else "no more than noise"


def summarise(values: Values, people: People, strata: Sequence[Stratum] = ()) -> Summary:
    """The mean of values and how sure it is.

    Args:
        values: float64 [images, classes], NaN where nothing is known.
        people: whose the images are; their resamples make the 95 % interval.
        strata: groups of images and the share of the mean that each shall have, for the mean as it
            would be with these shares.
    """
    interval = _interval(people, values)
    if not strata:
        return Summary(mean_of(values), interval)
    reweighted = reweighted_mean(values, strata)
    return Summary(mean_of(values), interval, reweighted, _interval(people, values, strata=strata))


def difference(
    last: Values, other: Values, people: People, strata: Sequence[Stratum] = ()
) -> Difference:
    """`last` minus `other`, float64 [images, classes] each, of the same images of `people`.

    Each resample of people gives a difference: what both find hard does not count as noise
    (a paired bootstrap). `strata` are as in `summarise`.
    """
    apart, interval = mean_of(last) - mean_of(other), _interval(people, last, other)
    if not strata:
        return Difference(apart, interval)
    reweighted = reweighted_mean(last, strata) - reweighted_mean(other, strata)
    return Difference(apart, interval, reweighted, _interval(people, last, other, strata=strata))


def _interval(
    people: People,
    values: Values,
    minus: Values | None = None,
    *,
    strata: Sequence[Stratum] = (),
) -> Interval | None:
    if people.too_few(strata):
        return None
    means = people.resampled_means(values, strata)
    return interval_of(means if minus is None else means - people.resampled_means(minus, strata))
