from collections.abc import Iterator

from diagnose.checks.further_reading import NOT_WORKING, RECIPE
from diagnose.checks.reading.wording import percent
from diagnose.findings import Finding, Severity, Where
from diagnose.measurements import Dataset, TimeOrder, need
from diagnose.registry import check

INSIDE = 0.05  # share of a split's rows within the time of train
EARLIER = 0.5  # probability that a row of the split is later than one of train, below which the split is older
ROWS = 30  # fewer rows of a split say little about when it was taken


@check("Splits that do not follow each other in time", family="data", reading=(RECIPE, NOT_WORKING))
def time_order(dataset: Dataset) -> Iterator[Finding]:
    """Compares when the rows of dev and test came with when those of train came, by the column named with --time.

    ## What it measures
    For dev and test, the share of rows that lie within the time of train (its 1st to 99th percentile), and the
    probability that a row is later than a row of train.

    ## Why it matters
    A model serves the future. Where its dev rows lie among the training rows, their neighbours in time were seen, and
    the error is lower than it will be; where they are older, it was trained on what came after them.

    ## How it is decided
    A hint where more than 5 % of at least 30 rows lie within the time of train, or where the split is older: a row of
    it is later than one of train with a probability below 0.5. A few rows at the border, as a cut by day or month
    leaves them, do not count. Never more than a hint: how much lower the error became is unknown.

    ## Known limits
    Where rows do not depend on their neighbours in time, a random split is right. A row number is not a time: a file
    that was shuffled before it was numbered looks like a random split of time.

    ## References
    - Bergmeir, Benitez 2012, "On the use of cross-validation for time series predictor evaluation", Inf. Sciences 191
    - Kapoor, Narayanan 2023, "Leakage and the reproducibility crisis in machine-learning-based science", Patterns 4
    """
    for split, order in need(dataset.times).items():
        if split == "train_dev" or order.rows < ROWS:  # train-dev is drawn from the rows of train on purpose
            continue
        if order.inside > INSIDE:
            message = f"{percent(order.inside)} of the rows on {split} lie within the time of train"
            yield _finding(f"{message} ({_ranges(split, order)})", order.inside, INSIDE, split, order)
        elif order.later < EARLIER:
            yield _finding(f"{split} is older than train ({_ranges(split, order)})", order.later, EARLIER, split, order)


def _ranges(split: str, order: TimeOrder) -> str:
    return f"{split} {' to '.join(order.range)}, train {' to '.join(order.train_range)}"


def _finding(message: str, value: float, threshold: float, split: str, order: TimeOrder) -> Finding:
    return Finding(Severity.HINT, message, where=Where(split=split), value=value, threshold=threshold, rows=order.rows)
