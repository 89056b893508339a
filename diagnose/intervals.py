"""Intervals of means and rates over independent rows: 95 % unless stated otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, sqrt
from typing import TYPE_CHECKING

import numpy as np

from diagnose.findings import Interval
from diagnose.measurements import Array

if TYPE_CHECKING:
    from numpy.typing import NDArray

FEWEST = 4  # comparisons, of which it can be told how alike their seeds are
LEAST_RATIO = 0.01  # of mean squares; one in a hundred is smaller by chance


def mean_interval(values: Array, low: float = -inf, level: float = 0.95) -> Interval:
    """Return the interval (Student's t) of the mean of independent rows, not below `low`."""
    from scipy.stats import t

    mean = float(values.mean())
    if not np.isfinite(mean) or len(values) < 2:
        return Interval(mean, mean, level) if not np.isfinite(mean) else Interval(low, np.inf, level)
    half = float(t.ppf(0.5 + level / 2, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values)))
    return Interval(max(low, mean - half), mean + half, level)


def paired_interval(differences: Array) -> Interval:
    """Return the 95 % interval of the mean of paired differences, one per row.

    If all differences are -1, 0 or 1 (errors of a classifier), half a row of each sign and one of zero are added
    (Agresti and Min 2005), so that few disagreements do not give an interval of width 0.
    """
    if not np.isfinite(differences).all() or not np.isin(differences, (-1.0, 0.0, 1.0)).all():
        return mean_interval(differences)
    rows = len(differences) + 2
    mean = float(differences.sum()) / rows
    variance = (float(np.square(differences).sum()) + 1) / rows - mean**2
    half = 1.96 * float(np.sqrt(variance / rows))
    return Interval(max(-1.0, mean - half), min(1.0, mean + half))


def trainings_interval(
    values: Array, level: float = 0.95, rows: NDArray[np.int64] | None = None, like: SeedSpread | None = None
) -> Interval:
    """Return the interval of the mean of values [seeds, rows], for other seeds and other rows.

    It is Student's, with the standard error of `trainings_error`, see there.
    """
    from scipy.stats import t

    mean = float(values.mean())
    if min(values.shape) < 2:
        return Interval(-inf, inf, level)
    error, freedom = trainings_error(values, rows, like)
    half = float(t.ppf(0.5 + level / 2, freedom) * error) if error else 0.0
    return Interval(mean - half, mean + half, level)


@dataclass(frozen=True)
class SeedSpread:
    """What several comparisons tell of how much seeds differ: three seeds of one alone tell little.

    `ratio` is the usual one of the mean square of seeds to that of what is left (1 if seeds do not matter), and
    `freedom` the degrees of freedom that it counts as, beside those of a single comparison: the less alike these are,
    the fewer (Smyth 2004, doi:10.2202/1544-6115.1027).
    """

    ratio: float
    freedom: float

    @classmethod
    def of(cls, ratios: Sequence[float], freedom: int) -> SeedSpread | None:
        """Fit to the ratios of comparisons, each with so many degrees of freedom; None for fewer than `FEWEST`."""
        from scipy.optimize import brentq
        from scipy.special import digamma, polygamma

        if len(ratios) < FEWEST:
            return None
        most = freedom * (len(ratios) - 1)
        logs = np.log(np.maximum(ratios, LEAST_RATIO)) - digamma(freedom / 2) + np.log(freedom / 2)
        unlike = float(logs.var(ddof=1) - polygamma(1, freedom / 2))
        own = float(most)
        if unlike > polygamma(1, most / 2):
            own = 2 * float(brentq(lambda half: float(polygamma(1, half)) - unlike, 1e-3, most / 2))
        return cls(float(np.exp(logs.mean() + digamma(own / 2) - np.log(own / 2))), own)

    def pooled(self, of_seeds: float, of_rest: float, freedom: float) -> tuple[float, float]:
        """The mean square of the seeds of one comparison, with its degrees of freedom, together with this."""
        both = self.freedom + freedom
        return (self.freedom * self.ratio * of_rest + freedom * of_seeds) / both, both


def trainings_error(
    values: Array, rows: NDArray[np.int64] | None = None, like: SeedSpread | None = None
) -> tuple[float, float]:
    """Return the standard error of the mean of values [seeds, rows], and its degrees of freedom.

    `rows` are the numbers of the rows, [seeds, rows]; None: every seed meets the same ones. There must be two or more
    seeds and rows. `like` is what is known of how much seeds differ; None: nothing.
    """
    return crossed_error(values, like) if rows is None or _same(rows) else folds_error(values, rows, like)


def _same(rows: NDArray[np.int64]) -> bool:
    """Whether every seed meets the same rows, so that their numbers do not matter."""
    return bool((rows == rows[0]).all())


def seed_ratio(values: Array, rows: NDArray[np.int64] | None = None) -> float:
    """Return the ratio of the mean squares of seeds and of what is left, of values [seeds, rows]; see `SeedSpread`."""
    of_seeds, _, of_rest = _crossed(values) if rows is None or _same(rows) else _of_folds(values, rows)
    return of_seeds / of_rest if of_rest else 1.0


