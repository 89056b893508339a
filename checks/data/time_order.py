from collections.abc import Iterator

from diagnose.checks.further_reading import NOT_WORKING, RECIPE
from diagnose.checks.reading.wording import percent
from diagnose.findings import Finding, Severity, Where
from diagnose.measurements import Dataset, TimeOrder, need
from diagnose.registry import check

INSIDE = 0.05  # share of a split's rows within the time range of train
EARLIER = 0.5  # probability that a row of the split is later than one of train; below, the split is older
ROWS = 30  # of a split; fewer say little about its time


@check("Splits that are not in time order", family="data", reading=(RECIPE, NOT_WORKING))
def time_order(dataset: Dataset) -> Iterator[Finding]:
    """Compares the times of the dev and test rows with those of train, by the column named with --time.

    ## What it measures
    For dev and test, the share of rows that lie within the time range of train (its 1st to 99th percentile), and the
    probability that a row is later than a row of train.

    ## Why it matters
    A deployed model predicts the future. If dev rows lie between training rows in time, the model has seen their
    neighbours, and the error is lower than it will be in use. If they are older, the model was trained on data that
    came after them.

    ## How it is decided
    A hint if more than 5 % of at least 30 rows lie within the time range of train, or if the split is older than train:
    one of its rows is later than one of train with a probability below 0.5. A few rows at the border, left by a cut at
    a day or month, do not count. Never more than a hint: how much the error is understated is unknown.

    ## Known limits
    If rows do not depend on their neighbours in time, a random split is right. A row number is not a time: a file that
    was shuffled before it was numbered looks like a random split in time.

    ## References
    - Bergmeir, Benitez 2012, "On the use of cross-validation for time series predictor evaluation", Inf. Sciences 191
    - Kapoor, Narayanan 2023, "Leakage and the reproducibility crisis in machine-learning-based science", Patterns 4
    """
    for split, order in need(dataset.times).items():
        if split == "train_dev" or order.rows < ROWS:  # train-dev is drawn from the rows of train on purpose
            continue
        if order.inside > INSIDE:
            message = f"{percent(order.inside)} of the rows on {split} lie within the time range of train"
            yield _finding(f"{message} ({_ranges(split, order)})", order.inside, INSIDE, split, order)
        elif order.later < EARLIER:
            yield _finding(f"{split} is older than train ({_ranges(split, order)})", order.later, EARLIER, split, order)


def _ranges(split: str, order: TimeOrder) -> str:
    return f"{split} {' to '.join(order.range)}, train {' to '.join(order.train_range)}"


def _finding(message: str, value: float, threshold: float, split: str, order: TimeOrder) -> Finding:
    return Finding(Severity.HINT, message, where=Where(split=split), value=value, threshold=threshold, rows=order.rows)
