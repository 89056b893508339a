from collections.abc import Iterator
from math import sqrt

from diagnose.checks.reading.wording import percent
from diagnose.findings import Finding, Severity, Where
from diagnose.measurements import Dataset, SplitStatistics
from diagnose.registry import check

TRACE = 0.005  # share of a split's rows that are also in train
LARGE = 0.05  # share of chance collisions from which on even equal splits prove nothing
SAME = 0.99  # the split is the training data itself
EXPECTED = 2.0  # times the share of repeats inside a split: what data with few distinct rows collide by chance
Z = 3.0  # standard errors above the expected share


@check("Rows that are in two splits", family="data")
def shared_rows(dataset: Dataset) -> Iterator[Finding]:
    """Counts the rows of dev and test that are also in train.

    ## What it measures
    The share of rows of every other split whose inputs equal a training row's, bit for bit.

    ## Why it matters
    A row that was trained on says nothing about new data: the measured error is too low by about that share.

    ## How it is decided
    A hint from 0.5 %, as far as the share exceeds twice the share of rows that repeat inside train or inside the
    split by more than 3 standard errors: rows with few distinct values, blank images and the like collide
    without any leak. From 99 % on the split is the training data. Never more than a hint: it takes away what
    the split could tell, and says nothing against the model.

    ## Known limits
    Near-duplicates, overlapping windows and rows of the same person or day are not seen.

    ## References
    - Barz, Denzler 2020, "Do We Train on Test Data? Purging CIFAR of Near-Duplicates", arXiv:1902.00423
    - Kapoor, Narayanan 2023, "Leakage and the reproducibility crisis in machine-learning-based science", Patterns 4
    """
    for split in dataset.splits:
        share = dataset.shared_rows.get(split.name)
        if share is None or share < TRACE:
            continue
        expected = _expected(dataset.train, split)
        if share >= SAME and expected < LARGE:
            yield _finding(f"{split.name} is the same data as train", share, split)
        elif share > expected + Z * sqrt(max(share * (1 - share), 0.0) / max(split.rows_used, 1)):
            yield _finding(f"{percent(share)} of the rows on {split.name} are also in train", share, split)


def _expected(train: SplitStatistics, split: SplitStatistics) -> float:
    return EXPECTED * max(train.duplicates or 0.0, split.duplicates or 0.0)


def _finding(message: str, share: float, split: SplitStatistics) -> Finding:
    where = Where(split=split.name)
    return Finding(Severity.HINT, message, where=where, value=share, threshold=TRACE, rows=split.rows_used)