def crossed_error(values: Array, like: SeedSpread | None = None) -> tuple[float, float]:
    """Return the standard error of the mean of values [seeds, rows], and its degrees of freedom.

    Seeds and rows are both drawn at random, and every seed meets the same rows, so that neither alone tells how much
    the mean varies: the mean squares of a two-way analysis of variance do, with Satterthwaite's degrees of freedom
    (Dorfman, Berbaum and Metz 1992, doi:10.1097/00004424-199209000-00015). There must be two or more of either.
    """
    seeds, rows = values.shape
    of_seeds, of_rows, of_rest = _crossed(values)
    least = seeds - 1.0
    if like is not None:
        of_seeds, least = like.pooled(of_seeds, of_rest, least)
    whole = max(of_seeds + of_rows - of_rest, of_seeds, of_rows)
    if whole == 0:
        return 0.0, least
    freedom = whole**2 / (of_seeds**2 / least + of_rows**2 / (rows - 1) + of_rest**2 / ((seeds - 1) * (rows - 1)))
    return sqrt(whole / (seeds * rows)), max(freedom, least)


def _crossed(values: Array) -> tuple[float, float, float]:
    """The mean squares of seeds, of rows, and of what is left."""
    seeds, rows = values.shape
    by_seed, by_row = values.mean(axis=1), values.mean(axis=0)
    rest = values - by_seed[:, None] - by_row[None, :] + values.mean()
    of_rest = float(np.square(rest).sum()) / ((seeds - 1) * (rows - 1))
    return rows * float(by_seed.var(ddof=1)), seeds * float(by_row.var(ddof=1)), of_rest


def folds_error(values: Array, rows: NDArray[np.int64], like: SeedSpread | None = None) -> tuple[float, float]:
    """Return the standard error of the mean of values [seeds, rows], and its degrees of freedom, where seeds meet
    different rows, of the numbers `rows` [seeds, rows]; some perhaps several times.

    A row varies as a whole, over all seeds that meet it; what the means of the seeds vary beyond that comes from the
    seeds (a one-way analysis of variance, with Satterthwaite's degrees of freedom).
    """
    of_seeds, of_rows, of_rest = _of_folds(values, rows)
    least = len(values) - 1.0
    if like is not None:
        of_seeds, least = like.pooled(of_seeds, of_rest, least)
    whole = (of_rows + max(of_seeds - of_rest, 0.0)) / values.size
    if whole == 0:
        return 0.0, least
    freedom = (whole * values.size) ** 2 / (of_seeds**2 / least + of_rows**2 / (len(np.unique(rows)) - 1))
    return sqrt(whole), max(freedom, least)


def _of_folds(values: Array, rows: NDArray[np.int64]) -> tuple[float, float, float]:
    """The mean squares of seeds, of rows over all seeds that meet them, and of what is left."""
    met = values.shape[1]
    by_seed = values.mean(axis=1)
    _, places = np.unique(rows, return_inverse=True)
    of_row = np.bincount(places.reshape(-1), weights=(values - by_seed[:, None]).reshape(-1))
    of_rows = float(np.square(of_row).sum()) / values.size * met / (met - 1)
    return met * float(by_seed.var(ddof=1)), of_rows, float(values.var(axis=1, ddof=1).mean())


def chance_below(values: Array, rows: NDArray[np.int64] | None = None, like: SeedSpread | None = None) -> float:
    """Return the probability (0 to 1) that the mean of values [seeds, rows] is below 0 for other seeds and rows.

    It is Student's, with the standard error of `trainings_error`, where nothing was known of the mean before.
    """
    from scipy.stats import t

    mean, (error, freedom) = float(values.mean()), trainings_error(values, rows, like)
    return float(t.cdf(-mean / error, freedom)) if error else 0.5 - 0.5 * float(np.sign(mean))


def wilson(count: float, trials: float, z: float = 1.96) -> Interval:
    """Return Wilson's interval (1927) of the rate `count` / `trials`, at `z` standard deviations of the normal."""
    rate = count / trials
    centre = (rate + z**2 / (2 * trials)) / (1 + z**2 / trials)
    half = z * sqrt(rate * (1 - rate) / trials + z**2 / (4 * trials**2)) / (1 + z**2 / trials)
    # exact where rounding would leave 7e-18, or a bit less than 1
    return Interval(max(0.0, centre - half) if count > 0 else 0.0, min(1.0, centre + half) if count < trials else 1.0)


def share_interval(value: float, error: float, rows: float) -> Interval:
    """Return the 95 % interval of a share with this standard error, or that of `rows` rows if it is 0.

    It is Wilson's, with as many independent trials as give this standard error (Korn, Graubard 1998).
    """
    trials = max(value * (1 - value) / error**2 if error > 0 else rows, 1.0)
    return wilson(value * trials, trials)


def rate_interval(errors: Array) -> Interval:
    """Return the 95 % interval of the mean of errors between 0 and 1, one per row."""
    if np.isin(errors, (0.0, 1.0)).all():
        return wilson(float(errors.sum()), len(errors))
    interval = mean_interval(errors, low=0.0)  # rows are independent, positions of a row are not
    return Interval(interval.low, min(1.0, interval.high))


def root(squared: Interval) -> Interval:
    """Return the interval of the square root."""
    return Interval(float(np.sqrt(max(squared.low, 0.0))), float(np.sqrt(squared.high)))
