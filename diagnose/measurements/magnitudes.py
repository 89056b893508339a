"""How large numbers are: shares by size, for a histogram of a few bytes."""

from dataclasses import dataclass
from itertools import pairwise

from diagnose.measurements.needing import Array

BINS = 24
EDGES = tuple(10.0 ** (-8 + place / 2) for place in range(BINS + 1))  # half decades from 1e-8 to 1e4


@dataclass(frozen=True)
class Magnitudes:
    """Shares (0 to 1) of the finite values of a sample, signs left out.

    `zero` is the share of exact zeros, `shares` are those between `EDGES`, where the first bin has all that are smaller
    and the last all that are larger.
    """

    zero: float
    shares: tuple[float, ...]

    @classmethod
    def counted(cls, sizes: Array) -> "Magnitudes | None":
        """From the number of values, of those that are not 0, and of those at each inner edge or above; None: of 0."""
        if not sizes.size or sizes[0] <= 0:
            return None
        at_least = [*(sizes[1:] / sizes[0]), 0.0]
        shares = tuple(float(more - less) for more, less in pairwise(at_least))
        return cls(float(1 - at_least[0]), shares)
