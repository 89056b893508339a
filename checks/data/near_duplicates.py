from collections.abc import Iterator

from diagnose.checks.further_reading import LEAKAGE
from diagnose.checks.reading.wording import number, percent
from diagnose.findings import Finding, Severity, Where
from diagnose.measurements import Close, Flattered, Neighbours
from diagnose.registry import check

CLOSE = 0.05  # share of rows that are closer to a training row than chance allows once in a thousand
OVERLAPS = 0.2  # share of series that are part of a training row's
FEWEST = 20  # such rows; at the border of a split in time order, the first windows overlap with train
DIMENSION = 3.0  # directions in which rows vary; with fewer, rows come close to each other by nature
HARM = 0.25  # share of the error without copies by which it is lower with them


@check("Near-duplicates across splits", family="data", reading=(LEAKAGE,))
def near_duplicates(neighbours: Neighbours) -> Iterator[Finding]:
    """Looks for rows of dev and test that are changed copies of training rows, or overlap with them in time.

    ## What it measures
    For every row of dev and test, the distance of the nearest training row, compared with what the distances of its
    tenth and twentieth nearest allow; whether its series, moved by up to eight steps, is part of a training row's; the
    errors of the network on rows with such a training row and on those without; and the errors of a nearest-neighbour
    model on rows with a close training row, by that row and by the tenth to twentieth nearest.

    ## Why it matters
    If images are augmented, or windows are cut from a series, before the rows are split, nearly every row of dev has a
    copy in train. The dev error then measures memory, and is lower than it will be on new rows.

    ## How it is decided
    A hint if at least 5 % of the rows (20 rows) are so close to a training row that, given the density of the training
    rows around it, chance would do it once in a thousand; or if 20 % of the series overlap. A warning if the harm is
    measured: one of the two errors is lower with the help of the close rows than without (95 %), by a quarter.

    ## Known limits
    Strongly changed copies are not found. Rows in dense regions are easier by nature, which is part of the difference
    of the errors. Data that varies in fewer than three directions, tokens and text are not judged; for tables it is
    never more than a hint, as records of one kind are alike by nature. Equal rows have their own check.

    ## References
    - Barz, Denzler 2020, "Do We Train on Test Data? Purging CIFAR of Near-Duplicates", arXiv:1902.00423
    - Levina, Bickel 2004, "Maximum Likelihood Estimation of Intrinsic Dimension", NeurIPS
    - Kapoor, Narayanan 2023, "Leakage and the reproducibility crisis in machine-learning-based science", Patterns 4
    """
    for split, found in neighbours.splits.items():
        if found.overlapping >= OVERLAPS and found.overlapping * found.rows >= FEWEST:
            start = f"{percent(found.overlapping)} of the series on {split} overlap with those of training rows"
            yield _finding(start, found.overlapping, OVERLAPS, split, found)
        elif found.share >= CLOSE and found.share * found.rows >= FEWEST and found.dimension >= DIMENSION:
            chance = f"by chance: {percent(found.expected)}"
            start = f"{percent(found.share)} of the rows on {split} are nearly a training row ({chance})"
            yield _finding(start, found.share, CLOSE, split, found)


def _finding(start: str, value: float, threshold: float, split: str, found: Close) -> Finding:
    harm = _harm(found)
    return Finding(
        Severity.WARNING if harm and found.spatial else Severity.HINT,
        start + harm,
        where=Where(split=split),
        value=value,
        threshold=threshold,
        rows=found.rows,
    )


def _harm(found: Close) -> str:
    """By how much the error on these rows is too low, in words; empty unless that is clear."""
    if found.network is not None and _flattered(found.network):
        own, other = number(found.network.helped), number(found.network.without)
        return f"; the network's error is {own} on them and {other} on the others"
    if found.nearest is not None and _flattered(found.nearest):
        own, other = number(found.nearest.helped), number(found.nearest.without)
        return f"; the error of a nearest-neighbour model on them is {own}, and {other} without the closest rows"
    return ""


def _flattered(errors: Flattered) -> bool:
    return errors.difference.low > 0 and errors.helped <= (1 - HARM) * errors.without
