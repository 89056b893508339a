"""Intervals of means."""

import math
from collections.abc import Sequence

from diagnose.findings import Interval


def mean_difference(after: Sequence[float], before: Sequence[float]) -> Interval | None:
    """95 % interval (Student's t) of the paired mean difference; None below two finite pairs."""
    from scipy import stats

    pairs = [a - b for a, b in zip(after, before, strict=False) if math.isfinite(a) and math.isfinite(b)]
    if len(pairs) < 2:
        return None
    mean = sum(pairs) / len(pairs)
    error = math.sqrt(sum((p - mean) ** 2 for p in pairs) / (len(pairs) - 1) / len(pairs))
    half = float(stats.t.ppf(0.975, len(pairs) - 1)) * error
    return Interval(mean - half, mean + half)
