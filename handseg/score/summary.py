"""A score in one figure: the mean, how sure it is, and whether two differ by more than noise."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from handseg.score.bootstrap import Interval, People, interval_of
from handseg.score.means import Figures, Stratum, mean_of, reweighted_mean

Verdict = Literal["more than noise", "no more than noise", "too few people to tell"]


@dataclass(frozen=True)
class Summary:
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
