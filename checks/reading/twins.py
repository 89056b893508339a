"""Repeated and shared rows in a sample: which shares remain possible, and how to report them."""

from diagnose.checks.reading.wording import percent
from diagnose.measurements import ALL_ROWS, NotMeasured, SplitStatistics, Twins


def leaves_open(twins: Twins, threshold: float) -> bool:
    """Whether only a sample was compared, too small to rule out a share above the threshold at 95 %."""
    return not twins.exact and twins.at_most > threshold


def too_few_rows(split: SplitStatistics, twins: Twins, what: str, beside: str = "") -> NotMeasured:
    """The exception to raise for a share that cannot be judged.

    Args:
        what: completes "up to 17 % of all rows on dev may ...".
        beside: the split in which the twins were searched, if it is another one.
    """
    of = f" of {split.all_rows:,}" if split.all_rows is not None else ""
    reason = f"{twins.rows:,}{of} rows of {split.name} were compared"
    if beside and twins.searched is not None:
        reason += f" with {percent(twins.searched)} of {beside}"
    elif twins.searched is None:
        reason += ", and the total is unknown"
    return NotMeasured(f"{reason}: up to {percent(twins.at_most)} of all rows on {split.name} may {what}", ALL_ROWS)


def about(twins: Twins) -> str:
    """The share in words: "20 %", or "an estimated 20 % (at least 3.5 %)" if rows were sampled."""
    if twins.exact:
        return percent(twins.share)
    return f"an estimated {percent(twins.share)} (at least {percent(twins.at_least)})"
