"""Counts rows with an equal row elsewhere, and estimates their share of all rows from a sample."""

from dataclasses import dataclass

from diagnose.findings import Interval

LEVEL = 0.95


@dataclass(frozen=True)
class Twins:
    """Rows with a twin (an equal row): `found` of the `rows` that were read.

    Twins were searched among a share `searched` (0 to 1) of the rows that may hold them; None: unknown. A twin is found
    with this probability, so the count in a sample is too low. `every`: whether `rows` are all rows.

    The estimates assume one twin per row. They are too high if rows have more.
    """

    rows: int
    found: int
    searched: float | None = 1.0
    every: bool = True

    @property
    def exact(self) -> bool:
        """Whether all rows were read on both sides, so that no estimate is needed."""
        return self.every and self.searched == 1.0

    @property
    def share(self) -> float:
        """The estimated share of rows with a twin; a lower bound if `searched` is unknown."""
        return self._of_all(self.found / self.rows) if self.rows else 0.0

    @property
    def interval(self) -> Interval | None:
        """The binomial (Clopper-Pearson) interval of `share`; None if `share` is exact."""
        if self.exact:
            return None
        return Interval(self._bound((1 - LEVEL) / 2, upper=False), self._bound((1 + LEVEL) / 2, upper=True), LEVEL)

    @property
    def at_least(self) -> float:
        """The lower bound of `share`."""
        return self.share if self.interval is None else self.interval.low

    @property
    def at_most(self) -> float:
        """The one-sided 95 % upper bound of `share`: about 3 / rows if no twin was found."""
        return self.share if self.exact else self._bound(LEVEL, upper=True)

    def _bound(self, probability: float, upper: bool) -> float:
        """A quantile of the share of all rows; the upper bound is 1 if `searched` is unknown."""
        from scipy.special import betaincinv

        if upper and (self.found >= self.rows or self.searched is None):
            return 1.0
        if not upper and not self.found:
            return 0.0
        one = int(upper)
        return self._of_all(float(betaincinv(self.found + one, self.rows - self.found + 1 - one, probability)))

    def _of_all(self, share: float) -> float:
        return min(1.0, share / (self.searched or 1.0))
