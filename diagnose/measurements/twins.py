"""Rows with an equal row elsewhere: how many were found, and what that says of all rows where only some were read."""

from dataclasses import dataclass

from diagnose.findings import Interval

LEVEL = 0.95


@dataclass(frozen=True)
class Twins:
    """Rows with a twin: `found` of the `rows` that were read.

    Their twins were looked for among a share `searched` (0 to 1) of the rows that may hold them; None where it is not
    known how many these are. A random row's twin is found with this probability, so `found` out of a sample is too
    low. `every` tells whether `rows` are all rows that there are.

    What is said of all rows takes each row to have one twin. Where rows have many, a sample finds them more often, and
    the estimate is too high.
    """

    rows: int
    found: int
    searched: float | None = 1.0
    every: bool = True

    @property
    def exact(self) -> bool:
        """Whether all rows were read on both sides, so that nothing has to be estimated."""
        return self.every and self.searched == 1.0

    @property
    def share(self) -> float:
        """The share of rows with a twin, as estimated; at least so many where `searched` is unknown."""
        return self._of_all(self.found / self.rows) if self.rows else 0.0

    @property
    def interval(self) -> Interval | None:
        """The exact binomial (Clopper-Pearson) interval of `share`; None where it is exact."""
        if self.exact:
            return None
        return Interval(self._bound((1 - LEVEL) / 2, upper=False), self._bound((1 + LEVEL) / 2, upper=True), LEVEL)

    @property
    def at_least(self) -> float:
        """The lower bound of `share`."""
        return self.share if self.interval is None else self.interval.low

    @property
    def at_most(self) -> float:
        """The largest share that these rows leave possible at 95 %, one-sided: about 3 / rows where none was found."""
        return self.share if self.exact else self._bound(LEVEL, upper=True)

    def _bound(self, probability: float, upper: bool) -> float:
        """A quantile of the share of all rows; where `searched` is unknown, there is no upper bound below 1."""
        from scipy.special import betaincinv

        if upper and (self.found >= self.rows or self.searched is None):
            return 1.0
        if not upper and not self.found:
            return 0.0
        one = int(upper)
        return self._of_all(float(betaincinv(self.found + one, self.rows - self.found + 1 - one, probability)))

    def _of_all(self, share: float) -> float:
        return min(1.0, share / (self.searched or 1.0))
