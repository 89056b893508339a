from collections.abc import Iterator
from math import sqrt

from diagnose.checks.further_reading import LEAKAGE
from diagnose.checks.reading.twins import about, leaves_open, too_few_rows
from diagnose.findings import Finding, Severity, Where
from diagnose.measurements import Dataset, SplitStatistics, Twins
from diagnose.registry import check

TRACE = 0.005  # share of a split's rows that are also in train
LARGE = 0.05  # share of chance collisions; above, even identical splits prove nothing
SAME = 0.99  # the split is the training data itself
EXPECTED = 2.0  # times the share of repeats inside a split: rows with few distinct values coincide by chance
Z = 3.0  # standard errors above the expected share


@check("Rows in more than one split", family="data", reading=(LEAKAGE,))
def shared_rows(dataset: Dataset) -> Iterator[Finding]:
    """Counts the rows of dev and test that are also in train.

    ## What it measures
    The number of rows of every split other than train whose inputs equal a training row's bit for bit, among the rows
    that were compared; and the resulting share of all rows, with its exact binomial interval if rows were sampled.

    ## Why it matters
    Rows that the model was trained on say nothing about new data: the measured error is too low by about their share.

    ## How it is decided
    A hint from 0.5 %, if the share exceeds twice the share of rows that repeat inside train or inside the split by more
    than 3 standard errors: rows with few distinct values, blank images and the like coincide without a leak. If rows
    were sampled, the lower end of the interval must exceed both. From 99 % on, the split counts as the training data
    itself. Never more than a hint: the split shows less than it could, but the model is not at fault. If a sample
    leaves a share above 0.5 % possible at 95 % (about 3 / (rows x share of train) if none was found), the split is not
    judged.

    ## Known limits
    Near-duplicates, overlapping windows and rows of the same person or day are not found. If a shared row is in train
    several times, a sample finds it more often, and the estimate is too high.

    ## References
    - Barz, Denzler 2020, "Do We Train on Test Data? Purging CIFAR of Near-Duplicates", arXiv:1902.00423
    - Kapoor, Narayanan 2023, "Leakage and the reproducibility crisis in machine-learning-based science", Patterns 4
    - Hanley, Lippman-Hand 1983, "If nothing goes wrong, is everything all right?", JAMA 249 (the rule of three)
    """
    undecided = []
    for split in dataset.splits:
        twins = dataset.shared_rows.get(split.name)
        if twins is None:
            continue
        expected = EXPECTED * max(_repeated(dataset.train), _repeated(split))
        if twins.at_least >= SAME and expected < LARGE:
            yield _finding(f"{split.name} is the same data as train", split, twins)
        elif _more_than_chance(twins, expected):
            yield _finding(f"{about(twins)} of the rows on {split.name} are also in train", split, twins)
        elif leaves_open(twins, TRACE):
            undecided.append((split, twins))
    if undecided:
        raise too_few_rows(*undecided[0], "also be in train", beside="train")


def _more_than_chance(twins: Twins, expected: float) -> bool:
    """Whether the share is above `TRACE` and above the expected share of chance collisions."""
    if not twins.exact:
        return twins.at_least >= max(TRACE, expected)
    share = twins.share
    return share >= TRACE and share > expected + Z * sqrt(share * (1 - share) / max(twins.rows, 1))


def _repeated(split: SplitStatistics) -> float:
    return split.duplicates.share if split.duplicates is not None else 0.0


def _finding(message: str, split: SplitStatistics, twins: Twins) -> Finding:
    return Finding(
        Severity.HINT,
        message,
        where=Where(split=split.name),
        value=twins.share,
        threshold=TRACE,
        interval=twins.interval,
        rows=twins.rows,
    )
