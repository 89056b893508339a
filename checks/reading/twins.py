"""Repeated and shared rows where only some rows were compared: what the sample leaves open, and how to say it."""

from diagnose.checks.reading.wording import percent
from diagnose.measurements import ALL_ROWS, NotMeasured, SplitStatistics, Twins


def leaves_open(twins: Twins, threshold: float) -> bool:
    """Whether rows were sampled, and so few that a share above the threshold is possible at 95 %."""
    return not twins.exact and twins.at_most > threshold


def too_few_rows(split: SplitStatistics, twins: Twins, what: str, beside: str = "") -> NotMeasured:
    """Why a share cannot be judged, to be raised.

    Args:
        what: completes "up to 17 % of all rows on dev may ...".
        beside: the split that the twins were looked for in, where it is another one.
    """
    of = f" of {split.all_rows:,}" if split.all_rows is not None else ""
    reason = f"{twins.rows:,}{of} rows of {split.name} were compared"
    if beside and twins.searched is not None:
        reason += f" with {percent(twins.searched)} of {beside}"
    elif twins.searched is None:
        reason += ", and it is unknown how many there are"
    return NotMeasured(f"{reason}: up to {percent(twins.at_most)} of all rows on {split.name} may {what}", ALL_ROWS)


def about(twins: Twins) -> str:
    """The share in words: "20 %", or "an estimated 20 % (at least 3.5 %)" where rows were sampled."""
    if twins.exact:
        return percent(twins.share)
    return f"an estimated {percent(twins.share)} (at least {percent(twins.at_least)})"
