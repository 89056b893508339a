"""Compares the groups and times of splits."""

import numpy as np

from diagnose.measurements import GroupOverlap, TimeOrder, Unavailable
from diagnose.measurements.dataset import NO_GROUPS, NO_TIMES
from diagnose.subject import Rows, Subject

ROWS = 1_000_000  # most rows of one split that are read, evenly spaced
CENTRAL = (0.01, 0.99)  # quantiles; ignores outliers among the times of train


def group_overlaps(subject: Subject) -> dict[str, GroupOverlap] | Unavailable:
    """Return, for each other split, the groups that it shares with train."""
    keys = {split.name: split.groups for split in subject.splits if split.groups is not None}
    if "train" not in keys:
        return NO_GROUPS
    known = {name: some[some != ""] for name, rows in keys.items() for some in [_some(rows)]}
    train = np.unique(known.pop("train"))
    return {name: _overlap(groups, train) for name, groups in known.items() if groups.size} or _alone()


def _overlap(groups: Rows, train: Rows) -> GroupOverlap:
    names, counts = np.unique(groups, return_counts=True)
    shared = np.isin(names, train)
    return GroupOverlap(
        groups=len(names),
        train_groups=len(train),
        shared=int(shared.sum()),
        shared_rows=float(counts[shared].sum() / counts.sum()),
        rows=len(groups),
    )


def time_orders(subject: Subject) -> dict[str, TimeOrder] | Unavailable:
    """Return, for each other split, how its times compare with those of train."""
    keys = {split.name: split.times for split in subject.splits if split.times is not None}
    if "train" not in keys:
        return NO_TIMES
    known = {name: np.sort(some[~np.isnan(some)]) for name, rows in keys.items() for some in [_numbers(_some(rows))]}
    dates = keys["train"].dtype.kind == "M"
    train = known.pop("train")
    others = {name: times for name, times in known.items() if times.size and train.size}
    return {name: _order(times, train, dates) for name, times in others.items()} or _alone()


def _order(times: Rows, train: Rows, dates: bool) -> TimeOrder:
    """Compare sorted times; the insertion point of a time in train is the number of earlier rows."""
    low, high = np.quantile(train, CENTRAL)
    before, until = np.searchsorted(train, times, "left"), np.searchsorted(train, times, "right")
    return TimeOrder(
        range=_range(times, dates),
        train_range=_range(train, dates),
        later=float((before + until).mean() / 2 / len(train)),
        inside=float(np.mean((times > low) & (times < high))),
        rows=len(times),
    )


def _range(times: Rows, dates: bool) -> tuple[str, str]:
    ends = (times[0], times[-1])
    first, last = (str(np.datetime64(int(end), "s")) if dates else f"{end:g}" for end in ends)
    return first.removesuffix("T00:00:00"), last.removesuffix("T00:00:00")


def _numbers(times: Rows) -> Rows:
    """Convert dates to seconds since 1970, NaT to NaN."""
    if times.dtype.kind != "M":
        return times.astype(np.float64)
    seconds: Rows = np.where(np.isnat(times), np.nan, times.astype("datetime64[s]").astype(np.float64))
    return seconds


def _some(rows: Rows) -> Rows:
    return rows[:: max(1, -(-len(rows) // ROWS))]


def _alone() -> Unavailable:
    return Unavailable("there is only one split", "Pass a split to compare with train: --dev PATH.")
