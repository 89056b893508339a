"""A power law with an offset, fitted to errors by the number of training rows, and what it forecasts.

error(n) = c + a n^-b describes the error of many models over decades of n (Hestness et al. 2017, arXiv:1712.00409).
Three numbers cannot be read off five points exactly. So all curves are kept, weighted by how well they fit, and a
forecast is a distribution. No curve holds exactly either: few rows say little of many, so a size counts the less, and a
forecast is the less sure, the further it is from all rows.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from diagnose.findings import Interval
from diagnose.measurements import Array

EXPONENTS = np.linspace(0.05, 1.5, 30)  # published ones lie between 0.07 and 0.7; at most 1 in theory of large n
OFFSETS = np.linspace(0.0, 1.0, 41) ** 3  # of the lowest error; dense near 0, as published offsets are small
FEWEST = 4  # sizes
LEVEL = 0.8
DISCREPANCY = 0.05  # of the error by which it may differ from a power law, times log(rows / all rows)


@dataclass(frozen=True)
class PowerLaws:
    """Curves [curves] by their offset, factor and exponent, with the weight of each.

    `noise` is that of one mean, as a share of it; `last` is the number of all rows.
    """

    offset: Array
    factor: Array
    exponent: Array
    weight: Array
    noise: float
    last: float

    @classmethod
    def fit(cls, rows: Array, errors: Array) -> Self:
        """Fit to errors [sizes, seeds] at these numbers of rows [sizes], at least `FEWEST` sizes and 2 seeds.

        The noise is that of the mean over seeds, pooled over sizes: relative, as errors that are small vary less.
        """
        means = np.maximum(errors.mean(axis=1), 1e-9)
        spread = np.sqrt(np.mean(errors.var(axis=1, ddof=1) / means**2))
        noise = max(float(spread) / np.sqrt(errors.shape[1]), 0.01)
        exponent, share = (grid.ravel() for grid in np.meshgrid(EXPONENTS, OFFSETS))
        offset = share * means.min()
        falling = (rows[None, :] / rows[-1]) ** -exponent[:, None]  # 1 at all rows
        scale = 1 / (np.hypot(noise, DISCREPANCY * np.log(rows[-1] / rows)) * means)
        excess = means[None, :] - offset[:, None]
        factor = np.maximum((scale**2 * falling * excess).sum(axis=1) / (scale**2 * falling**2).sum(axis=1), 0.0)
        misfit = np.square((excess - factor[:, None] * falling) * scale).sum(axis=1)
        freedom = errors.shape[0] * (errors.shape[1] - 1)
        likelihood = -0.5 * (freedom + len(rows)) * np.log1p(misfit / freedom)  # the noise is estimated, too
        weight = np.exp(likelihood - likelihood.max())
        return cls(offset, factor * rows[-1] ** exponent, exponent, weight / weight.sum(), noise, float(rows[-1]))

    def at(self, rows: float) -> Array:
        """The error of each curve, [curves]."""
        return np.asarray(self.offset + self.factor * float(rows) ** -self.exponent)

    def mean(self, rows: float) -> float:
        return float(np.dot(self.weight, self.at(rows)))

    def interval(self, rows: float) -> Interval:
        """The 80 % interval of the mean error of new trainings, with their noise."""
        each = self.at(rows)
        quantiles = np.linspace(0.05, 0.95, 10)
        from scipy.stats import norm

        unsure = np.hypot(self.noise, DISCREPANCY * np.log(rows / self.last))
        noisy = (each[:, None] * (1 + unsure * norm.ppf(quantiles)[None, :])).ravel()
        weight = np.repeat(self.weight / len(quantiles), len(quantiles))
        order = np.argsort(noisy)
        share = np.cumsum(weight[order])
        low, high = (float(noisy[order][np.searchsorted(share, end)]) for end in ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
        return Interval(max(low, 0.0), high, LEVEL)
