from collections.abc import Iterator

import numpy as np

from diagnose.checks.further_reading import NOT_WORKING, RECIPE
from diagnose.checks.reading.wording import counted, listed, number
from diagnose.findings import Finding, Severity, Where
from diagnose.measurements import Dataset, InputStatistics, SplitStatistics
from diagnose.registry import check

SENTINELS = (-999.0, -9999.0, -99999.0)  # numbers that commonly stand for "missing"
APART = 0.5  # largest value of a column over the size of its sentinel, at most; a symmetric range is legitimate


@check("Missing or infinite values in the data", family="data", reading=(RECIPE, NOT_WORKING))
def non_finite_data(dataset: Dataset) -> Iterator[Finding]:
    """Counts NaN and infinite values in the inputs and the targets, and looks for numbers that mark missing values.

    ## What it measures
    NaN and infinite values per split, in every input and every target; and columns whose smallest value is exactly
    -999, -9999 or -99999.

    ## Why it matters
    One NaN in a batch makes the loss NaN, and after one step every weight. A number that stands for "missing" does harm
    too: it dominates the column's mean and spread.

    ## How it is decided
    Any NaN or infinite value is an error. A column is a hint if its smallest value is one of the numbers above and its
    largest value is at most half as large in size.

    ## Known limits
    Only sampled rows of the inputs are scanned. Missing values marked by another number (0, -1, 9999) are not found:
    these numbers are usually legitimate.

    ## References
    - Breck, Polyzotis, Roy, Whang, Zinkevich 2019, "Data Validation for Machine Learning", MLSys
    """
    for split in dataset.splits:
        for name, count, rows in _holes(split):
            yield Finding(
                Severity.ERROR,
                f"{counted(count, 'value')} of {name} on {split.name} {'is' if count == 1 else 'are'} NaN or infinite",
                where=Where(split=split.name, feature=name),
                value=float(count),
                threshold=0.0,
                rows=rows,
            )
    for inputs in dataset.train.inputs:
        yield from _sentinels(inputs, dataset.train.rows_used)


def _holes(split: SplitStatistics) -> Iterator[tuple[str, int, int]]:
    for inputs in split.inputs:
        if inputs.non_finite:
            yield f"input {inputs.name}", inputs.non_finite, split.rows_used
    for target in split.targets:
        if target.non_finite:
            yield f"target {target.output}", target.non_finite, target.rows


def _sentinels(inputs: InputStatistics, rows: int) -> Iterator[Finding]:
    if inputs.kind not in ("dense", "sequence"):
        return
    suspects = np.isin(inputs.low, SENTINELS) & (inputs.high <= APART * np.abs(inputs.low))
    columns = np.flatnonzero(suspects & (inputs.std > 0))
    if columns.size:
        names = inputs.feature_names or tuple(f"column {i + 1}" for i in range(inputs.low.size))
        low = float(inputs.low[columns[0]])
        yield Finding(
            Severity.HINT,
            f"the smallest value of {listed([names[i] for i in columns])} is exactly {number(low)}, "
            "a number that often marks missing values",
            where=Where(split="train", feature=names[columns[0]]),
            value=low,
            rows=rows,
        )
