from collections.abc import Iterator

from diagnose.checks.reading.wording import percent
from diagnose.findings import Finding, Severity, Where
from diagnose.measurements import Dataset, Network
from diagnose.registry import check

MEASURABLE = 0.01  # share of conflicting rows: about the error that no model on these inputs can remove
TRACE = 0.001  # worth a look
COMMON = 0.20  # share of repeated rows from which on equal inputs are the nature of the data, not slips


@check("Equal inputs with different labels", family="data")
def conflicting_labels(dataset: Dataset, network: Network) -> Iterator[Finding]:
    """Counts the rows whose inputs equal another row's while the labels differ.

    ## What it measures
    The share of rows of each split with a twin of another label, and the share of rows that repeat an
    earlier one.

    ## Why it matters
    No function of the inputs can be right about both rows: half of the smaller share is error that cannot be
    removed, and the network spends capacity on trying.

    ## How it is decided
    A hint from 1 % of the rows, a note from 0.1 %. Where at least 20 % of all rows repeat another one the
    inputs take few values, and equal rows with different outcomes are to be expected. Never more than a hint: it
    bounds what any model can reach, and is no fault of this one.

    ## Known limits
    Only outputs that classify are judged: a regression target may differ between equal rows by its noise.
    Almost equal rows are not seen.

    ## References
    - Northcutt, Athalye, Mueller 2021, "Pervasive Label Errors in Test Sets", arXiv:2103.14749
    - Ng 2018, *Machine Learning Yearning*, chapters 16 and 38 (mislabelled and inconsistent data)
    """
    if not all(head.output.task.classifies for head in network.heads):
        return
    for split in dataset.splits:
        share = split.conflicting
        if share is None or share < TRACE:
            continue
        natural = (split.duplicates or 0.0) >= COMMON
        yield Finding(
            Severity.HINT if share >= MEASURABLE else Severity.INFO,
            f"{percent(share)} of the rows on {split.name} have the same inputs as a row with another label"
            + (f", where {percent(split.duplicates or 0.0)} of all rows repeat another one" if natural else ""),
            where=Where(split=split.name),
            value=share,
            threshold=MEASURABLE,
            rows=split.rows_used,
        )
