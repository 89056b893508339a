from collections.abc import Iterator

from diagnose.checks.further_reading import NOT_WORKING, RECIPE
from diagnose.checks.reading.twins import about, leaves_open, too_few_rows
from diagnose.checks.reading.wording import percent
from diagnose.findings import Finding, Severity, Where
from diagnose.measurements import Dataset, Evaluation, Network, SplitScores, SplitStatistics, Twins
from diagnose.registry import check

MEASURABLE = 0.01  # share of conflicting rows: about the error that no model on these inputs can remove
TRACE = 0.001  # worth a look
OF_ERROR = 0.25  # share of the model's error that conflicts bring about; from here on they limit what can be reached
COMMON = 0.20  # share of repeated rows; above, identical inputs are expected rather than labelling errors


@check("Identical inputs with different labels", family="data", needs_task=True, reading=(RECIPE, NOT_WORKING))
def conflicting_labels(dataset: Dataset, network: Network, evaluation: Evaluation | None) -> Iterator[Finding]:
    """Counts the rows whose inputs are identical to another row's while the labels differ.

    ## What it measures
    The number of rows of each split that have a twin with another label, and of rows that repeat an earlier one, among
    the rows that were compared; and the resulting share of all rows, with its exact binomial interval if rows were
    sampled.

    ## Why it matters
    No function of the inputs can be right about both rows. Part of this share is error that no model can remove, and
    the network wastes capacity on trying.

    ## How it is decided
    A hint from 1 % of the rows, a note from 0.1 % (the lower end of the interval if rows were sampled). If at least 20
    % of all rows repeat another one, the inputs take few values, and identical rows with different outcomes are
    expected. Otherwise a warning if the rows whose label is not the most frequent one of their twins, which every model
    gets wrong, are at least 1 % of the rows and a quarter of the model's error on that split. If a sample leaves a
    share above 1 % possible at 95 %, the split is not judged.

    ## Known limits
    Only classification outputs are judged: a regression target may differ between identical rows by its noise.
    Near-duplicates are not found. A sample shows a row's twins only if they are in the sample too.

    ## References
    - Northcutt, Athalye, Mueller 2021, "Pervasive Label Errors in Test Sets", arXiv:2103.14749
    - Ng 2018, *Machine Learning Yearning*, chapters 16 and 38 (mislabelled and inconsistent data)
    - Hanley, Lippman-Hand 1983, "If nothing goes wrong, is everything all right?", JAMA 249 (the rule of three)
    """
    if not all(head.output.task.classifies for head in network.heads):
        return
    undecided = []
    for split in dataset.splits:
        twins = split.conflicting
        if twins is None:
            continue
        if twins.at_least >= TRACE:
            yield _finding(split, twins, evaluation)
        elif leaves_open(twins, MEASURABLE):
            undecided.append((split, twins))
    if undecided:
        raise too_few_rows(*undecided[0], "have a twin with another label")


def _finding(split: SplitStatistics, twins: Twins, evaluation: Evaluation | None) -> Finding:
    repeated = split.duplicates.share if split.duplicates is not None else 0.0
    natural = f", and {percent(repeated)} of all rows repeat another one" if repeated >= COMMON else ""
    severity = Severity.HINT if twins.at_least >= MEASURABLE else Severity.INFO
    error, certain = _error(split, evaluation), split.outvoted.at_least if split.outvoted is not None else 0.0
    bound = ""
    if not natural and error is not None and certain >= max(MEASURABLE, OF_ERROR * error):
        severity, bound = (
            Severity.WARNING,
            f": at least {percent(certain)} error for every model (now {percent(error)})",
        )
    return Finding(
        severity,
        f"{about(twins)} of the rows on {split.name} have the same inputs as a row with another label{natural}{bound}",
        where=Where(split=split.name),
        value=twins.share,
        unit="share",
        threshold=MEASURABLE,
        interval=twins.interval,
        rows=twins.rows,
    )


def _error(split: SplitStatistics, evaluation: Evaluation | None) -> float | None:
    """The error of the only output on this split, if each row has one label; None if unknown."""
    scored = getattr(evaluation, split.name, None)
    if not isinstance(scored, SplitScores) or len(scored.scores) != 1 or scored.scores[0].positions is not None:
        return None
    return scored.scores[0].error
