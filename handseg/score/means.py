"""Means of figures of images (rows) and classes (columns) that leave out what is not known (NaN).

A table of figures is float64 [images, classes].
"""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Figures = NDArray[np.float64]


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
    """The mean over the classes of their reweighted means."""
    return mean_of_known(reweighted(figures, strata).tolist())


def mean_of_known(values: Iterable[float]) -> float:
    """The mean of what is finite; NaN where nothing is."""
    known = [value for value in values if math.isfinite(value)]
    return math.fsum(known) / len(known) if known else math.nan


def quotient(sums: Figures, counts: NDArray[np.integer] | Figures) -> Figures:
    """Sums by counts, of the same shape; NaN where the count is 0."""
    return np.divide(sums, counts, out=np.full(np.shape(sums), np.nan), where=counts > 0)
